#include "bw/protocol/record.hpp"

#include "members.hpp"

namespace bw {
namespace {

using std::chrono::microseconds;
using Outcome = Record::Outcome;

constexpr std::string_view kDone = "done";
constexpr std::string_view kFailed = "failed";

std::string_view word(Outcome outcome) { return outcome == Outcome::kDone ? kDone : kFailed; }

std::string_view cut(std::string_view text) { return text.substr(0, kMaxRecordText); }

void add_text(JsonObject& object, std::string_view name, std::string_view value) {
    if (!value.empty()) object.text(name, cut(value));
}

void add_done(JsonObject& object, const Record& record) {
    const JobFigures& figures = record.figures;
    const auto add_time = [&object](std::string_view name, microseconds time) {
        object.number(name, static_cast<std::uint64_t>(time.count()));
    };
    object.text("output", cut(record.output))
        .number("input_bytes", figures.input_bytes)
        .number("output_bytes", figures.output_bytes)
        .number("columns", figures.columns)
        .number("rows", figures.rows)
        .number("frames", figures.frames);
    add_time("read_us", figures.read);
    add_time("decode_us", figures.decode);
    add_time("monochrome_us", figures.monochrome);
    add_time("encode_us", figures.encode);
    add_time("commit_us", figures.commit);
}

void add_failure(JsonObject& object, const Record& record) {
    object.text("kind", record.kind)
        .text("class", record.failure_class)
        .text("where", cut(record.where))
        .text("what", cut(record.what));
}

std::string prefix(const QueueNames& names) { return "RESULTS." + names.stream + "." + names.consumer + "."; }

}  // namespace

std::string record_body(const Record& record) {
    JsonObject object;
    object.text("outcome", word(record.outcome));
    add_text(object, "id", record.id);
    object.number("seq", record.sequence).number("delivery", record.delivery);
    if (record.max_deliver > 0) {
        object.number("max_deliver", static_cast<std::uint64_t>(record.max_deliver));
    }
    if (record.outcome == Outcome::kFailed) object.flag("last", record.is_last());
    add_text(object, "image", record.image);
    if (record.outcome == Outcome::kDone) {
        add_done(object, record);
    } else {
        add_failure(object, record);
    }
    object.text("queued", write_time(record.queued));
    if (record.stream_created) object.text("stream_created", write_time(*record.stream_created));
    add_text(object, "trace", record.trace);
    object.text("worker", record.worker)
        .text("version", record.version)
        .text("time", write_time(record.time));
    return object.str();
}

std::optional<Record> read_record(std::string_view body) {
    const json object = parse_json(body);
    const auto text = [&object](std::string_view name) { return text_of(member(object, name)); };
    const auto number = [&object](std::string_view name) { return count_of(member(object, name)); };
    const auto time = [&number](std::string_view name) {
        return microseconds(static_cast<std::int64_t>(number(name)));
    };
    const std::string outcome = text("outcome");
    const auto queued = read_time(text("queued"));
    const auto ended = read_time(text("time"));
    if ((outcome != kDone && outcome != kFailed) || number("seq") == 0 || !queued || !ended) {
        return std::nullopt;
    }
    return Record{.outcome = outcome == kDone ? Outcome::kDone : Outcome::kFailed,
                  .id = text("id"),
                  .sequence = number("seq"),
                  .delivery = number("delivery"),
                  .max_deliver = integer_of(member(object, "max_deliver"), -1),
                  .image = text("image"),
                  .queued = *queued,
                  .stream_created = read_time(text("stream_created")),
                  .trace = text("trace"),
                  .worker = text("worker"),
                  .version = text("version"),
                  .time = *ended,
                  .output = text("output"),
                  .figures = {.input_bytes = number("input_bytes"),
                              .output_bytes = number("output_bytes"),
                              .frames = number("frames"),
                              .columns = number("columns"),
                              .rows = number("rows"),
                              .read = time("read_us"),
                              .decode = time("decode_us"),
                              .monochrome = time("monochrome_us"),
                              .encode = time("encode_us"),
                              .commit = time("commit_us")},
                  .kind = text("kind"),
                  .failure_class = text("class"),
                  .where = text("where"),
                  .what = text("what")};
}

std::string record_subject(const QueueNames& names, Record::Outcome outcome, std::uint64_t sequence) {
    return prefix(names) + std::string(word(outcome)) + "." + std::to_string(sequence);
}

std::string probe_subject(const QueueNames& names) { return prefix(names) + "probe"; }

std::string record_subjects(const QueueNames& names) { return prefix(names) + ">"; }

std::string record_subjects(const QueueNames& names, Record::Outcome outcome) {
    return prefix(names) + std::string(word(outcome)) + ".>";
}

// When the stream took the job tells jobs of a stream that was made anew from those of the old one; when the
// stream was made would too, but a worker hears of that only later.
std::string record_message_id(const QueueNames& names, const Record& record) {
    const auto nanoseconds = [](ServerTime time) { return std::to_string(time.time_since_epoch().count()); };
    std::string id = nanoseconds(record.queued) + "-" + names.consumer + "-" +
                     std::to_string(record.sequence) + "-" + std::string(word(record.outcome));
    if (record.outcome == Outcome::kFailed) {
        // A consumer that was made anew counts deliveries from 1 again.
        id += "-" + std::to_string(record.delivery) + "-" + nanoseconds(record.time);
    }
    return id;
}

std::string dead_subject(const QueueNames& names) {
    return "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES." + names.stream + "." + names.consumer;
}

}  // namespace bw
