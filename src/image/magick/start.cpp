#include "start.hpp"

#include <Magick++.h>
#include <malloc.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <vector>

#include "../formats.hpp"
#include "bw/base/error.hpp"
#include "exceptions.hpp"

namespace bw::image::magick {
namespace {

// For a limit, the first policy that names it is a ceiling that no call can raise, and the file in
// MAGICK_CONFIGURE_PATH comes first. Debian 12's own ceilings would send 42 megapixels to a file.
constexpr const char* kCeilings = R"(<policymap>
  <policy domain="resource" name="memory" value="1EiB"/>
  <policy domain="resource" name="map" value="1EiB"/>
  <policy domain="resource" name="disk" value="1EiB"/>
  <policy domain="resource" name="area" value="1EP"/>
  <policy domain="resource" name="width" value="1EP"/>
  <policy domain="resource" name="height" value="1EP"/>
  <policy domain="resource" name="list-length" value="1EP"/>
  <policy domain="resource" name="time" value="1000000000"/>
  <policy domain="resource" name="throttle" value="0"/>
</policymap>)";

// This is higher than every ceiling above: ImageMagick takes the lower of the two.
constexpr auto kNoLimit = std::uint64_t{1} << 50;

// For a right, the last policy that fits decides, and what is set by a call comes after all files.
std::string rights(std::span<const std::string> formats) {
    std::string coders;
    for (const Format& format : all_formats()) {
        if (is_among(formats, format)) coders.append(coders.empty() ? "" : ",").append(format.coder);
    }
    return R"(<policymap>
  <policy domain="delegate" rights="none" pattern="*"/>
  <policy domain="filter" rights="none" pattern="*"/>
  <policy domain="coder" rights="none" pattern="*"/>
  <policy domain="coder" rights="read|write" pattern="{)" +
           coders + R"(}"/>
</policymap>)";
}

// ImageMagick's memory is filled with zeros, up to the end of what malloc gave. The parts of a TIFF begin at
// even offsets, and the bytes that are left out between them would else hold whatever lay there: other bytes
// each time, and perhaps another user's. This function is not inlined, because _FORTIFY_SOURCE does not know
// that we may use more than we asked malloc for.
[[gnu::noinline]] void* zeroed(void* memory, std::size_t from) {
    const std::size_t size = ::malloc_usable_size(memory);
    if (memory != nullptr && from < size) std::memset(static_cast<char*>(memory) + from, 0, size - from);
    return memory;
}

void* acquire_zeroed(std::size_t bytes) { return zeroed(std::malloc(bytes), 0); }

void* resize_zeroed(void* memory, std::size_t bytes) {
    const std::size_t before = ::malloc_usable_size(memory);
    return zeroed(std::realloc(memory, bytes), before);
}

// A folder of our own among the temporary files, which goes with everything in it.
class TemporaryFolder {
  public:
    TemporaryFolder() : path_(std::filesystem::temp_directory_path() / "bw-XXXXXX") {
        if (::mkdtemp(path_.data()) == nullptr)
            throw std::filesystem::filesystem_error("mkdtemp", path_,
                                                    std::error_code(errno, std::generic_category()));
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

void write_policy(const TemporaryFolder& folder) {
    const std::string file = folder.path() + "/policy.xml";
    std::ofstream(file) << kCeilings << std::flush;
    if (std::filesystem::file_size(file) != std::string_view(kCeilings).size())
        throw std::filesystem::filesystem_error("write", file,
                                                std::error_code(errno, std::generic_category()));
}

// An environment variable is the only way to tell ImageMagick where policy.xml is, and ImageMagick reads it
// once.
void initialize_under_our_ceilings() try {
    const TemporaryFolder folder;
    write_policy(folder);
    ::setenv("MAGICK_CONFIGURE_PATH", folder.path().c_str(), 1);
    MagickCore::SetMagickMemoryMethods(acquire_zeroed, resize_zeroed, std::free);
    Magick::InitializeMagick(nullptr);
    ::unsetenv("MAGICK_CONFIGURE_PATH");
} catch (const std::filesystem::filesystem_error& failure) {
    throw Error(
        ErrorKind::kConfiguration, "TMPDIR",
        "the folder for temporary files takes no file, which ImageMagick's policy needs at the start: " +
            failure.code().message());
}

bool can_decode(const Format& format) {
    try {
        return Magick::CoderInfo(std::string(format.coder)).isReadable();
    } catch (const Magick::Exception&) {
        return false;
    }
}

bool is_possible(std::string_view name) {
    const auto all = all_formats();
    return std::any_of(all.begin(), all.end(), [canonical = canonical_name(name)](const Format& format) {
        return format.name == canonical && can_decode(format);
    });
}

// Loads the decoders of these formats. Others are loaded only where there is a mistake to explain: HEIC's
// alone would take a fifth of a worker's start.
void check_formats(std::span<const std::string> formats) {
    const auto wrong = std::find_if_not(formats.begin(), formats.end(), is_possible);
    if (wrong == formats.end()) return;
    std::vector<std::string> possible;
    for (const Format& format : all_formats()) {
        if (!is_among(possible, format) && can_decode(format)) possible.emplace_back(format.name);
    }
    throw Error(ErrorKind::kConfiguration, "settings",
                "invalid BW_FORMATS \"" + list_of(formats) + "\" (format: some of " + list_of(possible) +
                    " with commas; \"" + *wrong + "\" is not among what this ImageMagick decodes)");
}

}  // namespace

void start(std::span<const std::string> formats) {
    initialize_under_our_ceilings();
    check_formats(formats);
    // This loads the texts of ImageMagick's errors. Where memory ends it would be too late: ImageMagick would
    // want to report that while it holds the lock on its texts, and would wait for itself.
    MagickCore::GetLocaleMessage("Resource/Limit/FatalError/MemoryAllocationFailed");
    const auto exception = make_exception_info();
    MagickCore::SetMagickSecurityPolicy(rights(formats).c_str(), exception.get());
    // ImageMagick's limit on time counts from the start of the process, and ends the process. It must be a
    // plain number of seconds: ImageMagick 7 would read "1EP" as one second.
    MagickCore::SetMagickResourceLimit(MagickCore::TimeResource, kNoLimit);
    // The throttle is a number of milliseconds that ImageMagick sleeps at every step.
    MagickCore::SetMagickResourceLimit(MagickCore::ThrottleResource, 0);
    // Several threads gain almost nothing within one picture; one worker a core uses the cores better.
    Magick::ResourceLimits::thread(1);
}

void limit_memory(std::uint64_t max_memory_bytes) {
    Magick::ResourceLimits::listLength(kNoLimit);
    Magick::ResourceLimits::memory(max_memory_bytes);
    Magick::ResourceLimits::map(0);
    Magick::ResourceLimits::disk(0);
    Magick::ResourceLimits::area(kNoLimit);
    Magick::ResourceLimits::width(kNoLimit);
    Magick::ResourceLimits::height(kNoLimit);
}

}  // namespace bw::image::magick
