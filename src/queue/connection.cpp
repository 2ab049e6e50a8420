#include "connection.hpp"

#include <netdb.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <sstream>
#include <utility>

#include "bw/base/error.hpp"
#include "bw/base/log.hpp"
#include "bw/base/thread.hpp"
#include "nkey.hpp"

namespace bw {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kConnectAttempt{2000};
constexpr milliseconds kReconnectPause{250};
constexpr milliseconds kReconnectJitter{250};
// A partition shows after two pings without an answer.
constexpr milliseconds kPingInterval{10'000};
constexpr int kMaxPingsOut = 2;
constexpr milliseconds kWriteDeadline{5000};
constexpr milliseconds kApiTimeout{3000};
constexpr milliseconds kRefusalTimeout{250};
constexpr const char* kApi = "$JS.API.";
// libnats 3.4.1 signs one nonce in 256 wrongly, so one refusal proves nothing.
constexpr int kRefusalsThatCount = 3;

void require(natsStatus status, const char* what) {
    if (status == NATS_OK) return;
    throw Error(ErrorKind::kConfiguration, what,
                "libnats does not take this setting: " + last_libnats_error(status));
}

void set_servers(natsOptions* options, const std::vector<std::string>& urls) {
    std::vector<const char*> list;
    for (const auto& url : urls) list.push_back(url.c_str());
    require(natsOptions_SetServers(options, list.data(), static_cast<int>(list.size())), "NATS_URL");
}

// libnats reads the file only when a server asks for it, and then blames the server.
void check_credentials(const std::string& path) {
    std::ifstream file(path);
    if (!file) {
        throw Error(ErrorKind::kConfiguration, path, "BW_CREDS cannot be read: " + system_reason(errno));
    }
    std::ostringstream content;
    content << file.rdbuf();
    const std::string text = content.str();
    const auto first = text.find("-----BEGIN");
    if (first != std::string::npos && text.find("-----BEGIN", first + 1) != std::string::npos) return;
    throw Error(ErrorKind::kConfiguration, path,
                "BW_CREDS names no file with a JWT and a seed, each after a line -----BEGIN ...-----");
}

void set_security(natsOptions* options, const ConnectionOptions& from) {
    if (!from.token.empty()) require(natsOptions_SetToken(options, from.token.c_str()), "NATS_URL");
    if (!from.user.empty()) {
        require(natsOptions_SetUserInfo(options, from.user.c_str(), from.password.c_str()), "NATS_URL");
    }
    if (!from.credentials_file.empty()) {
        check_credentials(from.credentials_file);
        require(natsOptions_SetUserCredentialsFromFiles(options, from.credentials_file.c_str(), nullptr),
                "BW_CREDS");
    }
    if (!from.nkey_seed_file.empty()) {
        const std::string key = public_nkey(from.nkey_seed_file);
        require(natsOptions_SetNKeyFromSeed(options, key.c_str(), from.nkey_seed_file.c_str()), "BW_NKEY");
    }
    // libnats itself would talk in the clear to a tls:// server that offers no TLS.
    const bool tls_url = std::any_of(from.urls.begin(), from.urls.end(),
                                     [](const auto& url) { return url.starts_with("tls://"); });
    if (!tls_url && from.tls_ca_file.empty() && from.tls_certificate_file.empty()) return;
    require(natsOptions_SetSecure(options, true), "NATS_URL");
    if (!from.tls_ca_file.empty()) {
        require(natsOptions_LoadCATrustedCertificates(options, from.tls_ca_file.c_str()), "BW_TLS_CA");
    }
    if (!from.tls_certificate_file.empty()) {
        require(natsOptions_LoadCertificatesChain(options, from.tls_certificate_file.c_str(),
                                                  from.tls_key_file.c_str()),
                "BW_TLS_CERT, BW_TLS_KEY");
    }
}

OptionsPtr make_options(const ConnectionOptions& from) {
    natsOptions* raw = nullptr;
    require(natsOptions_Create(&raw), "options");
    OptionsPtr options(raw);
    set_servers(raw, from.urls);
    set_security(raw, from);
    natsOptions_SetName(raw, "bw");
    natsOptions_SetCustomInboxPrefix(raw, kInboxPrefix);
    natsOptions_SetTimeout(raw, kConnectAttempt.count());
    natsOptions_SetMaxReconnect(raw, -1);
    natsOptions_SetReconnectWait(raw, kReconnectPause.count());
    natsOptions_SetReconnectJitter(raw, kReconnectJitter.count(), kReconnectJitter.count());
    natsOptions_SetPingInterval(raw, kPingInterval.count());
    natsOptions_SetMaxPingsOut(raw, kMaxPingsOut);
    natsOptions_SetWriteDeadline(raw, kWriteDeadline.count());
    natsOptions_SetFailRequestsOnDisconnect(raw, true);
    // Without it libnats waits about a millisecond for more to send, three times a job.
    natsOptions_SetSendAsap(raw, true);
    return options;
}

std::string joined(const std::vector<std::string>& urls) {
    std::string text;
    for (const auto& url : urls) text.append(text.empty() ? "" : ",").append(url);
    return text;
}

std::string connected_url(natsConnection* connection) {
    std::array<char, 1024> buffer{};
    natsConnection_GetConnectedUrl(connection, buffer.data(), buffer.size());
    return buffer.data();
}

// libnats says "no server available" of a host that does not exist, too. Each host that has no address, with
// the reason: "; the host nats.example does not resolve (Name or service not known)"; empty where all have
// one.
std::string unresolved_hosts(const std::vector<std::string>& urls) {
    std::string text;
    for (const auto& url : urls) {
        const auto begin = url.find("://") + 3;
        std::string host = url.substr(begin, url.rfind(':') - begin);
        if (host.starts_with('[')) continue;  // an address
        addrinfo* found = nullptr;
        const int failure = ::getaddrinfo(host.c_str(), nullptr, nullptr, &found);
        if (failure == 0) {
            ::freeaddrinfo(found);
        } else {
            text += "; the host " + host + " does not resolve (" + ::gai_strerror(failure) + ")";
        }
    }
    return text;
}

// Permissions Violation for Publish to "SUBJECT"
bool is_about(std::string_view refusal, const std::string& subject) {
    return refusal.find('"' + subject + '"') != refusal.npos;
}

bool refused_us(natsStatus status) {
    return status == NATS_CONNECTION_AUTH_FAILED || status == NATS_NOT_PERMITTED ||
           status == NATS_SSL_ERROR || status == NATS_SECURE_CONNECTION_REQUIRED ||
           status == NATS_SECURE_CONNECTION_WANTED;
}

ConnectionPtr try_to_connect(natsOptions* options, const ConnectionOptions& from,
                             const std::stop_token& stop) {
    const auto deadline = steady_clock::now() + from.connect_timeout;
    bool said = false;
    for (int refusals = 0;;) {
        natsConnection* raw = nullptr;
        const natsStatus status = natsConnection_Connect(&raw, options);
        if (status == NATS_OK) return ConnectionPtr(raw);
        if (refused_us(status)) ++refusals;
        const std::string text = last_libnats_error(status);
        if (refusals >= kRefusalsThatCount) {
            throw Error(ErrorKind::kQueue, joined(from.urls), "the NATS server does not let us in: " + text);
        }
        if (steady_clock::now() + kReconnectPause >= deadline) {
            throw Error(
                ErrorKind::kQueue, joined(from.urls),
                "no NATS server answered within BW_CONNECT_TIMEOUT: " + text + unresolved_hosts(from.urls));
        }
        if (!std::exchange(said, true)) {
            log::warn("not connected yet, trying on", {{"url", joined(from.urls)}});
        }
        if (stopped_within(kReconnectPause, stop)) return nullptr;
    }
}

}  // namespace

std::string last_libnats_error(natsStatus status) {
    const char* text = nats_GetLastError(nullptr);
    if (text == nullptr || *text == '\0') return natsStatus_GetText(status);
    // "(conn.c:1905): Authorization Violation": the place in libnats helps nobody.
    const std::string_view whole = text;
    const auto mark = whole.find("): ");
    return std::string(whole.starts_with('(') && mark != whole.npos ? whole.substr(mark + 3) : whole);
}

void no_answer(Connection& connection, const std::string& where) {
    throw Error(ErrorKind::kQueue, where,
                "JetStream does not answer: " +
                    connection.refusal().value_or("is it switched on (nats-server -js)?"));
}

bool stopped_within(milliseconds pause, const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, pause, [] { return false; });
    return stop.stop_requested();
}

void ConnectionCloser::operator()(Connection* connection) const { delete connection; }

Needs connection_needs(const ConnectionOptions& options) {
    Needs needs;
    for (const auto& file : {options.credentials_file, options.nkey_seed_file, options.tls_ca_file,
                             options.tls_certificate_file, options.tls_key_file}) {
        needs.push_back({Need::Kind::kReadReplaced, file});
    }
    return needs;
}

ConnectionHandle connect(const ConnectionOptions& options, const std::stop_token& stop) {
    ConnectionHandle connection(new Connection);
    if (!connection->open(options, stop)) return nullptr;
    return connection;
}

bool is_connected(Connection& connection) { return connection.is_connected(); }

bool wait_until_connected(Connection& connection, const std::stop_token& stop, milliseconds patience) {
    return connection.wait_until_connected(stop, patience);
}

bool Connection::open(const ConnectionOptions& from, const std::stop_token& stop) {
    const OptionsPtr options = make_options(from);
    natsOptions_SetDisconnectedCB(options.get(), on_lost, this);
    natsOptions_SetReconnectedCB(options.get(), on_back, this);
    natsOptions_SetErrorHandler(options.get(), on_trouble, nullptr);
    connection_ = try_to_connect(options.get(), from, stop);
    if (connection_ != nullptr) log::startup("connected", {{"url", connected_url(get())}});
    return connection_ != nullptr;
}

void Connection::on_lost(natsConnection*, void* self) {
    run_or_exit([self] {
        if (!static_cast<Connection*>(self)->closing_) log::warn("connection lost");
    });
}

void Connection::on_back(natsConnection* connection, void*) {
    run_or_exit([&] { log::info("connection back", {{"url", connected_url(connection)}}); });
}

// The connection keeps it as its last error. Without a handler libnats writes the server's words to standard
// error.
void Connection::on_trouble(natsConnection*, natsSubscription*, natsStatus, void*) {}

std::uint64_t Connection::number() {
    natsStatistics* raw = nullptr;
    std::uint64_t reconnects = 0;
    natsStatistics_Create(&raw);
    const StatisticsPtr statistics(raw);
    natsConnection_GetStats(get(), raw);
    natsStatistics_GetCounts(raw, nullptr, nullptr, nullptr, nullptr, &reconnects);
    return reconnects + 1;
}

bool Connection::wait_until_connected(const std::stop_token& stop, milliseconds patience) {
    constexpr milliseconds kLook{50};
    const auto deadline = steady_clock::now() + patience;
    while (!is_connected()) {
        if (natsConnection_IsClosed(get())) {
            throw Error(
                ErrorKind::kQueue, "connection",
                "the NATS server has closed the connection: " + refusal().value_or("connection closed"));
        }
        if (stopped_within(kLook, stop) || steady_clock::now() >= deadline) return false;
    }
    return true;
}

bool Connection::refused_permission() {
    const char* text = nullptr;
    if (natsConnection_GetLastError(get(), &text) != NATS_NOT_PERMITTED) return false;
    const std::scoped_lock lock(mutex_);
    return std::ranges::none_of(tolerated_, [text](const auto& subject) { return is_about(text, subject); });
}

bool Connection::refused(const std::string& subject) {
    const char* text = nullptr;
    return natsConnection_GetLastError(get(), &text) == NATS_NOT_PERMITTED && is_about(text, subject);
}

void Connection::tolerate_refusal(const std::string& subject) {
    const std::scoped_lock lock(mutex_);
    if (std::ranges::find(tolerated_, subject) == tolerated_.end()) tolerated_.push_back(subject);
}

std::optional<std::string> Connection::refusal() {
    const char* text = nullptr;
    if (natsConnection_GetLastError(get(), &text) == NATS_OK || text == nullptr || *text == '\0') {
        return std::nullopt;
    }
    return text;
}

std::string Connection::request(const std::string& subject, const std::string& body, milliseconds timeout) {
    natsMsg* raw = nullptr;
    const auto status =
        natsConnection_RequestString(&raw, get(), subject.c_str(), body.c_str(), timeout.count());
    if (status != NATS_OK) return "";
    const MessagePtr message(raw);
    return {natsMsg_GetData(raw), static_cast<std::size_t>(natsMsg_GetDataLength(raw))};
}

std::string Connection::api(const std::string& call, const std::string& body) {
    return request(kApi + call, body, kApiTimeout);
}

// A request that is refused gets no answer: the refusal comes beside, and at once.
std::optional<std::string> Connection::api_if_permitted(const std::string& call, const std::string& body) {
    const std::string subject = kApi + call;
    tolerate_refusal(subject);
    for (const auto timeout : {kRefusalTimeout, kApiTimeout}) {
        if (auto answer = request(subject, body, timeout); !answer.empty()) return answer;
        if (refused(subject)) return std::nullopt;
    }
    return "";
}

}  // namespace bw
