#include "bw/worker.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "bw/base/clock.hpp"
#include "leases.hpp"

namespace bw {
namespace {

using std::chrono::milliseconds;

log::Fields describe(const Delivery& delivery, const Job& job, const DeliveryRules& rules) {
    log::Fields fields;
    if (!job.id.empty()) fields.emplace_back("id", job.id);
    const std::string limit = rules.max_deliver > 0 ? std::to_string(rules.max_deliver) : "unlimited";
    fields.emplace_back("seq", delivery.sequence);
    fields.emplace_back("delivery", std::to_string(delivery.deliveries) + "/" + limit);
    if (delivery.trace) fields.emplace_back("trace", delivery.trace->id());
    return fields;
}

void warn_of_misspelt_members(const Job& job, const log::Fields& fields) {
    for (const auto& [member, meant] : job.misspelt) {
        log::Fields all{{"member", member}, {"meant", meant}};
        all.insert(all.end(), fields.begin(), fields.end());
        log::warn("bw does not know a member of the job, but one of nearly the same name", all);
    }
}

void add_conversion(JobFigures& figures, std::size_t input_bytes, const Conversion& result) {
    figures.input_bytes = input_bytes;
    figures.output_bytes = result.bytes.size();
    figures.input_pixels = result.input_pixels;
    figures.output_pixels = result.output_pixels;
    figures.frames = result.frames;
    figures.columns = result.columns;
    figures.rows = result.rows;
    figures.decode = result.decode;
    figures.monochrome = result.monochrome;
    figures.encode = result.encode;
}

void add_times(log::Fields& fields, const JobFigures& figures) {
    fields.insert(fields.end(), {{"read_us", figures.read.count()},
                                 {"decode_us", figures.decode.count()},
                                 {"monochrome_us", figures.monochrome.count()},
                                 {"encode_us", figures.encode.count()},
                                 {"commit_us", figures.commit.count()},
                                 {"queue_us", figures.queue.count()}});
}

void log_settlement(Settlement settlement, const log::Fields& fields) {
    switch (settlement) {
        case Settlement::kAcknowledged:
            return log::info("job done", fields);
        case Settlement::kForgotten:
            return log::warn("the server has forgotten the delivery, the job comes again", fields);
        case Settlement::kStreamReplaced:
            return log::warn(
                "the stream was made again while the job was in hand, and the job went with the old one",
                fields);
    }
}

}  // namespace

milliseconds nak_delay(milliseconds retry_delay, std::uint64_t deliveries, std::int64_t max_deliver) {
    constexpr std::uint64_t kMostDoublings = 10;
    if (max_deliver > 0 && deliveries >= static_cast<std::uint64_t>(max_deliver)) return milliseconds(0);
    const auto doublings = std::min(deliveries > 0 ? deliveries - 1 : 0, kMostDoublings);
    // JetStream counts nanoseconds, in 64 bits.
    constexpr milliseconds kLongest = std::chrono::hours(24 * 365);
    return std::min(retry_delay * (std::int64_t{1} << doublings), kLongest);
}

Worker::Worker(WorkerSettings settings, WorkQueue& queue, Source& source, Sink& sink, Convert convert,
               Abandon abandon, StopTokens stop, WorkerObserver& observer)
    : settings_(std::move(settings)),
      queue_(queue),
      source_(source),
      sink_(sink),
      convert_(std::move(convert)),
      abandon_(std::move(abandon)),
      stop_(std::move(stop)),
      observer_(observer),
      leases_(std::make_unique<LeaseKeeper>(queue, observer, stop_.hard)) {}

Worker::~Worker() = default;

void Worker::run() {
    source_.check_ready();
    sink_.prove_ready();
    log::startup("ready", {{"stream", settings_.names.stream},
                           {"consumer", settings_.names.consumer},
                           {"outdir", settings_.outdir}});
    bool retired = false;
    while (!retired && !stop_.soft.stop_requested()) {
        observer_.alive();
        source_.check_ready();
        sink_.check_ready();
        const auto delivery = queue_.fetch(stop_.soft);
        if (!delivery) continue;
        do_job(*delivery);
        retired = settings_.retire();
    }
    while (const auto delivery = queue_.fetch_late()) do_job(*delivery);
}

void Worker::do_job(const Delivery& delivery) {
    observer_.job_fetched(delivery);
    Job job;
    const auto failed = [&](const Error& cause) {
        give_back(delivery, job, cause);
        return JobFailed(cause, describe(delivery, job, queue_.rules()));
    };
    std::optional<Lease> lease;
    // Heartbeats end before the NAK, which a late heartbeat would undo.
    const auto failed_in_this_thread = [&](const Error& cause) {
        return failed(lease ? lease->end().value_or(cause) : cause);
    };
    try {
        parse_job(delivery.payload, job);
        if (job.advisory) queue_.check_advisory(*job.advisory);
        lease.emplace(leases_->take(delivery, settings_.job_timeout,
                                    [&](const Error& cause) { abandon_(failed(cause)); }));
        convert_and_settle(delivery, job, *lease,
                           [&](const Error& cause) { abandon_(failed_in_this_thread(cause)); });
    } catch (const Error& cause) {
        throw failed_in_this_thread(cause);
    } catch (const std::exception& defect) {
        throw failed_in_this_thread(Error(ErrorKind::kInternal, "job", defect.what()));
    }
}

void Worker::convert_and_settle(const Delivery& delivery, const Job& job, Lease& lease, const Fatal& fatal) {
    const std::stop_token cancelled = lease.token();
    const Uri image = image_uri(job.image);
    const OutputName name = output_name(job.id, image);
    log::Fields fields = describe(delivery, job, queue_.rules());
    warn_of_misspelt_members(job, fields);
    log::debug("job begun", fields);
    JobFigures figures;
    Stopwatch stopwatch;

    const Input input = source_.read(image, settings_.max_file_bytes, cancelled);
    figures.read = stopwatch.lap();
    const Conversion result = convert(input.bytes, name.extension, job, cancelled, fatal);
    stopwatch.lap();
    const std::string output = sink_.commit(name, result.bytes, input.is_source, cancelled);
    figures.commit = stopwatch.lap();

    lease.settling();
    std::optional<Advisory> advisory;
    if (job.advisory) advisory = {*job.advisory, advisory_body(job)};
    add_conversion(figures, input.bytes.size(), result);
    Record record = record_of(delivery, job, Record::Outcome::kDone);
    record.output = output;
    record.figures = figures;
    const auto settlement = queue_.settle(delivery, advisory, record, stop_.hard);
    figures.queue = stopwatch.lap();

    observer_.job_settled(settlement, figures);
    fields.emplace_back("output", output);
    add_times(fields, figures);
    log_settlement(settlement, fields);
}

// The converter does not know where its bytes come from; the log should.
Conversion Worker::convert(std::string_view bytes, std::string_view extension, const Job& job,
                           const std::stop_token& cancelled, const Fatal& fatal) const {
    const auto of_image = [&job](const Error& cause) { return Error(cause.kind(), job.image, cause.what()); };
    try {
        return convert_(bytes, extension, cancelled, [&](const Error& cause) { fatal(of_image(cause)); });
    } catch (const Error& cause) {
        throw of_image(cause);
    }
}

Record Worker::record_of(const Delivery& delivery, const Job& job, Record::Outcome outcome) {
    return {.outcome = outcome,
            .id = job.id,
            .sequence = delivery.sequence,
            .delivery = delivery.deliveries,
            .max_deliver = queue_.rules().max_deliver,
            .image = job.image,
            .queued = delivery.stored,
            .stream_created = delivery.stream_created,
            .trace = delivery.trace ? delivery.trace->id() : "",
            .worker = settings_.name,
            .version = settings_.version,
            .time = std::chrono::system_clock::now()};
}

void Worker::give_back(const Delivery& delivery, const Job& job, const Error& failure) {
    Record record = record_of(delivery, job, Record::Outcome::kFailed);
    record.kind = name(failure.kind());
    record.failure_class = class_name(failure.kind());
    record.where = failure.where();
    record.what = failure.what();
    const bool stopped = failure.kind() == ErrorKind::kStopped;
    std::optional<milliseconds> delay;
    if (stopped) {
        delay = milliseconds(0);
    } else if (settings_.retry_delay > milliseconds(0)) {
        delay = nak_delay(settings_.retry_delay, delivery.deliveries, record.max_deliver);
    }
    queue_.give_back(delivery, record, delay);
}

}  // namespace bw
