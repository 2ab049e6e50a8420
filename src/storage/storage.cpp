#include "bw/storage.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "bw/base/error.hpp"
#include "bw/base/text.hpp"
#include "bw/base/uri.hpp"
#include "inputs.hpp"
#include "outputs.hpp"

namespace bw {
namespace {

// Linux's limit for one name in a path.
constexpr std::size_t kMaxNameBytes = 255;

[[noreturn]] void refuse_uri(std::string_view uri, const std::string& what) {
    throw Error(ErrorKind::kJob, std::string(uri), what);
}

class FileStorage : public Storage {
  public:
    explicit FileStorage(const StorageSettings& settings)
        : inputs_(settings.input_roots),
          outputs_(settings.outdir, settings.min_free_bytes),
          sweep_(settings.sweep),
          max_file_bytes_(settings.max_file_bytes) {}

    void prove_ready() override {
        inputs_.check_roots();
        if (sweep_) outputs_.sweep();  // first: the dead may hold the room
        outputs_.prove();
    }

    void check_ready() override {
        inputs_.check_roots();
        outputs_.check();
    }

    std::string read(const std::string& uri) override {
        const auto path = file_uri_path(uri);
        const File file = inputs_.open(path);
        const auto refuse = [&path](ErrorKind kind, const std::string& what) {
            throw Error(kind, path.string(), what);
        };
        struct stat status {};
        if (::fstat(file.get(), &status) != 0) {
            refuse(ErrorKind::kInput, "the image cannot be read: " + system_reason(errno));
        }
        const auto size = static_cast<std::uint64_t>(status.st_size);
        if (size > max_file_bytes_) {
            refuse(ErrorKind::kImage, "the image file has " + std::to_string(size) +
                                          " bytes, more than BW_MAX_FILE_SIZE (" +
                                          std::to_string(max_file_bytes_) + " bytes)");
        }
        std::string bytes(size, '\0');
        std::size_t filled = 0;
        while (filled < bytes.size()) {
            const ssize_t got = ::read(file.get(), bytes.data() + filled, bytes.size() - filled);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) refuse(ErrorKind::kInput, "the image cannot be read: " + system_reason(errno));
            if (got == 0) break;  // it became shorter meanwhile; the decoder will judge what is there
            filled += static_cast<std::size_t>(got);
        }
        bytes.resize(filled);
        return bytes;
    }

    std::filesystem::path commit(const std::string& name, std::string_view bytes) override {
        return outputs_.commit(name, bytes);
    }

  private:
    const Inputs inputs_;
    const Outputs outputs_;
    const bool sweep_;
    const std::uint64_t max_file_bytes_;
};

}  // namespace

std::unique_ptr<Storage> open_storage(const StorageSettings& settings) {
    return std::make_unique<FileStorage>(settings);
}

std::filesystem::path file_uri_path(std::string_view uri) {
    constexpr std::string_view kScheme = "file://";
    constexpr std::string_view kLocalhost = "localhost";
    if (!uri.starts_with(kScheme)) refuse_uri(uri, "the image is no file URI (file:///path is right)");
    std::string_view rest = uri.substr(kScheme.size());
    if (rest.starts_with(kLocalhost)) rest.remove_prefix(kLocalhost.size());
    if (!rest.starts_with('/')) {
        refuse_uri(uri, "the image URI names another host or a relative path (file:///path is right)");
    }
    auto path = percent_decode(rest);
    if (!path) {
        refuse_uri(uri, "the image URI holds a % that no two hex digits follow (a % itself is %25)");
    }
    if (path->find('\0') != std::string::npos) refuse_uri(uri, "the image URI holds %00");
    return *std::move(path);
}

std::string image_extension(std::string_view uri) {
    std::string extension = file_uri_path(uri).extension().string();
    if (has_control_character(extension) || extension.find('\\') != std::string::npos) {
        refuse_uri(uri, "the image's extension holds a backslash or control character");
    }
    return extension;
}

std::string output_name(const std::string& id, const std::string& extension) {
    std::string name = id + extension;
    if (name.size() <= kMaxNameBytes) return name;
    throw Error(ErrorKind::kJob, name,
                "id and extension together have more than " + std::to_string(kMaxNameBytes) + " bytes");
}

}  // namespace bw
