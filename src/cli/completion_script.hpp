// Scripts that complete bw's command line in a shell, from the tables of commands and settings.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bw::cli {

std::vector<std::string_view> shell_names();

// `shell`: one of shell_names().
std::string completion_script(std::string_view shell);

}  // namespace bw::cli
