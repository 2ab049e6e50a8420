// The image URI of a job: what it names to read, and what the output is called.
#include <algorithm>

#include "bw/error.hpp"
#include "bw/storage.hpp"
#include "bw/uri.hpp"
#include "check.hpp"

namespace bw::fuzz {
namespace {

std::string percent_encode(std::string_view bytes) {
    static constexpr char kDigits[] = "0123456789ABCDEF";
    std::string encoded;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        encoded.append({'%', kDigits[byte / 16], kDigits[byte % 16]});
    }
    return encoded;
}

void check_percent_decode(std::string_view text) {
    require(percent_decode(percent_encode(text)) == text, "what was encoded is what is decoded");
    const auto decoded = percent_decode(text);
    if (text.find('%') == std::string_view::npos) require(decoded == text, "without % nothing is changed");
    if (decoded) require(decoded->size() <= text.size(), "decoding makes nothing longer");
}

void check_uri(std::string_view uri) {
    const std::string path = file_uri_path(uri).string();
    require(path.starts_with('/'), "an image's path is absolute");
    require(path.find('\0') == std::string::npos, "an image's path has no NUL");

    const std::string extension = image_extension(uri);
    require(extension.empty() || (extension.front() == '.' && path.ends_with(extension)),
            "an extension is the end of the path");
    const std::string name = output_name("5e91425f", extension);
    require(name.size() <= 255 && name.starts_with("5e91425f"), "an output's name is one for a file system");
    require(name.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos,
            "an output stays in OUTDIR");
    require(std::none_of(name.begin(), name.end(), [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; }),
            "an output's name has no control characters");
}

}  // namespace
}  // namespace bw::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace bw;
    const auto uri = fuzz::text(data, size);
    fuzz::check_percent_decode(uri);
    try {
        fuzz::check_uri(uri);
    } catch (const Error& error) {
        fuzz::require(error.kind() == ErrorKind::kJob, "a bad URI is an error of kind job");
    }
    return 0;
}
