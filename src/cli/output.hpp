// What a command answers goes to standard output, and its log to standard error.
#pragma once

#include <cstddef>
#include <string_view>

namespace bw::cli {

// Writes all of the text. Throws Error (kOutput) where standard output does not take it: whoever reads an
// answer must not take half of one, or none, for the whole.
void print(std::string_view text);

// The width of the terminal that standard output is; 0: it is none, or does not know.
std::size_t columns_of_terminal();

// Whether standard output is a terminal that moves its cursor when it is told to.
bool has_screen();

// The whole terminal of standard output, from the constructor to the destructor, which brings back what stood
// there before. One thread at a time.
class Screen {
  public:
    Screen();  // throws Error (kOutput), as show() does
    ~Screen();
    Screen(const Screen&) = delete;
    Screen& operator=(const Screen&) = delete;

    // Draws lines, each with its end, over those of before, and wipes what is left of these. Lines that have
    // no room, and the ends of those that are too wide, are not seen. Whatever else was written to the
    // terminal meanwhile, such as a line of the log, is overwritten.
    void show(std::string_view lines);
};

}  // namespace bw::cli
