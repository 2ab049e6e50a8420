#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <ctime>

#include "bw/process.hpp"

namespace bw {
namespace {

using std::chrono::milliseconds;

// What a shell ends with when there is no such program.
constexpr int kCannotRun = 127;

sigset_t waited_for() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGCHLD, SIGTERM, SIGINT}) sigaddset(&set, signal);
    return set;
}

// Between fork and exec: other threads may have held any lock when we were made, so only what is safe in a
// signal handler. The signals stay blocked: a stop that comes now waits for the worker to look.
[[noreturn]] void become_worker(char* const* words, int board, pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(EXIT_SUCCESS);
    ::fcntl(board, F_SETFD, 0);
    ::execv("/proc/self/exe", words);
    ::_exit(kCannotRun);
}

class SystemProcesses : public Processes {
  public:
    SystemProcesses(std::vector<std::string> words, int board) : words_(std::move(words)), board_(board) {
        sigset_t blocked = waited_for();
        sigaddset(&blocked, kHardStopSignal);  // for the workers to inherit
        ::pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
        // Whoever started us may have ignored it, and then nobody is waited for.
        std::signal(SIGCHLD, SIG_DFL);
    }

    milliseconds now() override { return milliseconds(metrics::now_ms()); }

    pid_t start(std::size_t seat) override {
        std::string flag =
            std::string(kSupervisedFlag) + "=" + std::to_string(board_) + ":" + std::to_string(seat);
        std::vector<char*> words{words_[0].data(), flag.data()};
        for (std::size_t i = 1; i < words_.size(); ++i) words.push_back(words_[i].data());
        words.push_back(nullptr);
        const pid_t parent = ::getpid();
        const pid_t pid = ::fork();
        if (pid == 0) become_worker(words.data(), board_, parent);
        if (pid > 0) return pid;
        log::warn("no worker can be started", {{"worker", seat + 1}, {"reason", system_reason(errno)}});
        return 0;
    }

    void signal(pid_t pid, int number) override { ::kill(pid, number); }

    std::optional<Ended> next_ended() override {
        int status = 0;
        const pid_t pid = ::waitpid(-1, &status, WNOHANG);
        if (pid <= 0) return std::nullopt;
        if (WIFSIGNALED(status)) return Ended{pid, 0, WTERMSIG(status)};
        return Ended{pid, WEXITSTATUS(status), 0};
    }

    int wait(milliseconds limit) override {
        const sigset_t set = waited_for();
        const timespec timeout{static_cast<std::time_t>(limit.count() / 1000),
                               static_cast<long>(limit.count() % 1000 * 1'000'000)};
        const int signal = ::sigtimedwait(&set, nullptr, &timeout);
        return signal == SIGTERM || signal == SIGINT ? signal : 0;
    }

  private:
    std::vector<std::string> words_;
    const int board_;
};

}  // namespace

std::unique_ptr<Processes> system_processes(std::vector<std::string> words, int board_descriptor) {
    return std::make_unique<SystemProcesses>(std::move(words), board_descriptor);
}

std::optional<Supervised> read_supervised(std::string_view value) {
    Supervised told{};
    const char* end = value.data() + value.size();
    const auto board = std::from_chars(value.data(), end, told.board);
    if (board.ec != std::errc{} || board.ptr == end || *board.ptr != ':') return std::nullopt;
    const auto seat = std::from_chars(board.ptr + 1, end, told.seat);
    const bool good = seat.ec == std::errc{} && seat.ptr == end && told.board >= 0;
    return good && told.seat < metrics::kMostWorkers ? std::optional(told) : std::nullopt;
}

}  // namespace bw
