// The worker's loop around a conversion that costs nothing: the real queue, the real files, bytes in are
// bytes out. Settings as for bw. What a job takes here is what it takes outside the conversion; throughput.py
// measures it.
#include <cstdlib>
#include <string>

#include "bw/config.hpp"
#include "bw/queue.hpp"
#include "bw/storage.hpp"
#include "bw/worker.hpp"

int main() {
    bw::Config config;
    if (!bw::load_config(bw::process_environment, {}, bw::SettingsFor::kWork, config).empty())
        return EXIT_FAILURE;
    bw::log::configure(config.log_level, config.log_format);
    bw::ConnectionOptions options;
    options.urls = config.nats_urls;
    options.connect_timeout = config.connect_timeout;
    const auto connection = bw::connect(options, {});
    const bw::QueueNames names{config.stream, config.consumer};
    const auto queue = bw::bind_work_queue(*connection, names, config.connect_timeout, {});
    const bw::StorageSettings storage{
        .outdir = config.outdir, .input_roots = config.input_roots, .min_free_bytes = config.min_free_bytes};
    const auto source = bw::open_source(storage);
    const auto sink = bw::open_sink(storage);
    const auto no_conversion = [](std::string_view bytes, std::string_view, const std::stop_token&,
                                  const bw::Fatal&) { return bw::Conversion{std::string(bytes)}; };
    const auto abandon = [](const bw::JobFailed&) { std::_Exit(EXIT_FAILURE); };
    bw::WorkerObserver nobody;
    bw::Worker worker({.outdir = config.outdir,
                       .names = names,
                       .max_file_bytes = config.max_file_bytes,
                       .job_timeout = config.job_timeout,
                       .retry_delay = config.retry_delay},
                      *queue, *source, *sink, no_conversion, abandon, {}, nobody);
    worker.run();  // until it is killed
}
