#include "bw/base/exit_codes.hpp"

#include <array>

#include "bw/base/error.hpp"

namespace bw {
namespace {

constexpr std::array kExitCodes{
    ExitCode{
        0,
        "stopped as asked (SIGTERM or SIGINT: the job in hand is finished first), bw setup found or made "
        "everything, or bw status found all well or its --watch was ended"},
    ExitCode{exit_code(ErrorKind::kInternal), "a defect of bw, or no memory"},
    ExitCode{exit_code(ErrorKind::kConfiguration), "a setting or the command line is wrong"},
    ExitCode{exit_code(ErrorKind::kQueue), "no server, not let in, no answer to an ack"},
    ExitCode{exit_code(ErrorKind::kJob),
             "the request: JSON, id, image URI or advisory; an image that is no regular file or lies outside "
             "BW_INPUT_ROOTS; an output name that a directory, device, FIFO or socket has; a result that "
             "would replace the job's own image"},
    ExitCode{exit_code(ErrorKind::kImage), "the image is damaged, of no known format, or over a limit"},
    ExitCode{exit_code(ErrorKind::kOutput),
             "OUTDIR is not there, has less room than BW_MIN_FREE, or does not take the result; or standard "
             "output does not take what a command answers"},
    ExitCode{exit_code(ErrorKind::kTimeout), "the job took longer than BW_JOB_TIMEOUT"},
    ExitCode{exit_code(ErrorKind::kStopped),
             "a second signal came, or BW_STOP_GRACE was over: the job in hand was given back at once, which "
             "costs it a delivery; or bw status --until-empty was ended before the queue was empty"},
    ExitCode{
        exit_code(ErrorKind::kDifference),
        "stream or consumer is missing (bw setup creates them), or is such that jobs cannot be done from it; "
        "bw setup and bw status: one of them or the results stream differs, nothing was changed, and mending "
        "is yours (nats "
        "consumer edit)"},
    ExitCode{exit_code(ErrorKind::kInput),
             "the image file, or a directory of BW_INPUT_ROOTS, is not there (yet), or cannot be opened or "
             "read"},
    ExitCode{exit_code(ErrorKind::kDead), "bw status only: dead jobs wait for you in the stream"},
};

}  // namespace

std::span<const ExitCode> exit_codes() { return kExitCodes; }

}  // namespace bw
