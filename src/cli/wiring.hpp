// What the settings say to the rooms that more than one command uses.
#pragma once

#include "bw/config.hpp"
#include "bw/queue.hpp"

namespace bw::cli {

ConnectionOptions connection_options(const Config& config);
QueueNames queue_names(const Config& config);

}  // namespace bw::cli
