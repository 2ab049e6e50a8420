// What stream and consumer say of themselves, or an Error: kDifference where one is not there, kQueue where
// JetStream refuses or does not answer.
#pragma once

#include "connection.hpp"

namespace bw {

StreamInfo stream_info_of(Connection& connection, const QueueNames& names);
ConsumerInfo consumer_info_of(Connection& connection, const QueueNames& names);

}  // namespace bw
