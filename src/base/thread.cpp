#include "bw/base/thread.hpp"

#include <cstdlib>
#include <exception>

#include "bw/base/error.hpp"
#include "bw/base/log.hpp"

namespace bw {
namespace {

Error current_error() {
    try {
        throw;
    } catch (const Error& error) {
        return error;
    } catch (const std::exception& defect) {
        return {ErrorKind::kInternal, "bw", defect.what()};
    } catch (...) {
        return {ErrorKind::kInternal, "bw", "an exception of a type that bw does not throw"};
    }
}

}  // namespace

void report_and_exit() noexcept {
    const Error error = current_error();
    log::error(error);
    std::_Exit(exit_code(error.kind()));
}

}  // namespace bw
