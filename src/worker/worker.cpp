#include "bw/worker.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "bw/base/clock.hpp"

namespace bw {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Three chances for a heartbeat to arrive before ack wait is over. Whoever watches the seat waits no longer
// than for the longest.
constexpr int kHeartbeatsPerAckWait = 3;
constexpr milliseconds kShortestHeartbeat{10};
constexpr milliseconds kLongestHeartbeat{10'000};

log::Fields describe(const Delivery& delivery, const Job& job, const DeliveryRules& rules) {
    log::Fields fields;
    if (!job.id.empty()) fields.emplace_back("id", job.id);
    const std::string limit = rules.max_deliver > 0 ? std::to_string(rules.max_deliver) : "unlimited";
    fields.emplace_back("seq", delivery.sequence);
    fields.emplace_back("delivery", std::to_string(delivery.deliveries) + "/" + limit);
    return fields;
}

std::string_view lost_because(Settlement settlement) {
    return settlement == Settlement::kStreamReplaced
               ? "the stream was made again while the job was in hand, and the job went with the old one"
               : "the server has forgotten the delivery, the job comes again";
}

// Of the stages, in their order.
using Times = std::array<std::chrono::microseconds, metrics::kStageNames.size()>;

void count(metrics::Board& board, std::size_t input_bytes, const Conversion& result, const Times& times) {
    board.input_bytes += input_bytes;
    board.output_bytes += result.bytes.size();
    board.input_pixels += result.input_pixels;
    board.output_pixels += result.output_pixels;
    for (std::size_t stage = 0; stage < times.size(); ++stage) board.stages[stage].add(times[stage]);
}

}  // namespace

// Watches over the job in hand from a thread of its own: heartbeats until end(); until settling() also the
// deadline and the hard stop, of which the first to come cancels the job and, if that does not end it in
// time, is handed to `expired`, once. One thread for all jobs, which a job wakes only if it is due before
// whatever the thread waits for: a thread for each job took 90 µs of its time.
class Worker::Watch {
  public:
    struct Times {
        milliseconds heartbeat;
        milliseconds timeout;
    };

    explicit Watch(std::stop_token hard_stop)
        : hard_stop_(std::move(hard_stop)), thread_([this](const std::stop_token& end) { run(end); }) {}

    // The token says when the job is to end early.
    std::stop_token begin(Times times, std::function<void()> beat, Expired expired) {
        const std::scoped_lock lock(mutex_);
        const auto now = steady_clock::now();
        job_.emplace(
            Job{times, now + times.heartbeat, now + times.timeout, std::move(beat), std::move(expired)});
        if (due() < asleep_until_ || hard_stop_.stop_requested()) wake();
        return job_->cancel.get_token();
    }

    // The output stands; what is left has bounds of its own. Never returns if the job has expired meanwhile.
    void settling() {
        const std::scoped_lock lock(mutex_);
        job_->settling = true;
    }

    // No heartbeat comes after it. Returns why the job was cancelled, if it was.
    std::optional<Error> end() {
        const std::scoped_lock lock(mutex_);
        const auto ended = std::exchange(job_, std::nullopt);
        return ended ? ended->cause : std::nullopt;
    }

  private:
    struct Job {
        Times times;
        steady_clock::time_point next_beat;
        steady_clock::time_point deadline;
        std::function<void()> beat;
        Expired expired;
        std::stop_source cancel{};
        std::optional<Error> cause{};  // set with `cancel`; `deadline` is then that of the process
        bool settling = false;
    };

    steady_clock::time_point due() const {
        if (!job_) return steady_clock::now() + kIdle;
        return job_->settling ? job_->next_beat : std::min(job_->next_beat, job_->deadline);
    }

    void wake() {
        woken_ = true;
        changed_.notify_all();
    }

    void run(const std::stop_token& end) {
        const std::stop_callback stopped(hard_stop_, [this] {
            const std::scoped_lock lock(mutex_);
            wake();
        });
        std::unique_lock lock(mutex_);
        while (!end.stop_requested()) {
            if (job_) look_at(*job_);
            asleep_until_ = due();
            changed_.wait_until(lock, end, asleep_until_, [this] { return std::exchange(woken_, false); });
        }
    }

    void look_at(Job& job) {
        const auto now = steady_clock::now();
        if (!job.settling && job.cause && now >= job.deadline) {
            job.settling = true;
            job.expired(*job.cause);
        } else if (!job.settling && !job.cause && hard_stop_.stop_requested()) {
            cancel(job, {ErrorKind::kStopped, "job", "stopped before the job was done, it comes again"});
        } else if (!job.settling && !job.cause && now >= job.deadline) {
            cancel(job, {ErrorKind::kTimeout, "BW_JOB_TIMEOUT",
                         "the job took longer than " + std::to_string(job.times.timeout.count()) + " ms"});
        } else if (now >= job.next_beat) {
            job.beat();
            job.next_beat = now + job.times.heartbeat;
        }
    }

    static void cancel(Job& job, Error cause) {
        job.cause = std::move(cause);
        job.deadline = steady_clock::now() + kCancelGrace;
        job.cancel.request_stop();
    }

    static constexpr std::chrono::hours kIdle{1};
    // A conversion that can be cancelled ends within a few milliseconds, on a busy machine too.
    static constexpr milliseconds kCancelGrace{250};

    const std::stop_token hard_stop_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::optional<Job> job_;
    steady_clock::time_point asleep_until_;
    bool woken_ = false;
    std::jthread thread_;  // last: it uses all of the above
};

milliseconds nak_delay(milliseconds retry_delay, std::uint64_t deliveries, std::int64_t max_deliver) {
    constexpr std::uint64_t kMostDoublings = 10;
    if (max_deliver > 0 && deliveries >= static_cast<std::uint64_t>(max_deliver)) return milliseconds(0);
    const auto doublings = std::min(deliveries > 0 ? deliveries - 1 : 0, kMostDoublings);
    return retry_delay * (std::int64_t{1} << doublings);
}

Worker::Worker(WorkerSettings settings, WorkQueue& queue, Storage& storage, Convert convert, Abandon abandon,
               StopTokens stop, Place place)
    : settings_(std::move(settings)),
      queue_(queue),
      storage_(storage),
      convert_(std::move(convert)),
      abandon_(std::move(abandon)),
      stop_(std::move(stop)),
      place_(place),
      watch_(std::make_unique<Watch>(stop_.hard)) {}

Worker::~Worker() = default;

void Worker::run() {
    storage_.prove_ready();
    log::info("ready", {{"stream", settings_.names.stream},
                        {"consumer", settings_.names.consumer},
                        {"outdir", settings_.outdir}});
    bool retired = false;
    while (!retired && !stop_.soft.stop_requested()) {
        place_.seat.beat();
        storage_.check_ready();
        const auto delivery = queue_.fetch(stop_.soft);
        if (!delivery) continue;
        work_on(*delivery);
        retired = settings_.retire();
    }
    while (const auto delivery = queue_.fetch_late()) work_on(*delivery);
}

void Worker::work_on(const Delivery& delivery) {
    place_.seat.has_fetched = place_.seat.job_in_hand = true;
    ++place_.board.deliveries;
    if (delivery.deliveries > 1) ++place_.board.redeliveries;
    Job job;
    const auto fail = [&](const Error& cause) {
        give_back(delivery, cause);
        return JobFailed(cause, describe(delivery, job, queue_.rules()));
    };
    // Whatever happens: first no more heartbeats, then the NAK, which a late heartbeat would undo.
    try {
        parse_job(delivery.payload, job);
        if (job.advisory) queue_.check_advisory(*job.advisory);
        finish(
            delivery, job, [&](const Error& cause) { abandon_(fail(cause)); },
            [&](const Error& cause) { abandon_(fail(watch_->end().value_or(cause))); });
        watch_->end();
        place_.seat.job_in_hand = false;  // it stays true of a job that fails: so the worker ends
    } catch (const Error& cause) {
        throw fail(watch_->end().value_or(cause));
    } catch (const std::exception& defect) {
        throw fail(watch_->end().value_or(Error(ErrorKind::kInternal, "job", defect.what())));
    }
}

void Worker::finish(const Delivery& delivery, const Job& job, const Expired& expired, const Fatal& fatal) {
    const std::string extension = image_extension(job.image);
    const std::string name = output_name(job.id, extension);
    const auto rules = queue_.rules();
    log::Fields fields = describe(delivery, job, rules);
    log::debug("job begun", fields);
    Stopwatch stopwatch;
    const auto cancelled = watch_->begin(
        {std::clamp(rules.ack_wait / kHeartbeatsPerAckWait, kShortestHeartbeat, kLongestHeartbeat),
         settings_.job_timeout},
        [&] {
            place_.seat.beat();
            queue_.extend(delivery);
        },
        expired);

    const std::string source = storage_.read(job.image);
    const auto read = stopwatch.lap();
    const Conversion result = convert(source, extension, job, cancelled, fatal);
    stopwatch.lap();
    const auto output = storage_.commit(name, result.bytes);
    const auto commit = stopwatch.lap();

    watch_->settling();
    std::optional<Advisory> advisory;
    if (job.advisory) advisory = {*job.advisory, advisory_body(job)};
    const auto settlement = queue_.settle(delivery, advisory, stop_.hard);
    const auto queue = stopwatch.lap();
    count(place_.board, source.size(), result,
          {read, result.decode, result.monochrome, result.encode, commit, queue});
    const bool done = settlement == Settlement::kAcknowledged;
    ++(done ? place_.board.jobs_done : place_.board.jobs_forgotten);
    if (!done) return log::warn(lost_because(settlement), fields);

    fields.insert(fields.end(), {{"output", output.string()},
                                 {"read_us", read.count()},
                                 {"decode_us", result.decode.count()},
                                 {"monochrome_us", result.monochrome.count()},
                                 {"encode_us", result.encode.count()},
                                 {"commit_us", commit.count()},
                                 {"queue_us", queue.count()}});
    log::info("job done", fields);
}

// The converter does not know where its bytes come from; the log should.
Conversion Worker::convert(std::string_view source, std::string_view extension, const Job& job,
                           const std::stop_token& cancelled, const Fatal& fatal) const {
    const auto of_image = [&job](const Error& cause) { return Error(cause.kind(), job.image, cause.what()); };
    try {
        return convert_(source, extension, cancelled, [&](const Error& cause) { fatal(of_image(cause)); });
    } catch (const Error& cause) {
        throw of_image(cause);
    }
}

void Worker::give_back(const Delivery& delivery, const Error& failure) {
    if (failure.kind() == ErrorKind::kStopped) return queue_.give_back(delivery, failure, milliseconds(0));
    if (settings_.retry_delay == milliseconds(0)) return;  // left to ack wait
    queue_.give_back(delivery, failure,
                     nak_delay(settings_.retry_delay, delivery.deliveries, queue_.rules().max_deliver));
}

}  // namespace bw
