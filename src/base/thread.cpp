#include "bw/base/thread.hpp"

#include <cstdlib>
#include <exception>

#include "bw/base/error.hpp"
#include "bw/base/log.hpp"

namespace bw {
namespace {

[[noreturn]] void report_and_exit(const Error& error) {
    log::error(error);
    std::_Exit(exit_code(error.kind()));
}

}  // namespace

void run_or_exit(const std::function<void()>& body) noexcept {
    try {
        body();
    } catch (const Error& error) {
        report_and_exit(error);
    } catch (const std::exception& defect) {
        report_and_exit({ErrorKind::kInternal, "bw", defect.what()});
    }
}

}  // namespace bw
