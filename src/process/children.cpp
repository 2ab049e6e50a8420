#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <ctime>

#include "bw/base/clock.hpp"
#include "bw/process.hpp"

namespace bw {
namespace {

using std::chrono::milliseconds;

// A shell too ends with this code where there is no such program.
constexpr int kCannotRun = 127;

sigset_t waited_for() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGCHLD, SIGTERM, SIGINT}) sigaddset(&set, signal);
    return set;
}

// This runs between fork and exec. Other threads may have held any lock at the time of the fork, so it may
// only call what is safe in a signal handler. The signals stay blocked: a stop that comes now waits until the
// worker looks for it.
[[noreturn]] void become_worker(char* const* words, int memory, pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(EXIT_SUCCESS);
    ::fcntl(memory, F_SETFD, 0);
    ::execv("/proc/self/exe", words);
    ::_exit(kCannotRun);
}

class SystemProcesses : public Processes {
  public:
    SystemProcesses(std::vector<std::string> words, int memory) : words_(std::move(words)), memory_(memory) {
        sigset_t blocked = waited_for();
        sigaddset(&blocked, kHardStopSignal);  // for the workers to inherit
        ::pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
        // The program that started us may have ignored it, and then waitpid() would find no process.
        std::signal(SIGCHLD, SIG_DFL);
    }

    milliseconds now() override { return milliseconds(steady_ms()); }

    pid_t start(std::size_t slot) override {
        std::string flag =
            std::string(kSupervisedFlag) + "=" + std::to_string(memory_) + ":" + std::to_string(slot);
        std::vector<char*> words{words_[0].data(), flag.data()};
        for (std::size_t i = 1; i < words_.size(); ++i) words.push_back(words_[i].data());
        words.push_back(nullptr);
        const pid_t parent = ::getpid();
        const pid_t pid = ::fork();
        if (pid == 0) become_worker(words.data(), memory_, parent);
        if (pid > 0) return pid;
        log::warn("no worker can be started", {{"worker", slot + 1}, {"reason", system_reason(errno)}});
        return 0;
    }

    void signal(pid_t pid, int number) override { ::kill(pid, number); }

    std::optional<ProcessEnd> next_ended() override {
        int status = 0;
        const pid_t pid = ::waitpid(-1, &status, WNOHANG);
        if (pid <= 0) return std::nullopt;
        if (WIFSIGNALED(status)) return ProcessEnd{pid, 0, WTERMSIG(status)};
        return ProcessEnd{pid, WEXITSTATUS(status), 0};
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
    const int memory_;
};

}  // namespace

std::unique_ptr<Processes> system_processes(std::vector<std::string> words, int memory) {
    return std::make_unique<SystemProcesses>(std::move(words), memory);
}

std::optional<Supervised> read_supervised(std::string_view value) {
    Supervised told{};
    const char* end = value.data() + value.size();
    const auto memory = std::from_chars(value.data(), end, told.memory);
    if (memory.ec != std::errc{} || memory.ptr == end || *memory.ptr != ':') return std::nullopt;
    const auto slot = std::from_chars(memory.ptr + 1, end, told.slot);
    const bool good = slot.ec == std::errc{} && slot.ptr == end && told.memory >= 0;
    return good && told.slot < kMaxWorkers ? std::optional(told) : std::nullopt;
}

}  // namespace bw
