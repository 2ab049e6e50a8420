// The image URI of a job: what it names to read, what the output is called, and that no path leaves an input
// root.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "bw/base/error.hpp"
#include "bw/base/uri.hpp"
#include "bw/storage.hpp"
#include "check.hpp"
#include "storage/file/path.hpp"

namespace bw::fuzz {
namespace {

namespace fs = std::filesystem;

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

void check_names(std::string_view uri) {
    const Uri image = image_uri(uri);
    const std::string path = file_path(image).string();
    require(path.starts_with('/'), "an image's path is absolute");
    require(path.find('\0') == std::string::npos, "an image's path has no NUL");

    const OutputName output = output_name("5e91425f", image);
    const std::string& extension = output.extension;
    require(extension.empty() || (extension.front() == '.' && path.ends_with(extension)),
            "an extension is the end of the path");
    const std::string name = output.text();
    require(name.size() <= 255 && name.starts_with("5e91425f"), "an output's name is one for a file system");
    require(name.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos,
            "an output stays in OUTDIR");
    require(std::none_of(name.begin(), name.end(), [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; }),
            "an output's name has no control characters");
}

// An input root with a file, a folder and links, and beside it a file that nobody may read.
class Roots {
  public:
    Roots() {
        std::string pattern = fs::temp_directory_path() / "bw-fuzz-XXXXXX";
        top_ = ::mkdtemp(pattern.data());
        fs::create_directories(top_ / "root/d");
        for (const char* name : {"root/a", "root/d/b"}) std::ofstream(top_ / name) << "inside";
        std::ofstream(top_ / "secret") << "outside";
        fs::create_symlink("d/b", top_ / "root/in");
        fs::create_symlink("../secret", top_ / "root/out");
        fs::create_symlink("..", top_ / "root/up");
        fs::create_symlink("/", top_ / "root/slash");
        source_ = open_source({.outdir = top_, .input_roots = {top_ / "root"}});
    }
    ~Roots() { fs::remove_all(top_); }
    Roots(const Roots&) = delete;
    Roots& operator=(const Roots&) = delete;

    void check(const std::string& uri) const {
        std::string bytes;
        try {
            bytes = source_->read(image_uri(uri), 1000, {}).bytes;
        } catch (const Error& error) {
            require(error.kind() == ErrorKind::kJob || error.kind() == ErrorKind::kInput,
                    "what is not read is an error of kind job or input");
            return;
        }
        require(bytes == "inside", "nothing is read outside the input roots");
    }
    // `rest` as it comes after the URI of the root.
    void check_beneath(std::string_view rest) const {
        check("file://" + (top_ / "root/").string() + std::string(rest));
    }

  private:
    fs::path top_;
    std::unique_ptr<Source> source_;
};

}  // namespace
}  // namespace bw::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace bw;
    static const fuzz::Roots roots;
    const auto uri = fuzz::text(data, size);
    fuzz::check_percent_decode(uri);
    roots.check(std::string(uri));
    roots.check_beneath(uri);
    try {
        fuzz::check_names(uri);
    } catch (const Error& error) {
        fuzz::require(error.kind() == ErrorKind::kJob, "a bad URI is an error of kind job");
    }
    return 0;
}
