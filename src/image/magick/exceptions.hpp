// What ImageMagick says of a picture, and which of it is a failure. Works on Debian 12's ImageMagick 6 and
// Debian 13's 7.
#pragma once

#include <Magick++.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace bw::image::magick {

using ExceptionInfo = std::unique_ptr<MagickCore::ExceptionInfo, decltype(&MagickCore::DestroyExceptionInfo)>;
ExceptionInfo make_exception_info();

// "Premature end of JPEG file `' @ warning/jpeg.c/JPEGWarningHandler/389" without where it comes from.
std::string without_place(const char* reason);
std::string text_of(const MagickCore::ExceptionInfo& exception);

// The first error that is none of the harmless ones, else the first warning that means damage; null if there
// is none.
const MagickCore::ExceptionInfo* find_failure(const MagickCore::ExceptionInfo& exceptions,
                                              const std::function<bool(std::string_view)>& is_harmless);

// Whether the words are those by which ImageMagick, libtiff, libpng, libwebp or libjpeg say that an
// allocation has failed.
bool is_about_memory(const std::string& words);

// Throws the Error (kImage) that a Magick::Exception of a later step means.
[[noreturn]] void refuse_failure(const Magick::Exception& cause, std::uint64_t max_memory_bytes);

}  // namespace bw::image::magick
