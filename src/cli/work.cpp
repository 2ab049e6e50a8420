#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iterator>

#include "bw/base/error.hpp"
#include "bw/base/log.hpp"
#include "bw/image.hpp"
#include "bw/process.hpp"
#include "bw/queue.hpp"
#include "bw/queue/brought_back.hpp"
#include "bw/sandbox.hpp"
#include "bw/storage.hpp"
#include "bw/telemetry.hpp"
#include "bw/worker.hpp"
#include "command.hpp"
#include "report.hpp"
#include "shared_state.hpp"
#include "wiring.hpp"

namespace bw::cli {
namespace {

ImageSettings image_settings(const Config& config) {
    return {.dither = config.dither,
            .formats = config.formats,
            .max_pixels = config.max_pixels,
            .max_frames = config.max_frames,
            .max_memory_bytes = config.max_memory_bytes};
}

StorageSettings storage_settings(const Config& config, Sweep sweep) {
    return {.outdir = config.outdir,
            .input_roots = config.input_roots,
            .min_free_bytes = config.min_free_bytes,
            .sweep = sweep,
            .overwrite_source = config.overwrite_source ? OverwriteSource::kYes : OverwriteSource::kNo};
}

std::string host_name() {
    std::array<char, 256> name{};
    ::gethostname(name.data(), name.size() - 1);
    return name.data();
}

// It is said once: a parent says it for all its workers.
void warn_of_settings(const Config& config) {
    if (!config.sandbox) log::warn("sandbox off");
    if (config.input_roots.empty()) {
        log::warn("BW_INPUT_ROOTS is not set: a job may name any regular file that this worker can read");
    }
}

void close_sandbox(const Config& config, const StorageSettings& storage) {
    if (!config.sandbox) return;
    Needs needs = storage_needs(storage);
    std::ranges::move(connection_needs(connection_options(config)), std::back_inserter(needs));
    log::startup("sandbox", enter_sandbox({.needs = std::move(needs),
                                           .max_memory_bytes = config.max_memory_bytes,
                                           .max_file_bytes = config.max_file_bytes}));
}

// Returns null where no page is served.
std::unique_ptr<metrics::Reporter> report_to_page(const Config& config, Connection& connection,
                                                  const QueueNames& names, Slot& slot,
                                                  metrics::QueueGauges& gauges) {
    if (config.metrics_address.empty()) return nullptr;
    // A worker that fetches has found OUTDIR and the input roots as they should be.
    const auto ready = [&connection, &slot] { return slot.alive_ms != 0 && is_connected(connection); };
    const auto ask = [&connection, names, brought_back = BroughtBack(connection, names)](
                         const std::stop_token& end) mutable -> std::optional<metrics::QueueDepth> {
        const auto numbers = queue_numbers(connection, names, end);
        if (!numbers) return std::nullopt;
        return metrics::QueueDepth{.pending = numbers->pending,
                                   .ack_pending = numbers->ack_pending,
                                   .redelivered = numbers->redelivered,
                                   .dead = numbers->dead - brought_back.count(numbers->dead, end)};
    };
    return std::make_unique<metrics::Reporter>(slot.connected, gauges, ready, ask);
}

void do_jobs(const Config& config, const ImageSettings& images, Source& source, Sink& sink,
             Retirement& retirement, const StopSignals& signals, Slot& slot, metrics::Counters& counters) {
    const auto connection = connect(connection_options(config), signals.soft());
    if (connection == nullptr) return;
    const QueueNames names = queue_names(config);
    const auto queue = bind_work_queue(*connection, names, config.connect_timeout, signals.soft());
    if (queue == nullptr) return;
    const auto reporter = report_to_page(config, *connection, names, slot, counters.queue);
    const auto convert = [&images](std::string_view bytes, std::string_view extension,
                                   const std::stop_token& stop, const Fatal& fatal) {
        return to_monochrome(bytes, extension, images, stop, fatal);
    };
    const auto abandon = [](const JobFailed& failure) { std::_Exit(report(failure, failure.job())); };
    const auto retire = [&retirement] { return retirement.due_after_job(); };
    CountingObserver observer(slot, counters);
    Worker worker({.outdir = config.outdir,
                   .names = names,
                   .max_file_bytes = config.max_file_bytes,
                   .job_timeout = config.job_timeout,
                   .retry_delay = config.retry_delay,
                   .name = host_name() + ":" + std::to_string(::getpid()),
                   .version = BW_VERSION,
                   .retire = retire},
                  *queue, source, sink, convert, abandon, {.soft = signals.soft(), .hard = signals.hard()},
                  observer);
    worker.run();
}

void run_worker(const Config& config, const std::optional<Supervised>& parent) {
    block_stop_signals();
    ::prctl(PR_SET_NAME, "bw");  // a parent starts us by a path that ends otherwise
    using Shared = SharedMemory<SharedState>;
    const Shared shared = parent ? Shared(parent->memory) : Shared();
    Slot& slot = shared->workers.slots[parent ? parent->slot : 0];
    if (slot.was_ready) log::set_startup_level(log::Level::kDebug);
    log::startup("worker", {{"pid", ::getpid()}, {"version", BW_VERSION}});
    const auto images = image_settings(config);
    start_images(images);
    const auto storage =
        storage_settings(config, shared->workers.outdir_swept.exchange(true) ? Sweep::kNo : Sweep::kYes);
    const auto source = open_source(storage);
    const auto sink = open_sink(storage);
    Retirement retirement(config.retire_jobs, config.retire_bytes);
    close_sandbox(config, storage);  // binds the threads that start after it, so it stands before all of them
    if (!parent) warn_of_settings(config);
    const StopSignals signals(config.stop_grace, parent ? StoppedBy::kParent : StoppedBy::kAnybody);
    do_jobs(config, images, *source, *sink, retirement, signals, slot, shared->counters);
    log::info("stopped");
}

void run_parent(const Config& config, const std::vector<std::string>& words) {
    const SharedMemory<SharedState> shared;
    const auto processes = system_processes(words, shared.descriptor());
    std::unique_ptr<metrics::Server> page;
    if (!config.metrics_address.empty()) {
        page = metrics::serve(
            shared->counters, [&shared] { return read_gauges(shared->workers); },
            {.version = BW_VERSION, .stream = config.stream, .consumer = config.consumer},
            config.metrics_address);
        log::info("metrics", {{"url", page->url()}});
    }
    const std::size_t workers = *config.workers == 0 ? usable_cores() : *config.workers;
    log::info("parent", {{"workers", workers}, {"pid", ::getpid()}, {"version", BW_VERSION}});
    warn_of_settings(config);
    Supervisor(
        {.workers = workers, .connect_timeout = config.connect_timeout, .stop_grace = config.stop_grace},
        *processes, shared->workers, shared->counters)
        .run();
    log::info("stopped");
}

// This process becomes the parent of worker processes, or a worker.
void execute(const Invocation& invocation, const Config& config) {
    if (config.workers && !invocation.supervised) {
        run_parent(config, invocation.words);
    } else {
        run_worker(config, invocation.supervised);
    }
}

}  // namespace

extern const Command kWork;
const Command kWork{
    .name = "work",
    .help = "Do jobs until SIGTERM or SIGINT; what bw does without a command",
    .description =
        "Pulls jobs from the consumer and converts their pictures. The first signal lets the job in hand be "
        "finished, the second gives it back. A job that fails ends the worker with an exit code that says "
        "why. "
        "With BW_WORKERS this process is the parent of so many workers, and starts one that has ended again.",
    .settings = SettingsFor::kWork,
    .execute = execute};

}  // namespace bw::cli
