#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <vector>

#include "bw/base/error.hpp"
#include "bw/base/text.hpp"
#include "file/file_scheme.hpp"
#include "file/path.hpp"
#include "scheme.hpp"

namespace bw {
namespace {

// OUTDIR is a path.
constexpr std::string_view kSchemeOfOutdir = "file";

std::string what_would_be_right(const Uri& uri) {
    std::string forms;
    std::vector<std::string_view> names;
    for (const auto& scheme : schemes()) {
        forms.append(forms.empty() ? "" : " or ").append(scheme.form);
        names.push_back(scheme.name);
    }
    if (!uri.scheme.empty()) {
        return "bw reads no " + uri.scheme + ": URIs (" + forms + " is right" +
               did_you_mean(uri.scheme, names) + ")";
    }
    if (uri.text.starts_with('/')) {
        return "the image is a path, not a URI (" + path_as_file_uri(uri.text) + " is right)";
    }
    return "the image is not a URI (" + forms + " is right)";
}

[[noreturn]] void refuse_unknown(const Uri& uri) {
    throw Error(ErrorKind::kJob, uri.text, what_would_be_right(uri));
}

// Gives each URI to the source of its scheme.
class SourceOfEachScheme : public Source {
  public:
    explicit SourceOfEachScheme(const StorageSettings& settings) {
        for (const auto& scheme : schemes()) sources_.emplace(scheme.name, scheme.make_source(settings));
    }

    Input read(const Uri& uri, std::uint64_t max_bytes, const std::stop_token& stop) override {
        const auto found = sources_.find(uri.scheme);
        if (found == sources_.end()) refuse_unknown(uri);
        return found->second->read(uri, max_bytes, stop);
    }

    void check_ready() override {
        for (const auto& [name, source] : sources_) source->check_ready();
    }

  private:
    std::map<std::string_view, std::unique_ptr<Source>> sources_;
};

}  // namespace

std::span<const Scheme> schemes() {
    static constexpr std::array<Scheme, 1> kSchemes{file_scheme()};
    return kSchemes;
}

const Scheme* find_scheme(std::string_view name) {
    const auto table = schemes();
    const auto found =
        std::find_if(table.begin(), table.end(), [&](const auto& s) { return s.name == name; });
    return found == table.end() ? nullptr : &*found;
}

std::unique_ptr<Source> open_source(const StorageSettings& settings) {
    return std::make_unique<SourceOfEachScheme>(settings);
}

std::unique_ptr<Sink> open_sink(const StorageSettings& settings) {
    return find_scheme(kSchemeOfOutdir)->make_sink(settings);
}

Needs storage_needs(const StorageSettings& settings) {
    Needs all;
    for (const auto& scheme : schemes()) std::ranges::move(scheme.needs(settings), std::back_inserter(all));
    return all;
}

Uri image_uri(std::string_view text) {
    Uri uri = parse_uri(text, ErrorKind::kJob);
    if (find_scheme(uri.scheme) == nullptr) refuse_unknown(uri);
    return uri;
}

}  // namespace bw
