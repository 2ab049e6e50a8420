#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "bw/base/error.hpp"
#include "file/file_scheme.hpp"
#include "file/identity.hpp"
#include "file/inputs.hpp"
#include "file/path.hpp"
#include "stop.hpp"

namespace bw {
namespace {

// Between two looks whether the job is to end: a slow network file system takes a second for it.
constexpr std::size_t kReadAtOnce = 8 << 20;

[[noreturn]] void refuse_to_read(const std::filesystem::path& path, int reason) {
    throw Error(ErrorKind::kInput, path.string(), "the image cannot be read: " + system_reason(reason));
}

std::string read_all(const File& file, std::size_t size, const std::filesystem::path& path,
                     const std::stop_token& stop) {
    std::string bytes(size, '\0');
    std::size_t filled = 0;
    while (filled < size) {
        throw_if_stopped(stop, path.string());
        const ssize_t got = ::read(file.get(), bytes.data() + filled, std::min(size - filled, kReadAtOnce));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) refuse_to_read(path, errno);
        if (got == 0) break;  // it became shorter meanwhile; the decoder will judge what is there
        filled += static_cast<std::size_t>(got);
    }
    bytes.resize(filled);
    return bytes;
}

class FileSource : public Source {
  public:
    explicit FileSource(const StorageSettings& settings) : inputs_(settings.input_roots) {}

    Input read(const Uri& uri, std::uint64_t max_bytes, const std::stop_token& stop) override {
        const auto path = file_path(uri);
        const File file = inputs_.open(path, stop);
        struct stat status {};
        if (::fstat(file.get(), &status) != 0) refuse_to_read(path, errno);
        const auto size = static_cast<std::uint64_t>(status.st_size);
        if (size > max_bytes) {
            throw Error(ErrorKind::kImage, path.string(),
                        "the image file has " + std::to_string(size) +
                            " bytes, more than BW_MAX_FILE_SIZE (" + std::to_string(max_bytes) + " bytes)");
        }
        return {.bytes = read_all(file, size, path, stop),
                .is_source = [path, identity = identity_of(status)](const std::string& other) {
                    struct stat now {};
                    return other == identity ||
                           (::stat(path.c_str(), &now) == 0 && other == identity_of(now));
                }};
    }

    void check_ready() override { inputs_.check_roots(); }

  private:
    const Inputs inputs_;
};

}  // namespace

std::unique_ptr<Source> make_file_source(const StorageSettings& settings) {
    return std::make_unique<FileSource>(settings);
}

Needs file_needs(const StorageSettings& settings) {
    Needs needs{{Need::Kind::kWrite, settings.outdir}};
    if (settings.input_roots.empty()) needs.push_back({Need::Kind::kRead, "/"});
    for (const auto& root : settings.input_roots) needs.push_back({Need::Kind::kRead, root});
    return needs;
}

}  // namespace bw
