#include "wiring.hpp"

namespace bw::cli {

ConnectionOptions connection_options(const Config& config) {
    return {.urls = config.nats_urls,
            .user = config.nats_user.name,
            .password = config.nats_user.password,
            .token = config.nats_user.token,
            .credentials_file = config.credentials_file,
            .nkey_seed_file = config.nkey_seed_file,
            .tls_ca_file = config.tls_ca_file,
            .tls_certificate_file = config.tls_certificate_file,
            .tls_key_file = config.tls_key_file,
            .connect_timeout = config.connect_timeout};
}

QueueNames queue_names(const Config& config) {
    return {.stream = config.stream,
            .consumer = config.consumer,
            .results = config.results.value_or(config.stream + "_RESULTS")};
}

}  // namespace bw::cli
