// The scheme file: images are regular files, results are files in OUTDIR.
#pragma once

#include <memory>

#include "scheme.hpp"

namespace bw {

std::unique_ptr<Source> make_file_source(const StorageSettings& settings);
std::unique_ptr<Sink> make_file_sink(const StorageSettings& settings);
Needs file_needs(const StorageSettings& settings);

constexpr Scheme file_scheme() {
    return {.name = "file",
            .form = "file:///path",
            .make_source = make_file_source,
            .make_sink = make_file_sink,
            .needs = file_needs};
}

}  // namespace bw
