// Preloaded into bw: a libjpeg that goes wrong over pictures whose comment says so, as a defect of a decoder
// would. Nothing else can make the real one crash, hang or eat memory.
#include <dlfcn.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

// clang-format off
#include <jpeglib.h>  // after <cstdio>, which it needs
#include <jerror.h>
// clang-format on

namespace {

// Touched, so that it is memory and no promise.
void eat_memory(j_decompress_ptr decoder) {
    constexpr std::size_t kAtOnce = 1 << 20;
    while (auto* memory = static_cast<volatile char*>(std::malloc(kAtOnce))) {
        for (std::size_t i = 0; i < kAtOnce; i += 4096) memory[i] = 1;
    }
    ERREXIT1(decoder, JERR_OUT_OF_MEMORY, 0);
}

// A line for each thing that a decoder under somebody else's control might try: "attempt NAME: " and the
// reason why it failed, or "done". The file and the socket belong to the worker's user and lie outside OUTDIR
// and the roots.
void reach_out() {
    const auto attempt = [](const char* name, long result) {
        ::dprintf(STDERR_FILENO, "attempt %s: %s\n", name, result >= 0 ? "done" : std::strerror(errno));
    };
    const char* const file = std::getenv("TEST_FILE");
    sockaddr_un address{AF_UNIX, {}};
    std::strncpy(address.sun_path, std::getenv("TEST_SOCKET"), sizeof address.sun_path - 1);
    const pid_t parent = ::getppid();
    const rlimit few{64, 64};
    cpu_set_t cores{};
    ::sched_getaffinity(0, sizeof cores, &cores);
    struct stat status {};
    attempt("read", ::open(file, O_RDONLY));
    attempt("write", ::open(file, O_WRONLY));
    attempt("truncate", ::truncate(file, 0));
    attempt("unlink", ::unlink(file));
    attempt("chmod", ::chmod(file, 0777));
    attempt("chown", ::chown(file, 12345, 12345));
    attempt("utimensat", ::utimensat(AT_FDCWD, file, nullptr, 0));
    attempt("setxattr", ::setxattr(file, "user.bw", "x", 1, 0));
    attempt("inotify", ::inotify_init1(0));
    attempt("stat", ::stat(file, &status));
    attempt("limit the parent", ::syscall(SYS_prlimit64, parent, RLIMIT_NOFILE, &few, nullptr));
    attempt("slow the parent down", ::setpriority(PRIO_PROCESS, static_cast<id_t>(parent), 1));
    attempt("pin the parent", ::sched_setaffinity(parent, sizeof cores, &cores));
    attempt("signal the parent", ::kill(parent, 0));
    attempt("signal the group", ::kill(0, 0));
    attempt("hold the parent", ::syscall(SYS_pidfd_open, parent, 0));
    attempt("shared memory", ::shmget(IPC_PRIVATE, 4096, 0));
    attempt("message queue", ::syscall(SYS_mq_open, "bw", O_RDONLY, 0, nullptr));
    const int made = ::socket(AF_UNIX, SOCK_STREAM, 0);
    attempt("unix socket",
            made < 0 ? -1 : ::connect(made, reinterpret_cast<sockaddr*>(&address), sizeof address));
    attempt("new process", ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
}

}  // namespace

extern "C" int jpeg_read_header(j_decompress_ptr decoder, boolean require_image) {
    static const auto real =
        reinterpret_cast<decltype(&jpeg_read_header)>(::dlsym(RTLD_NEXT, "jpeg_read_header"));
    const std::string_view bytes(reinterpret_cast<const char*>(decoder->src->next_input_byte),
                                 decoder->src->bytes_in_buffer);
    const auto asks_for = [&bytes](std::string_view what) { return bytes.find(what) != bytes.npos; };
    if (asks_for("test: crash")) std::raise(SIGSEGV);
    while (asks_for("test: hang")) ::pause();
    if (asks_for("test: eat memory")) eat_memory(decoder);
    if (asks_for("test: reach out")) reach_out();
    return real(decoder, require_image);
}
