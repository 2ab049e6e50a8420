#include <CivetServer.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include "bw/base/clock.hpp"
#include "bw/base/log.hpp"
#include "bw/base/thread.hpp"
#include "page.hpp"

namespace bw::metrics {
namespace {

// The parent stamps parent_alive_ms several times a second.
constexpr std::int64_t kAliveMs = 10'000;

struct Answer {
    int status;
    const char* type;
    std::string body;
};

constexpr const char* kPlain = "text/plain; charset=utf-8";

Answer healthz(const Counters& counters) {
    if (steady_ms() - counters.parent_alive_ms < kAliveMs) return {200, kPlain, "alive\n"};
    return {503, kPlain, "the parent process hangs\n"};
}

Answer readyz(const WorkerGauges& workers) {
    return workers.workers_connected > 0 ? Answer{200, kPlain, "ready\n"}
                                         : Answer{503, kPlain, "no worker is connected to the queue\n"};
}

class Handler : public CivetHandler {
  public:
    explicit Handler(std::function<Answer()> answer) : answer_(std::move(answer)) {}

    bool handleGet(CivetServer*, mg_connection* connection) override {
        run_or_exit([&] { send(connection, answer_or_failure()); });
        return true;
    }

  private:
    static void send(mg_connection* connection, const Answer& answer) {
        mg_printf(connection,
                  "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
                  answer.status, mg_get_response_code_text(connection, answer.status), answer.type,
                  answer.body.size());
        mg_write(connection, answer.body.data(), answer.body.size());
    }

    // A page that cannot be made must not end the parent of all workers.
    Answer answer_or_failure() const {
        try {
            return answer_();
        } catch (const std::exception& failure) {
            log::warn("a page of BW_METRICS cannot be made", {{"reason", failure.what()}});
            return {500, kPlain, "the page cannot be made\n"};
        }
    }

    const std::function<Answer()> answer_;
};

// Takes civetweb's messages, from any of its threads. The first one says why civetweb does not start.
class Complaints : public CivetCallbacks {
  public:
    Complaints() {
        log_message = [](const mg_connection* connection, const char* message) {
            run_or_exit([&] {
                const auto* server = static_cast<CivetServer*>(mg_get_user_data(mg_get_context(connection)));
                static_cast<const Complaints*>(server->getUserContext())->add(message);
            });
            return 1;  // civetweb itself writes it nowhere
        };
    }
    std::string first() const {
        const std::scoped_lock lock(mutex_);
        return first_;
    }

  private:
    void add(const char* message) const {
        const std::scoped_lock lock(mutex_);
        if (first_.empty()) first_ = message;
    }

    mutable std::mutex mutex_;
    mutable std::string first_;
};

bool kernel_has_ipv6() {
    const int probe = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return probe >= 0 && ::close(probe) == 0;
}

// civetweb takes 9464 for a port of all IPv4 addresses, and +9464 for a port of all IPv6 addresses too.
std::string civetweb_address(const std::string& address) {
    if (!address.starts_with(':')) return address;
    return (kernel_has_ipv6() ? "+" : "") + address.substr(1);
}

// Each idle connection holds a thread, so there are several threads, and none waits for long.
std::vector<std::string> options(const std::string& address) {
    return {"listening_ports", civetweb_address(address), "num_threads", "16", "request_timeout_ms", "1000"};
}

class CivetPages : public Server {
  public:
    CivetPages(const Counters& counters, const ReadWorkers& workers, const Labels& labels,
               const std::string& address)
        : metrics_([&counters, workers, labels] {
              return Answer{200, "text/plain; version=0.0.4; charset=utf-8",
                            page(counters, workers(), labels)};
          }),
          healthz_([&counters] { return healthz(counters); }),
          readyz_([workers] { return readyz(workers()); }),
          host_(address.starts_with(':') ? "localhost" : address.substr(0, address.rfind(':'))),
          server_(start(address)),
          port_(server_->getListeningPorts().front()) {
        // The dollar sign makes civetweb match the whole path and not its beginning.
        server_->addHandler("/metrics$", metrics_);
        server_->addHandler("/healthz$", healthz_);
        server_->addHandler("/readyz$", readyz_);
    }

    // civetweb looks every two seconds whether it is to end, and also after each connection: so we connect.
    ~CivetPages() override {
        std::atomic<bool> closed{false};
        const std::jthread closing([&] {
            run_or_exit([&] { server_->close(); });
            closed = true;
        });
        while (!closed) {
            std::array<char, 100> complaint{};
            auto* const caller =
                mg_connect_client(host_.c_str(), port_, 0, complaint.data(), complaint.size());
            if (caller != nullptr) mg_close_connection(caller);
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
    }
    CivetPages(const CivetPages&) = delete;
    CivetPages& operator=(const CivetPages&) = delete;

    std::string url() const override { return "http://" + host_ + ":" + std::to_string(port_) + "/metrics"; }

  private:
    std::unique_ptr<CivetServer> start(const std::string& address) {
        try {
            return std::make_unique<CivetServer>(options(address), &complaints_, &complaints_);
        } catch (const CivetException&) {
            const bool no_ipv6 = address.starts_with('[') && mg_check_feature(MG_FEATURES_IPV6) == 0;
            throw Error(ErrorKind::kConfiguration, "BW_METRICS",
                        "the page cannot be served at \"" + address +
                            "\": " + (no_ipv6 ? "this system's civetweb has no IPv6" : complaints_.first()));
        }
    }

    Handler metrics_;
    Handler healthz_;
    Handler readyz_;
    Complaints complaints_;
    const std::string host_;
    const std::unique_ptr<CivetServer> server_;  // after what its threads use
    const int port_;
};

}  // namespace

std::unique_ptr<Server> serve(const Counters& counters, const ReadWorkers& workers, const Labels& labels,
                              const std::string& address) {
    return std::make_unique<CivetPages>(counters, workers, labels, address);
}

}  // namespace bw::metrics
