// The table of URI schemes. Each has a folder here; a new one is that folder and one row in schemes.cpp.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "bw/storage.hpp"

namespace bw {

struct Scheme {
    std::string_view name;  // in lower case
    std::string_view form;  // what a right URI looks like
    std::unique_ptr<Source> (*make_source)(const StorageSettings& settings);
    std::unique_ptr<Sink> (*make_sink)(const StorageSettings& settings);
    Needs (*needs)(const StorageSettings& settings);  // of the sandbox
};

std::span<const Scheme> schemes();

// Null: the table has none of that name.
const Scheme* find_scheme(std::string_view name);

}  // namespace bw
