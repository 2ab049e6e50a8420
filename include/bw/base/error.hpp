// What can go wrong, by name. Every failure of bw is thrown as an Error and turned into one log line and
// one exit code by the caller in src/cli; nothing else ends the process.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace bw {

// The value is the exit code; docs/exit-codes.md documents each.
enum class ErrorKind {
    kInternal = 1,       // a defect of bw, or no memory
    kConfiguration = 2,  // a setting or the command line
    kQueue = 3,          // NATS, the stream, the consumer
    kJob = 4,         // the request itself: JSON, id, image URI, advisory, what the URI and the id point at
    kImage = 5,       // the bytes are no image that we convert
    kOutput = 6,      // OUTDIR does not take the result
    kTimeout = 7,     // the job ran longer than BW_JOB_TIMEOUT
    kStopped = 8,     // told to end before the job was done; the job was given back
    kDifference = 9,  // the stream or the consumer is missing, or is not as it should be
    kInput = 10,      // the image file or an input root is not there, or cannot be opened or read
    kDead = 11,       // status found jobs that are delivered no more
};

constexpr int exit_code(ErrorKind kind) { return static_cast<int>(kind); }

// The word that stands for the kind in logs.
std::string_view name(ErrorKind kind);

// Whether the same job or start may well succeed later though nobody mends it or the settings. What bw does
// is the same for both kinds.
bool is_transient(ErrorKind kind);

// "transient" or "permanent".
std::string_view class_name(ErrorKind kind);

class Error : public std::runtime_error {
  public:
    // `where` is the file, URI, setting or subject that the failure is about; `what` says the rest. Neither
    // may hold a secret.
    Error(ErrorKind kind, std::string where, const std::string& what);

    ErrorKind kind() const { return kind_; }
    const std::string& where() const { return where_; }

  private:
    ErrorKind kind_;
    std::string where_;
};

// "No such file or directory", thread-safe.
std::string system_reason(int error_number);

}  // namespace bw
