#include "magick.hpp"

#include <malloc.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>

#include "damage.hpp"

namespace bw::image {
namespace {

using ExceptionInfo = std::unique_ptr<MagickCore::ExceptionInfo, decltype(&MagickCore::DestroyExceptionInfo)>;
using ImageInfo = std::unique_ptr<MagickCore::ImageInfo, decltype(&MagickCore::DestroyImageInfo)>;

ExceptionInfo make_exception_info() {
    return {MagickCore::AcquireExceptionInfo(), MagickCore::DestroyExceptionInfo};
}

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

// As high as no ceiling above: ImageMagick takes the lower of the two.
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

// ImageMagick's memory, zeroed to the end of what malloc gave. A TIFF's parts begin at even offsets, and the
// bytes left out between them would else be whatever lay there: other bytes each time, and not ours to give.
// Not inline: what malloc gave beyond what was asked for is ours too, which _FORTIFY_SOURCE does not know.
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

// The environment variable is the only way to say where policy.xml is, and it is read once.
void initialize_under_our_ceilings() {
    std::error_code failure;
    std::string folder = std::filesystem::temp_directory_path(failure) / "bw-XXXXXX";
    const bool made = !failure && ::mkdtemp(folder.data()) != nullptr;
    if (made) std::ofstream(folder + "/policy.xml") << kCeilings << std::flush;
    if (!made ||
        std::filesystem::file_size(folder + "/policy.xml", failure) != std::string_view(kCeilings).size()) {
        throw Error(
            ErrorKind::kConfiguration, "TMPDIR",
            "the folder for temporary files takes no file, which ImageMagick's policy needs at the start: " +
                (failure ? failure.message() : system_reason(errno)));
    }
    ::setenv("MAGICK_CONFIGURE_PATH", folder.c_str(), 1);
    MagickCore::SetMagickMemoryMethods(acquire_zeroed, resize_zeroed, std::free);
    Magick::InitializeMagick(nullptr);
    ::unsetenv("MAGICK_CONFIGURE_PATH");
    std::filesystem::remove_all(folder);
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
    return std::any_of(all.begin(), all.end(),
                       [&](const Format& format) { return format.name == name && can_decode(format); });
}

// Loads the decoders of these formats, and of others only where there is a mistake to explain: HEIC's alone
// would be a fifth of a worker's start.
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

// "Premature end of JPEG file `' @ warning/jpeg.c/JPEGWarningHandler/389" without where it comes from.
std::string without_place(const char* reason) {
    const std::string_view whole = reason != nullptr ? reason : "";
    return std::string(whole.substr(0, whole.find(" `")));
}

std::string text_of(const MagickCore::ExceptionInfo& exception) { return without_place(exception.reason); }

// The first error, else the first warning that means damage; null if there is none.
const MagickCore::ExceptionInfo* find_failure(const MagickCore::ExceptionInfo& exceptions) {
    auto* list = static_cast<MagickCore::LinkedListInfo*>(exceptions.exceptions);
    const MagickCore::ExceptionInfo* damage = nullptr;
    MagickCore::ResetLinkedListIterator(list);
    while (const void* next = MagickCore::GetNextValueInLinkedList(list)) {
        const auto* one = static_cast<const MagickCore::ExceptionInfo*>(next);
        if (one->severity >= MagickCore::ErrorException) return one;
        if (damage == nullptr && is_damage(text_of(*one))) damage = one;
    }
    return damage;
}

// ImageMagick 6 keeps a decoder's warnings with each image.
void collect_warnings([[maybe_unused]] const MagickCore::Image* images,
                      [[maybe_unused]] MagickCore::ExceptionInfo* exception) {
#if MagickLibVersion < 0x700
    for (; images != nullptr; images = MagickCore::GetNextImageInList(images)) {
        MagickCore::InheritException(exception, &images->exception);
    }
#endif
}

MagickCore::MagickBooleanType go_on(const char*, MagickCore::MagickOffsetType, MagickCore::MagickSizeType,
                                    void* stop) {
    return static_cast<const std::stop_token*>(stop)->stop_requested() ? MagickCore::MagickFalse
                                                                       : MagickCore::MagickTrue;
}

ImageInfo make_image_info(const Format& format) {
    ImageInfo info(MagickCore::AcquireImageInfo(), MagickCore::DestroyImageInfo);
    format.coder.copy(info->magick, sizeof(info->magick) - 1);
    return info;
}

struct Reading {
    Frames frames;
    ExceptionInfo exceptions = make_exception_info();
};

// Through the C API, whose ExceptionInfo shows all that was said: Magick++'s own read() throws on any warning
// and, told to be quiet, hides some errors on ImageMagick 6.
Reading read(decltype(&MagickCore::BlobToImage) reader, std::string_view bytes, const ImageInfo& info) {
    Reading reading;
    auto* images = reader(info.get(), bytes.data(), bytes.size(), reading.exceptions.get());
    collect_warnings(images, reading.exceptions.get());
    if (images != nullptr) insertImages(&reading.frames, images);
    // Else Magick++ would throw the warnings that ImageMagick 6 keeps at the next step.
    for (auto& frame : reading.frames) frame.quiet(true);
    return reading;
}

// ImageMagick 6 does not say what is wrong with a PNG.
constexpr const char* kNothingSaid = "it is damaged or cut off, or does not fit into BW_MAX_MEMORY";

[[noreturn]] void refuse_as_damaged(const Format& format, const std::string& why) {
    refuse("the " + std::string(format.coder) + " image cannot be decoded: " + why);
}

void refuse_damage(const Format& format, const Reading& reading) {
    if (const auto* failure = find_failure(*reading.exceptions)) refuse_as_damaged(format, text_of(*failure));
    const bool whole =
        !reading.frames.empty() && std::all_of(reading.frames.begin(), reading.frames.end(),
                                               [](const Magick::Image& frame) { return frame.isValid(); });
    if (!whole) refuse_as_damaged(format, kNothingSaid);
}

// ImageMagick 6 writes 8 bits a pixel, and 7 drops the compression. The source's own stays if it can hold one
// bit; else it is Group 4, which is made for that.
void make_tiff_of_one_bit(Magick::Image& frame) {
    static constexpr std::array kKept{
        Magick::NoCompression,  Magick::LZWCompression,  Magick::ZipCompression,   Magick::RLECompression,
        Magick::FaxCompression, Magick::LZMACompression, Magick::Group4Compression};
    const auto own = frame.compressType();
    const bool kept = std::find(kKept.begin(), kKept.end(), own) != kKept.end();
    frame.compressType(kept ? own : Magick::Group4Compression);
    frame.image()->depth = 1;
}

// ImageMagick 6 makes GIFs of pictures that it calls sRGB only. From grey it would take the long way, back to
// a palette of its own; that ours is of grey anyway it need not know.
void keep_palette([[maybe_unused]] Magick::Image& frame) {
#if MagickLibVersion < 0x700
    frame.image()->colorspace = Magick::sRGBColorspace;
#endif
}

// ImageMagick 6 would first make the frame black and white once more. Several frames follow each other, as
// PBM has it (netpbm's pbm(5)).
void append_pbm(std::string& file, Magick::Image& frame) {
    const std::size_t columns = frame.columns();
    const std::size_t rows_at_once = std::max<std::size_t>(1, (1U << 16) / columns);
    file += "P4\n" + std::to_string(columns) + " " + std::to_string(frame.rows()) + "\n";
    std::vector<std::uint8_t> greys(columns * rows_at_once);
    for (std::size_t y = 0; y < frame.rows(); y += rows_at_once) {
        const std::size_t rows = std::min(rows_at_once, frame.rows() - y);
        frame.write(0, static_cast<ssize_t>(y), columns, rows, "I", Magick::CharPixel, greys.data());
        for (std::size_t i = 0; i < columns * rows; ++i) {
            const std::size_t bit = i % columns % 8;
            if (bit == 0) file += '\0';
            if (greys[i] == 0) file.back() = static_cast<char>(file.back() | 0x80 >> bit);
        }
    }
}

// How ImageMagick, libtiff, libpng, libwebp and libjpeg say that an allocation has failed.
bool is_about_memory(const std::string& complaint) {
    return complaint.find("emory") != std::string::npos || complaint.find("alloc") != std::string::npos;
}

Error too_large(const std::string& what, std::uint64_t max_memory_bytes) {
    return {ErrorKind::kImage, "image",
            "the image does not fit into BW_MAX_MEMORY (" + std::to_string(max_memory_bytes) +
                " bytes): " + what};
}

// ImageMagick hands its handlers no context.
struct OnFatal {
    const std::function<void(const Error&)>& fatal;
    std::uint64_t max_memory_bytes;
    // What the last words need: nothing else is free by then.
    std::unique_ptr<char[]> reserve = std::make_unique_for_overwrite<char[]>(1 << 18);
};
std::optional<OnFatal> on_fatal;

[[noreturn]] void handle_fatal(MagickCore::ExceptionType, const char* reason, const char*) noexcept {
    on_fatal->reserve.reset();
    on_fatal->fatal(too_large(without_place(reason), on_fatal->max_memory_bytes));
    std::abort();
}

}  // namespace

FatalErrors::FatalErrors(const std::function<void(const Error&)>& fatal, std::uint64_t max_memory_bytes) {
    if (!fatal) return;
    on_fatal.emplace(OnFatal{fatal, max_memory_bytes});
    // ImageMagick 7's type says that it does not return, to which GCC converts nothing.
    before_ = MagickCore::SetFatalErrorHandler(reinterpret_cast<MagickCore::FatalErrorHandler>(handle_fatal));
}

FatalErrors::~FatalErrors() {
    if (!on_fatal) return;
    MagickCore::SetFatalErrorHandler(before_);
    on_fatal.reset();
}

void refuse(const std::string& what) { throw Error(ErrorKind::kImage, "image", what); }

void refuse_as_too_large(const std::string& what, std::uint64_t max_memory_bytes) {
    throw too_large(what, max_memory_bytes);
}

void refuse(const Magick::Exception& cause, std::uint64_t max_memory_bytes) {
    // An encoder's complaint may stand before the reason for it.
    for (const Magick::Exception* one = &cause; one != nullptr; one = one->nested()) {
        if (dynamic_cast<const Magick::ErrorResourceLimit*>(one) != nullptr ||
            dynamic_cast<const Magick::ErrorCache*>(one) != nullptr || is_about_memory(one->what())) {
            refuse_as_too_large(one->what(), max_memory_bytes);
        }
    }
    refuse(std::string("the image cannot be converted: ") + cause.what());
}

void start_magick(std::span<const std::string> formats) {
    initialize_under_our_ceilings();
    check_formats(formats);
    // Loads the words of ImageMagick's errors. Where memory ends it is too late: then it would complain of
    // that while it holds the lock on the words, and wait for itself.
    MagickCore::GetLocaleMessage("Resource/Limit/FatalError/MemoryAllocationFailed");
    const auto exception = make_exception_info();
    MagickCore::SetMagickSecurityPolicy(rights(formats).c_str(), exception.get());
    // It counts the life of the process. 7 reads no 1EP there, and would end it after a second.
    MagickCore::SetMagickResourceLimit(MagickCore::TimeResource, kNoLimit);
    // Milliseconds to sleep at every step.
    MagickCore::SetMagickResourceLimit(MagickCore::ThrottleResource, 0);
    // Threads gain next to nothing within an image; one worker a core uses the cores better.
    Magick::ResourceLimits::thread(1);
}

void limit_magick(std::uint64_t max_memory_bytes) {
    Magick::ResourceLimits::listLength(kNoLimit);
    Magick::ResourceLimits::memory(max_memory_bytes);
    Magick::ResourceLimits::map(0);
    Magick::ResourceLimits::disk(0);
    Magick::ResourceLimits::area(kNoLimit);
    Magick::ResourceLimits::width(kNoLimit);
    Magick::ResourceLimits::height(kNoLimit);
}

Frames ping(std::string_view bytes, const Format& format, std::uint64_t max_frames) {
    const auto info = make_image_info(format);
    info->number_scenes = max_frames + 1;
    auto reading = read(MagickCore::PingBlob, bytes, info);
    if (const auto* failure = find_failure(*reading.exceptions)) refuse_as_damaged(format, text_of(*failure));
    if (reading.frames.empty()) refuse_as_damaged(format, kNothingSaid);
    return std::move(reading.frames);
}

Frames decode(std::string_view bytes, const Format& format, std::uint64_t max_memory_bytes,
              const std::stop_token& stop) {
    const auto info = make_image_info(format);
    // The frames keep the monitor, so it watches over all that is done with them.
    MagickCore::SetImageInfoProgressMonitor(info.get(), go_on, const_cast<std::stop_token*>(&stop));
    auto reading = read(MagickCore::BlobToImage, bytes, info);
    const auto severity = reading.exceptions->severity;
    if (severity == MagickCore::ResourceLimitError || severity == MagickCore::CacheError) {
        refuse_as_too_large(text_of(*reading.exceptions), max_memory_bytes);
    }
    const auto* failure = find_failure(*reading.exceptions);
    if (failure != nullptr && is_about_memory(text_of(*failure))) {
        refuse_as_too_large(text_of(*failure), max_memory_bytes);
    }
    refuse_damage(format, reading);
    return std::move(reading.frames);
}

std::string encode(Frames& frames, const Format& format) {
    if (format.coder == "PBM" || format.coder == "PNM") {
        std::string file;
        for (auto& frame : frames) append_pbm(file, frame);
        return file;
    }
    const std::string coder(format.coder);
    const Magick::CoderInfo abilities(coder);
    if (!abilities.isWritable()) refuse("this ImageMagick cannot write " + coder);
    if (!abilities.isMultiFrame()) frames.resize(1);
    for (auto& frame : frames) {
        frame.magick(coder);
        if (format.name == "tiff") make_tiff_of_one_bit(frame);
        if (format.name == "gif") keep_palette(frame);
        // A job that is done twice gives the same bytes: no time of the writing.
        if (format.name == "png") frame.defineValue("png", "exclude-chunks", "date,time");
    }
    Magick::Blob blob;
    if (frames.size() > 1) {
        writeImages(frames.begin(), frames.end(), &blob);
    } else {
        frames.front().write(&blob);
    }
    if (blob.length() == 0) refuse("the " + coder + " encoder wrote nothing");
    return {static_cast<const char*>(blob.data()), blob.length()};
}

}  // namespace bw::image
