#include "nats_url.hpp"

#include <optional>

#include "bw/base/uri.hpp"
#include "values.hpp"

namespace bw {
namespace {

// user:password, or a token; percent-encoded, which libnats would not decode.
std::optional<NatsUser> read_user(std::string_view userinfo) {
    const auto colon = userinfo.find(':');
    const auto first = percent_decode(userinfo.substr(0, colon));
    if (!first || first->empty()) return std::nullopt;
    if (colon == std::string_view::npos) return NatsUser{.token = *first};
    const auto password = percent_decode(userinfo.substr(colon + 1));
    if (!password) return std::nullopt;
    return NatsUser{.name = *first, .password = *password};
}

// Takes scheme:// off the URL.
std::string take_scheme(std::string_view& url) {
    const auto mark = url.find("://");
    if (mark == std::string_view::npos) return "nats://";
    std::string scheme = to_lower(url.substr(0, mark + 3));
    url.remove_prefix(mark + 3);
    if (scheme != "nats://" && scheme != "tls://") throw Mistake{"the schemes are nats:// and tls://"};
    return scheme;
}

// Takes user@ off the URL. Whoever the URL says we are, we are to all the servers.
void take_user(std::string_view& url, NatsServers& servers) {
    const auto at = url.rfind('@');
    if (at == std::string_view::npos) return;
    // The user must stand in the first URL or in all. Otherwise the tail of a password that holds a comma
    // would pass for a URL.
    const auto user = read_user(url.substr(0, at));
    if (!user || (!servers.urls.empty() && servers.user != *user)) throw Mistake{};
    servers.user = *user;
    url.remove_prefix(at + 1);
}

// Adds [scheme://][user@]host[:port]. libnats takes nonsense such as "ht!tp://" without a word, so URLs are
// checked here.
void add_server(std::string_view url, NatsServers& servers) {
    const std::string scheme = take_scheme(url);
    take_user(url, servers);
    if (url.ends_with('/')) url.remove_suffix(1);
    std::string_view port = "4222";
    if (const auto colon = url.rfind(':'); colon != std::string_view::npos && url.back() != ']') {
        port = url.substr(colon + 1);
        url = url.substr(0, colon);
    }
    if (!is_host(url) || !is_port(port, 1)) throw Mistake{};
    servers.urls.push_back(scheme + std::string(url) + ":" + std::string(port));
}

}  // namespace

NatsServers read_nats_servers(std::string_view text) {
    if (text.ends_with(',')) text = trimmed(text.substr(0, text.size() - 1));
    NatsServers servers;
    for (const std::string_view url : split(text, ',')) add_server(url, servers);
    return servers;
}

std::string redact_url(std::string_view url) {
    std::string redacted(url);
    const auto at = redacted.rfind('@');
    if (at == std::string::npos) return redacted;
    const auto mark = redacted.find("://");
    const auto start = mark == std::string::npos || mark > at ? 0 : mark + 3;
    return redacted.replace(start, at - start, "***");
}

}  // namespace bw
