#include "exceptions.hpp"

#include "../refuse.hpp"
#include "damage.hpp"

namespace bw::image::magick {

ExceptionInfo make_exception_info() {
    return {MagickCore::AcquireExceptionInfo(), MagickCore::DestroyExceptionInfo};
}

std::string without_place(const char* reason) {
    const std::string_view whole = reason != nullptr ? reason : "";
    return std::string(whole.substr(0, whole.find(" `")));
}

std::string text_of(const MagickCore::ExceptionInfo& exception) { return without_place(exception.reason); }

const MagickCore::ExceptionInfo* find_failure(const MagickCore::ExceptionInfo& exceptions,
                                              const std::function<bool(std::string_view)>& is_harmless) {
    auto* list = static_cast<MagickCore::LinkedListInfo*>(exceptions.exceptions);
    const MagickCore::ExceptionInfo* damage = nullptr;
    MagickCore::ResetLinkedListIterator(list);
    while (const void* next = MagickCore::GetNextValueInLinkedList(list)) {
        const auto* one = static_cast<const MagickCore::ExceptionInfo*>(next);
        if (one->severity >= MagickCore::ErrorException && !is_harmless(text_of(*one))) return one;
        if (damage == nullptr && is_damage(text_of(*one))) damage = one;
    }
    return damage;
}

bool is_about_memory(const std::string& words) {
    return words.find("emory") != std::string::npos || words.find("alloc") != std::string::npos;
}

void refuse_failure(const Magick::Exception& cause, std::uint64_t max_memory_bytes) {
    // An encoder's error may stand before the reason for it.
    for (const Magick::Exception* one = &cause; one != nullptr; one = one->nested()) {
        if (dynamic_cast<const Magick::ErrorResourceLimit*>(one) != nullptr ||
            dynamic_cast<const Magick::ErrorCache*>(one) != nullptr || is_about_memory(one->what())) {
            refuse_as_too_large(one->what(), max_memory_bytes);
        }
    }
    refuse(std::string("the image cannot be converted: ") + cause.what());
}

}  // namespace bw::image::magick
