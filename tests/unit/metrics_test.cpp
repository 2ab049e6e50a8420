#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "bw/base/clock.hpp"
#include "bw/telemetry.hpp"
#include "telemetry/page.hpp"

// That workers and parent count what they should is shown end to end, with a real Prometheus.
namespace bw::metrics {
namespace {

using std::chrono::microseconds;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const Labels kLabels{"1.2.3", "IMAGES", "BW"};

std::string after_headers(const std::string& answer) {
    const auto end = answer.find("\r\n\r\n");
    return end == answer.npos ? answer : answer.substr(end + 4);
}

// Returns the whole answer of a server on 127.0.0.1 to a request.
std::string ask(const std::string& url, const std::string& request) {
    const auto port = std::stoi(url.substr(url.rfind(':') + 1));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int connection = ::socket(AF_INET, SOCK_STREAM, 0);
    EXPECT_EQ(::connect(connection, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    const std::string whole = request + " HTTP/1.1\r\nHost: bw\r\n\r\n";
    EXPECT_EQ(::send(connection, whole.data(), whole.size(), 0), static_cast<ssize_t>(whole.size()));
    std::string answer;
    std::array<char, 4096> buffer{};
    for (ssize_t got = 0; (got = ::recv(connection, buffer.data(), buffer.size(), 0)) > 0;)
        answer.append(buffer.data(), static_cast<std::size_t>(got));
    ::close(connection);
    return answer;
}

class MetricsTest : public testing::Test {
  protected:
    std::string text() const { return page(counters_, workers_, kLabels); }
    bool has(const std::string& line) const { return text().find("\n" + line + "\n") != std::string::npos; }

    std::unique_ptr<Server> serve_at(const std::string& address) const {
        return serve(
            counters_, [this] { return workers_; }, kLabels, address);
    }

    Counters counters_;
    WorkerGauges workers_;
};

TEST_F(MetricsTest, AHistogramsBoundBelongsToTheBucketBelow) {
    DurationHistogram histogram;
    for (const auto us : {0, 1000, 1001, 10'000'000, 10'000'001}) histogram.add(microseconds(us));
    EXPECT_EQ(histogram.buckets[0], 2U);
    EXPECT_EQ(histogram.buckets[1], 1U);
    EXPECT_EQ(histogram.buckets[12], 1U);
    EXPECT_EQ(histogram.buckets[13], 1U);
    EXPECT_EQ(histogram.sum_us, 20'002'002U);
}

TEST_F(MetricsTest, ThePageIsTheOneWrittenByHand) {
    counters_.jobs_done = 1000;
    counters_.jobs_failed = 17;
    counters_.jobs_given_back = 2;
    counters_.jobs_crashed = 3;
    counters_.jobs_forgotten = 1;
    counters_.errors[4] = 12;
    counters_.errors[10] = 5;
    for (const auto us : {800, 1000, 2000, 2'000'000, 60'496'200})
        counters_.stage(Stage::kMonochrome).add(microseconds(us));
    counters_.input_bytes = 12'345'678'901'234;
    counters_.output_bytes = 2;
    counters_.input_pixels = 3;
    counters_.output_pixels = 4;
    counters_.deliveries = 1023;
    counters_.redeliveries = 22;
    std::ranges::copy(std::array{17, 3, 1, 4}, counters_.restarts.begin());
    workers_ = {.workers = 3, .workers_connected = 2, .jobs_in_hand = 1};
    counters_.queue.pending = 7;
    counters_.queue.ack_pending = 6;
    counters_.queue.redelivered = 5;
    counters_.queue.dead = 4;
    counters_.queue.answered_ms = steady_ms();
    std::ostringstream expected;
    expected << std::ifstream(BW_SOURCE_DIR "/tests/unit/metrics.txt").rdbuf();
    EXPECT_EQ(text(), expected.str());
}

TEST_F(MetricsTest, OldNumbersOfTheQueueAreNotShown) {
    EXPECT_THAT(text(), Not(HasSubstr("bw_queue")));
    counters_.queue.answered_ms = steady_ms() - 9000;
    EXPECT_TRUE(has(R"(bw_queue_dead_jobs{stream="IMAGES",consumer="BW"} 0)"));
    counters_.queue.answered_ms = steady_ms() - 10'001;
    EXPECT_THAT(text(), Not(HasSubstr("bw_queue")));
}

TEST_F(MetricsTest, ServesThePage) {
    const auto server = serve_at("127.0.0.1:0");
    EXPECT_THAT(server->url(), StartsWith("http://127.0.0.1:"));
    EXPECT_THAT(server->url(), EndsWith("/metrics"));
    counters_.jobs_done = 5;
    const auto answer = ask(server->url(), "GET /metrics");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4;"));
    EXPECT_EQ(after_headers(answer), text());
    EXPECT_THAT(after_headers(answer), HasSubstr("{outcome=\"done\"} 5\n"));
}

TEST_F(MetricsTest, APageThatCannotBeMadeIsAnAnswerToo) {
    const auto server = serve(
        counters_, []() -> WorkerGauges { throw std::bad_alloc(); }, kLabels, "127.0.0.1:0");
    const auto answer = ask(server->url(), "GET /metrics");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 500 Internal Server Error\r\n"));
    EXPECT_EQ(after_headers(answer), "the page cannot be made\n");
    EXPECT_THAT(ask(server->url(), "GET /healthz"), StartsWith("HTTP/1.1 503 ")) << "it goes on";
}

TEST_F(MetricsTest, ServesNothingElse) {
    const auto server = serve_at(":0");
    for (const char* request : {"GET /", "GET /metrics/more", "GET /../../../etc/passwd", "GET /etc/passwd",
                                "POST /metrics", "PUT /metrics", "DELETE /metrics", "OPTIONS /metrics"}) {
        const auto answer = ask(server->url(), request);
        EXPECT_THAT(answer, StartsWith("HTTP/1.1 40")) << request;
        EXPECT_THAT(answer, Not(HasSubstr("root:"))) << request;
    }
    EXPECT_THAT(ask(server->url(), "nonsense"), Not(HasSubstr("200")));
}

// civetweb by itself would take two seconds to end.
TEST_F(MetricsTest, TheServerEndsSoon) {
    auto server = serve_at(":0");
    ask(server->url(), "GET /metrics");
    const auto begin = steady_ms();
    server.reset();
    EXPECT_LT(steady_ms() - begin, 1000);
}

TEST_F(MetricsTest, IsHealthyWhileTheParentGoesOn) {
    const auto server = serve_at("127.0.0.1:0");
    counters_.parent_alive_ms = steady_ms() - 9000;
    EXPECT_THAT(ask(server->url(), "GET /healthz"), StartsWith("HTTP/1.1 200 OK\r\n"));
    counters_.parent_alive_ms = steady_ms() - 10'001;
    const auto answer = ask(server->url(), "GET /healthz");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
    EXPECT_EQ(after_headers(answer), "the parent process hangs\n");
}

TEST_F(MetricsTest, IsReadyWhileAWorkerIsConnected) {
    const auto server = serve_at("127.0.0.1:0");
    const auto answer = ask(server->url(), "GET /readyz");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
    EXPECT_EQ(after_headers(answer), "no worker is connected to the queue\n");
    workers_.workers_connected = 1;
    EXPECT_THAT(ask(server->url(), "GET /readyz"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(MetricsTest, SaysWhyItCannotListen) {
    const auto server = serve_at("127.0.0.1:0");
    const auto address = server->url().substr(7, server->url().rfind('/') - 7);
    try {
        serve_at(address);
        ADD_FAILURE() << "two servers at one address";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::kConfiguration);
        EXPECT_EQ(error.where(), "BW_METRICS");
        EXPECT_THAT(error.what(),
                    StartsWith("the page cannot be served at \"" + address + "\": cannot bind"));
        EXPECT_THAT(error.what(), HasSubstr("Address already in use"));
    }
}

class ReporterTest : public testing::Test {
  protected:
    // Runs the reporter for one turn.
    void report(const Reporter::IsConnected& connected) {
        const Reporter reporter(connected_, queue_, connected, [this](const std::stop_token&) {
            EXPECT_TRUE(connected_);
            ++asked_;
            return depth_;
        });
    }

    static bool always() { return true; }

    std::atomic<bool> connected_{false};
    QueueGauges queue_;
    std::optional<QueueDepth> depth_ =
        QueueDepth{.pending = 2, .ack_pending = 3, .redelivered = 4, .dead = 5};
    int asked_ = 0;
};

TEST_F(ReporterTest, SaysWhatTheQueueHolds) {
    report(always);
    EXPECT_EQ(asked_, 1);
    EXPECT_EQ(queue_.pending, 2U);
    EXPECT_EQ(queue_.ack_pending, 3U);
    EXPECT_EQ(queue_.redelivered, 4U);
    EXPECT_EQ(queue_.dead, 5U);
    EXPECT_LE(steady_ms() - queue_.answered_ms, 1000);
    EXPECT_FALSE(connected_) << "it has ended";
}

TEST_F(ReporterTest, OneWorkerAsksForAll) {
    report(always);
    report(always);
    EXPECT_EQ(asked_, 1);
    queue_.asked_ms = steady_ms() - 2000;
    report(always);
    EXPECT_EQ(asked_, 2);
}

TEST_F(ReporterTest, WhoeverIsNotConnectedLetsOthersAsk) {
    report([] { return false; });
    EXPECT_EQ(asked_, 0);
    EXPECT_EQ(queue_.asked_ms, 0);
}

TEST_F(ReporterTest, WithoutAnAnswerTheNumbersGrowOld) {
    report(always);
    depth_.reset();
    queue_.asked_ms = 0;
    queue_.answered_ms = 17;
    report(always);
    EXPECT_EQ(asked_, 2);
    EXPECT_EQ(queue_.answered_ms, 17);
    EXPECT_EQ(queue_.dead, 5U);
}

TEST_F(ReporterTest, GoesOnUntilItEnds) {
    std::atomic<int> turns{0};
    const Reporter reporter(
        connected_, queue_,
        [&] {
            EXPECT_EQ(connected_, turns == 2);
            const int turn = ++turns;
            turns.notify_all();
            return turn == 2;
        },
        [](const std::stop_token&) { return std::nullopt; });
    for (int seen = 0; seen < 3; seen = turns) turns.wait(seen);
}

}  // namespace
}  // namespace bw::metrics
