// The files of this room share this header: libnats in RAII, and requests to JetStream's API.
#pragma once

#include <nats/nats.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "bw/queue.hpp"

namespace bw {

template <auto Destroy>
struct Destroyer {
    template <typename T>
    void operator()(T* pointer) const {
        Destroy(pointer);
    }
};
using OptionsPtr = std::unique_ptr<natsOptions, Destroyer<natsOptions_Destroy>>;
using ConnectionPtr = std::unique_ptr<natsConnection, Destroyer<natsConnection_Destroy>>;
using SubscriptionPtr = std::unique_ptr<natsSubscription, Destroyer<natsSubscription_Destroy>>;
using MessagePtr = std::unique_ptr<natsMsg, Destroyer<natsMsg_Destroy>>;
using StatisticsPtr = std::unique_ptr<natsStatistics, Destroyer<natsStatistics_Destroy>>;

// nats_Open at the start, nats_CloseAndWait at the end: callbacks fire until it returns, so what they touch
// must be declared before it.
struct NatsLibrary {
    NatsLibrary() { nats_Open(-1); }
    ~NatsLibrary() { nats_CloseAndWait(0); }
    NatsLibrary(const NatsLibrary&) = delete;
    NatsLibrary& operator=(const NatsLibrary&) = delete;
};

class Connection {
  public:
    Connection() = default;
    ~Connection() { closing_ = true; }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // It returns false if `stop` came first.
    bool open(const ConnectionOptions& options, const std::stop_token& stop);

    natsConnection* get() { return connection_.get(); }
    bool is_connected() { return natsConnection_Status(get()) == NATS_CONN_STATUS_CONNECTED; }

    // Waits for the connection. It returns false if `stop` or the end of `patience` came first, and throws
    // Error (kQueue) once libnats has given the connection up, which libnats does when the server has refused
    // us twice or has sent an error that libnats does not know.
    bool wait_until_connected(const std::stop_token& stop,
                              std::chrono::milliseconds patience = std::chrono::hours(24 * 365));

    // The number changes whenever the connection was lost and made again, before anything is sent on the new
    // one.
    std::uint64_t number();

    // Whether the last refusal is one that nobody tolerates, at any time since the connection was made.
    bool refused_permission();

    // Whether the last refusal was of this subject.
    bool refused(const std::string& subject);

    // From now on a refusal of this subject is the business of whoever publishes to it.
    void tolerate_refusal(const std::string& subject);

    // The last error that the server sent, if it sent any.
    std::optional<std::string> refusal();

    // One request to JetStream's API, $JS.API.<call>: the answer as it came, empty where none came in a few
    // seconds.
    std::string api(const std::string& call, const std::string& request = "");

    // The same for a request that changes nothing and that we may not be allowed to make: nothing where the
    // server refuses it, which is tolerated.
    std::optional<std::string> api_if_permitted(const std::string& call, const std::string& request = "");

  private:
    static void on_lost(natsConnection*, void* self);
    static void on_back(natsConnection*, void* self);
    static void on_trouble(natsConnection*, natsSubscription*, natsStatus, void*);

    std::string request(const std::string& subject, const std::string& body,
                        std::chrono::milliseconds timeout);

    std::atomic<bool> closing_{false};
    std::mutex mutex_;  // guards the next
    std::vector<std::string> tolerated_;
    NatsLibrary library_;
    ConnectionPtr connection_;
};

// Answers to us come under it, and nobody else's do: a worker needs no permission to hear others'. Within
// _INBOX, which is allowed by habit. libnats 3.4.1 has room for 25 characters.
inline constexpr const char* kInboxPrefix = "_INBOX.bw";

// The text is what libnats says of the call that this thread has just made.
std::string last_libnats_error(natsStatus status);

// Throws Error (kQueue): JetStream does not answer, and the server's last refusal, if there was any. `where`:
// what it was asked.
[[noreturn]] void no_answer(Connection& connection, const std::string& where);

// This function waits up to `pause`, and returns true if `stop` came.
bool stopped_within(std::chrono::milliseconds pause, const std::stop_token& stop);

}  // namespace bw
