#include "page.hpp"

#include <prometheus/text_serializer.h>

#include <array>
#include <utility>
#include <vector>

#include "bw/base/clock.hpp"

namespace bw::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Pairs = std::vector<ClientMetric::Label>;

// JetStream is asked every two seconds.
constexpr std::int64_t kFreshMs = 10'000;

// A worker can end with these kinds.
constexpr std::array kKinds{ErrorKind::kInternal, ErrorKind::kConfiguration, ErrorKind::kQueue,
                            ErrorKind::kJob,      ErrorKind::kImage,         ErrorKind::kOutput,
                            ErrorKind::kTimeout,  ErrorKind::kStopped,       ErrorKind::kDifference,
                            ErrorKind::kInput};

struct Sample {
    Pairs labels;
    std::uint64_t value;
};

MetricFamily family(MetricType type, std::string name, std::string help, const std::vector<Sample>& samples) {
    MetricFamily family{std::move(name), std::move(help), type, {}};
    for (const auto& sample : samples) {
        auto& metric = family.metric.emplace_back();
        metric.label = sample.labels;
        // The serializer takes the member that the type names.
        metric.counter.value = metric.gauge.value = static_cast<double>(sample.value);
    }
    return family;
}

MetricFamily counter(std::string name, std::string help, const std::vector<Sample>& samples) {
    return family(MetricType::Counter, std::move(name), std::move(help), samples);
}

MetricFamily counter(std::string name, std::string help, const Count& count) {
    return counter(std::move(name), std::move(help), {{{}, count}});
}

MetricFamily gauge(std::string name, std::string help, std::uint64_t value, const Pairs& labels = {}) {
    return family(MetricType::Gauge, std::move(name), std::move(help), {{labels, value}});
}

MetricFamily jobs(const Counters& counters) {
    return counter("bw_jobs_total",
                   "Deliveries of jobs that ended: done; failed, or given back at a hard stop; their worker "
                   "crashed; done, but forgotten by the server.",
                   {{{{"outcome", "done"}}, counters.jobs_done},
                    {{{"outcome", "failed"}}, counters.jobs_failed},
                    {{{"outcome", "given_back"}}, counters.jobs_given_back},
                    {{{"outcome", "crashed"}}, counters.jobs_crashed},
                    {{{"outcome", "forgotten"}}, counters.jobs_forgotten}});
}

MetricFamily errors(const Counters& counters) {
    std::vector<Sample> samples;
    for (const auto kind : kKinds) {
        samples.push_back({{{"kind", std::string(name(kind))}, {"class", std::string(class_name(kind))}},
                           counters.errors[static_cast<std::size_t>(kind)]});
    }
    return counter("bw_errors_total", "Workers that ended with an error, with or without a job.", samples);
}

MetricFamily restarts(const Counters& counters) {
    std::vector<Sample> samples;
    for (std::size_t reason = 0; reason < kRestartNames.size(); ++reason) {
        samples.push_back({{{"reason", std::string(kRestartNames[reason])}}, counters.restarts[reason]});
    }
    return counter("bw_worker_restarts_total", "Workers that were started again.", samples);
}

ClientMetric stage(std::string_view name, const DurationHistogram& from) {
    ClientMetric metric;
    metric.label = {{"stage", std::string(name)}};
    auto& to = metric.histogram;
    for (std::size_t bucket = 0; bucket < from.buckets.size(); ++bucket) {
        to.sample_count += from.buckets[bucket];
        // The serializer adds the last bucket, which has no bound.
        if (bucket < kBucketSeconds.size()) to.bucket.push_back({to.sample_count, kBucketSeconds[bucket]});
    }
    to.sample_sum = static_cast<double>(from.sum_us) / 1e6;
    return metric;
}

MetricFamily stages(const Counters& counters) {
    MetricFamily family{"bw_stage_duration_seconds",
                        "How long the stages of jobs took that were done or forgotten.",
                        MetricType::Histogram,
                        {}};
    for (std::size_t number = 0; number < kStageNames.size(); ++number) {
        family.metric.push_back(stage(kStageNames[number], counters.stages[number]));
    }
    return family;
}

void add_queue(std::vector<MetricFamily>& families, const QueueGauges& queue, const Labels& labels) {
    if (queue.answered_ms == 0 || steady_ms() - queue.answered_ms > kFreshMs) return;
    const Pairs names{{"stream", labels.stream}, {"consumer", labels.consumer}};
    families.push_back(
        gauge("bw_queue_pending_jobs", "Jobs that wait for their first delivery.", queue.pending, names));
    families.push_back(gauge("bw_queue_ack_pending_jobs",
                             "Jobs in work at any worker, or waiting to be delivered again.",
                             queue.ack_pending, names));
    families.push_back(gauge("bw_queue_redelivered_jobs", "Of those, jobs delivered more than once.",
                             queue.redelivered, names));
    families.push_back(gauge("bw_queue_dead_jobs",
                             "Jobs that are not delivered again and stay in the stream to be read.",
                             queue.dead, names));
}

}  // namespace

std::string page(const Counters& counters, const WorkerGauges& workers, const Labels& labels) {
    std::vector<MetricFamily> families{
        jobs(counters),
        errors(counters),
        stages(counters),
        counter("bw_input_bytes_total", "Bytes of pictures read, of jobs done or forgotten.",
                counters.input_bytes),
        counter("bw_output_bytes_total", "Bytes of results written, of jobs done or forgotten.",
                counters.output_bytes),
        counter("bw_input_pixels_total", "Pixels of all frames decoded, of jobs done or forgotten.",
                counters.input_pixels),
        counter("bw_output_pixels_total", "Pixels of all frames written, of jobs done or forgotten.",
                counters.output_pixels),
        counter("bw_deliveries_total", "Deliveries of jobs to these workers.", counters.deliveries),
        counter("bw_redeliveries_total", "Of those, not the first of the job.", counters.redeliveries),
        restarts(counters),
        gauge("bw_workers", "Workers that are to run.", workers.workers),
        gauge("bw_workers_connected", "Workers that are connected and bound to the consumer.",
              workers.workers_connected),
        gauge("bw_jobs_in_hand", "Workers with a job in hand.", workers.jobs_in_hand),
        gauge("bw_build_info", "Always 1; the version of bw.", 1, {{"version", labels.version}}),
    };
    add_queue(families, counters.queue, labels);
    return prometheus::TextSerializer().Serialize(families);
}

}  // namespace bw::metrics
