#include "bw/base/error.hpp"

#include <system_error>
#include <utility>

namespace bw {

std::string_view name(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::kInternal:
            return "internal";
        case ErrorKind::kConfiguration:
            return "configuration";
        case ErrorKind::kQueue:
            return "queue";
        case ErrorKind::kJob:
            return "job";
        case ErrorKind::kImage:
            return "image";
        case ErrorKind::kOutput:
            return "output";
        case ErrorKind::kTimeout:
            return "timeout";
        case ErrorKind::kStopped:
            return "stopped";
        case ErrorKind::kDifference:
            return "difference";
        case ErrorKind::kInput:
            return "input";
        case ErrorKind::kDead:
            return "dead";
    }
    return "internal";
}

bool is_transient(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::kQueue:
        case ErrorKind::kOutput:
        case ErrorKind::kTimeout:
        case ErrorKind::kStopped:
        case ErrorKind::kInput:
            return true;
        case ErrorKind::kInternal:
        case ErrorKind::kConfiguration:
        case ErrorKind::kJob:
        case ErrorKind::kImage:
        case ErrorKind::kDifference:
        case ErrorKind::kDead:
            return false;
    }
    return false;
}

std::string_view class_name(ErrorKind kind) { return is_transient(kind) ? "transient" : "permanent"; }

Error::Error(ErrorKind kind, std::string where, const std::string& what)
    : std::runtime_error(what), kind_(kind), where_(std::move(where)) {}

std::string system_reason(int error_number) { return std::generic_category().message(error_number); }

}  // namespace bw
