#include "magick.hpp"

#include <memory>

#include "bw/error.hpp"

namespace bw::image {

void refuse(const std::string& what) { throw Error(ErrorKind::kImage, "image", what); }

void start_magick() {
    Magick::InitializeMagick(nullptr);
    // Threads gain next to nothing within an image; one worker a core uses the cores better.
    Magick::ResourceLimits::thread(1);
}

// Through the C API, whose ExceptionInfo shows the severity: warnings, which real files raise all the time,
// come with an image and are let pass. Magick++'s own read() throws on them and, told to be quiet, hides some
// errors on ImageMagick 6.
Frames decode(std::string_view bytes, std::string_view format) {
    const std::unique_ptr<MagickCore::ExceptionInfo, decltype(&MagickCore::DestroyExceptionInfo)> exception(
        MagickCore::AcquireExceptionInfo(), MagickCore::DestroyExceptionInfo);
    const std::unique_ptr<MagickCore::ImageInfo, decltype(&MagickCore::DestroyImageInfo)> info(
        MagickCore::AcquireImageInfo(), MagickCore::DestroyImageInfo);
    format.copy(info->magick, sizeof(info->magick) - 1);

    Frames frames;
    auto* images = MagickCore::BlobToImage(info.get(), bytes.data(), bytes.size(), exception.get());
    if (images != nullptr) insertImages(&frames, images);
    // ImageMagick 6 keeps a decoder's warning with the image, and Magick++ would throw it at the next step.
    for (auto& frame : frames) frame.quiet(true);
    const bool damaged = exception->severity >= MagickCore::ErrorException || frames.empty();
    if (damaged) {
        std::string reason = exception->reason != nullptr ? exception->reason : "no image in it";
        refuse("the " + std::string(format) + " image cannot be decoded: " + reason);
    }
    return frames;
}

std::string encode(Frames& frames, std::string_view format) {
    for (auto& frame : frames) frame.magick(std::string(format));
    Magick::Blob blob;
    const Magick::CoderInfo coder{std::string(format)};
    if (frames.size() > 1 && coder.isMultiFrame()) {
        writeImages(frames.begin(), frames.end(), &blob);
    } else {
        frames.front().write(&blob);
    }
    if (blob.length() == 0) refuse("the " + std::string(format) + " encoder wrote nothing");
    return {static_cast<const char*>(blob.data()), blob.length()};
}

}  // namespace bw::image
