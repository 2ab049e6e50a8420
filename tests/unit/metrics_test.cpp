#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

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

// What a server on 127.0.0.1 answers to a request, whole.
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
    std::string text() const { return page(*board_, kLabels); }
    bool has(const std::string& line) const { return text().find("\n" + line + "\n") != std::string::npos; }

    const SharedBoard shared_;
    Board* const board_ = &*shared_;
};

TEST_F(MetricsTest, AHistogramsBoundBelongsToTheBucketBelow) {
    Histogram histogram;
    for (const auto us : {0, 1000, 1001, 10'000'000, 10'000'001}) histogram.add(microseconds(us));
    EXPECT_EQ(histogram.buckets[0], 2U);
    EXPECT_EQ(histogram.buckets[1], 1U);
    EXPECT_EQ(histogram.buckets[12], 1U);
    EXPECT_EQ(histogram.buckets[13], 1U);
    EXPECT_EQ(histogram.sum_us, 20'002'002U);
}

TEST_F(MetricsTest, WhatOneProcessCountsAnotherOneSees) {
    const SharedBoard other(shared_.descriptor());
    ++other->jobs_done;
    other->seats[kMostWorkers - 1].beat();
    EXPECT_EQ(board_->jobs_done, 1U);
    EXPECT_NE(board_->seats[kMostWorkers - 1].alive_ms, 0);
}

TEST_F(MetricsTest, AWorkerCannotTakeMemoryFromTheOthers) {
    ASSERT_NE(::ftruncate(shared_.descriptor(), 0), 0);
    ASSERT_NE(::ftruncate(shared_.descriptor(), 2 * sizeof(Board)), 0);
    board_->workers = kMostWorkers + 1;
    EXPECT_EQ(board_->seats_in_use().size(), kMostWorkers);
}

// tests/unit/metrics.txt was written by hand, from the meaning of each number and Prometheus' text format.
TEST_F(MetricsTest, ThePageIsTheOneWrittenByHand) {
    board_->jobs_done = 1000;
    board_->jobs_failed = 17;
    board_->jobs_given_back = 2;
    board_->jobs_crashed = 3;
    board_->jobs_forgotten = 1;
    board_->errors[4] = 12;
    board_->errors[10] = 5;
    for (const auto us : {800, 1000, 2000, 2'000'000, 60'496'200})
        board_->stage(Stage::kMonochrome).add(microseconds(us));
    board_->input_bytes = 12'345'678'901'234;
    board_->output_bytes = 2;
    board_->input_pixels = 3;
    board_->output_pixels = 4;
    board_->deliveries = 1023;
    board_->redeliveries = 22;
    std::ranges::copy(std::array{17, 3, 1, 4}, board_->restarts.begin());
    board_->workers = 3;
    board_->seats[0].connected = board_->seats[1].connected = board_->seats[2].job_in_hand = true;
    board_->seats[3].connected = true;  // nobody's
    board_->queue.pending = 7;
    board_->queue.ack_pending = 6;
    board_->queue.redelivered = 5;
    board_->queue.dead = 4;
    board_->queue.answered_ms = now_ms();
    std::ostringstream expected;
    expected << std::ifstream(BW_SOURCE_DIR "/tests/unit/metrics.txt").rdbuf();
    EXPECT_EQ(text(), expected.str());
}

TEST_F(MetricsTest, OldNumbersOfTheQueueAreNotShown) {
    EXPECT_THAT(text(), Not(HasSubstr("bw_queue")));
    board_->queue.answered_ms = now_ms() - 9000;
    EXPECT_TRUE(has(R"(bw_queue_dead_jobs{stream="IMAGES",consumer="BW"} 0)"));
    board_->queue.answered_ms = now_ms() - 10'001;
    EXPECT_THAT(text(), Not(HasSubstr("bw_queue")));
}

TEST_F(MetricsTest, ServesThePage) {
    const auto server = serve(*board_, kLabels, "127.0.0.1:0");
    EXPECT_THAT(server->url(), StartsWith("http://127.0.0.1:"));
    EXPECT_THAT(server->url(), EndsWith("/metrics"));
    board_->jobs_done = 5;
    const auto answer = ask(server->url(), "GET /metrics");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4;"));
    EXPECT_EQ(after_headers(answer), text());
    EXPECT_THAT(after_headers(answer), HasSubstr("{outcome=\"done\"} 5\n"));
}

TEST_F(MetricsTest, ServesNothingElse) {
    const auto server = serve(*board_, kLabels, ":0");
    for (const char* request : {"GET /", "GET /metrics/more", "GET /../../../etc/passwd", "GET /etc/passwd",
                                "POST /metrics", "PUT /metrics", "DELETE /metrics", "OPTIONS /metrics"}) {
        const auto answer = ask(server->url(), request);
        EXPECT_THAT(answer, StartsWith("HTTP/1.1 40")) << request;
        EXPECT_THAT(answer, Not(HasSubstr("root:"))) << request;
    }
    EXPECT_THAT(ask(server->url(), "nonsense"), Not(HasSubstr("200")));
}

// civetweb by itself takes two seconds.
TEST_F(MetricsTest, TheServerEndsSoon) {
    auto server = serve(*board_, kLabels, ":0");
    ask(server->url(), "GET /metrics");
    const auto begin = now_ms();
    server.reset();
    EXPECT_LT(now_ms() - begin, 1000);
}

TEST_F(MetricsTest, IsHealthyWhileTheParentGoesOn) {
    const auto server = serve(*board_, kLabels, "127.0.0.1:0");
    board_->parent_alive_ms = now_ms() - 9000;
    EXPECT_THAT(ask(server->url(), "GET /healthz"), StartsWith("HTTP/1.1 200 OK\r\n"));
    board_->parent_alive_ms = now_ms() - 10'001;
    const auto answer = ask(server->url(), "GET /healthz");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
    EXPECT_EQ(after_headers(answer), "the parent process hangs\n");
}

TEST_F(MetricsTest, IsReadyWhileAWorkerIsConnected) {
    const auto server = serve(*board_, kLabels, "127.0.0.1:0");
    board_->workers = 2;
    board_->seats[2].connected = true;  // nobody's
    const auto answer = ask(server->url(), "GET /readyz");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
    EXPECT_EQ(after_headers(answer), "no worker is connected to the queue\n");
    board_->seats[1].connected = true;
    EXPECT_THAT(ask(server->url(), "GET /readyz"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(MetricsTest, SaysWhyItCannotListen) {
    const auto server = serve(*board_, kLabels, "127.0.0.1:0");
    const auto address = server->url().substr(7, server->url().rfind('/') - 7);
    try {
        serve(*board_, kLabels, address);
        ADD_FAILURE() << "two servers at one address";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::kConfiguration);
        EXPECT_EQ(error.where(), "BW_METRICS");
        EXPECT_THAT(error.what(),
                    StartsWith("the page cannot be served at \"" + address + "\": cannot bind"));
        EXPECT_THAT(error.what(), HasSubstr("Address already in use"));
    }
}

}  // namespace
}  // namespace bw::metrics
