// Messages that any stream keeps: they are read, published and deleted here, by the API that nats-server 2.9
// has too. A call returns when it is done, and asks again for what was lost on the way.
//
// Every function and method throws Error: kDifference where the stream is not there, kQueue where JetStream
// refuses or says nothing for some 15 seconds.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "bw/protocol/stored.hpp"
#include "bw/queue.hpp"

namespace bw {

// One thread at a time. The connection must outlive the reader.
class StreamReader {
  public:
    // Once `stop` has come, calls throw Error (kStopped) within a second.
    StreamReader(Connection& connection, std::string stream, std::stop_token stop = {});
    ~StreamReader();

    // Nothing where the stream has none of that number (any more).
    std::optional<StoredMessage> message(std::uint64_t sequence);

    // The messages from `first` to `last`, both included, whose subject matches the pattern, by their
    // numbers. Many requests are in flight: 5,000 messages take some tenths of a second.
    std::vector<StoredMessage> messages(std::string_view pattern, std::uint64_t first, std::uint64_t last);

    // Of each subject (or pattern) its last message, in the order of the subjects.
    std::vector<std::optional<StoredMessage>> last_messages(const std::vector<std::string>& subjects);

  private:
    class Implementation;
    std::unique_ptr<Implementation> implementation_;
};

// Any thread, as all that follow. Publishes, and returns what the stream answered, which is `stream` or an
// Error. Where no answer comes it is sent again if its headers hold a Nats-Msg-Id, so that it is stored once,
// else Error (kQueue): it may have been stored.
Published publish(Connection& connection, const std::string& stream, const std::string& subject,
                  const std::vector<Header>& headers, std::string_view payload);

// What the stream's max_msg_size counts of such a message, in bytes.
std::size_t size_in_stream(const std::vector<Header>& headers, std::string_view payload);

// Deletes the message; whether it was there.
bool remove_message(Connection& connection, const std::string& stream, std::uint64_t sequence);

}  // namespace bw
