#include "output.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "bw/base/error.hpp"

namespace bw::cli {
namespace {

// https://invisible-island.net/xterm/ctlseqs/ctlseqs.html
constexpr const char* kEnter =
    "\x1b[?1049h\x1b[?25l\x1b[?7l";  // another screen, no cursor, long lines are cut
constexpr const char* kLeave = "\x1b[?7h\x1b[?25h\x1b[?1049l";
constexpr const char* kHome = "\x1b[H";
constexpr const char* kWipeLine = "\x1b[K";
constexpr const char* kWipeBelow = "\x1b[J";

// All 0 where standard output is no terminal, or the terminal does not know how large it is.
winsize size_of_terminal() {
    winsize size{};
    return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size : winsize{};
}

}  // namespace

void print(std::string_view text) {
    const bool written =
        std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
    if (written) return;
    throw Error(ErrorKind::kOutput, "standard output",
                "standard output does not take the answer: " + system_reason(errno));
}

std::size_t columns_of_terminal() { return size_of_terminal().ws_col; }

bool has_screen() {
    const char* terminal = std::getenv("TERM");
    const std::string_view name = terminal == nullptr ? "" : terminal;
    return ::isatty(STDOUT_FILENO) == 1 && !name.empty() && name != "dumb";
}

Screen::Screen() {
    constexpr std::size_t kFrame = 65536;
    std::setvbuf(stdout, nullptr, _IOFBF, kFrame);
    print(kEnter);
}

Screen::~Screen() {
    std::fputs(kLeave, stdout);
    std::fflush(stdout);
}

// A frame is one write, so that no terminal shows half a frame, and nothing is wiped that is drawn again at
// once.
void Screen::show(std::string_view lines) {
    const std::size_t rows = std::size_t{size_of_terminal().ws_row};
    std::string frame = kHome;
    for (std::size_t row = 1; !lines.empty(); ++row) {
        const auto end = lines.find('\n');
        frame.append(lines.substr(0, end)).append(kWipeLine);
        if (row == rows || end == lines.npos) break;  // a new line in the last row would move all of them up
        lines.remove_prefix(end + 1);
        frame.append("\n");
    }
    print(frame.append(kWipeBelow));
}

}  // namespace bw::cli
