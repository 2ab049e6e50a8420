#include "questions.hpp"

#include "bw/base/error.hpp"

namespace bw {
namespace {

template <typename Info>
Info info_of(Connection& connection, const std::string& title, const ApiAnswer<Info>& answer) {
    if (const auto* info = std::get_if<Info>(&answer)) return *info;
    const auto* error = std::get_if<ApiError>(&answer);
    if (error == nullptr) no_answer(connection, title);
    const bool missing = error->code == kStreamNotFound || error->code == kConsumerNotFound;
    throw Error(missing ? ErrorKind::kDifference : ErrorKind::kQueue, title,
                missing ? "missing; `bw setup` creates the stream and the consumer" : error->text);
}

}  // namespace

StreamInfo stream_info_of(Connection& connection, const QueueNames& names) {
    const auto answer = connection.api("STREAM.INFO." + names.stream);
    return info_of(connection, "stream " + names.stream, read_stream_info(answer, names));
}

ConsumerInfo consumer_info_of(Connection& connection, const QueueNames& names) {
    const auto answer = connection.api("CONSUMER.INFO." + names.stream + "." + names.consumer);
    return info_of(connection, "consumer " + names.stream + " > " + names.consumer,
                   read_consumer_info(answer, names));
}

}  // namespace bw
