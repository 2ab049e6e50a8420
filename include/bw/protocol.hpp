// A job as it stands in the stream, and the advisory that answers it. Pure functions; any thread.
//   {"id": "5e91425f", "image": "file:///data/5e91425f.jpg", "advisory": "advisory.5e91425f"}
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bw {

// An id becomes a file name, which Linux limits to 255 bytes; the rest is for the extension.
inline constexpr std::size_t kMaxIdBytes = 200;

// For streams whose max_msg_size an operator has raised; the protocol's is 512, so nothing in a job that such
// a stream takes can be longer. A subject of some 4 KiB would make the server cut the connection, again and
// again.
inline constexpr std::size_t kMaxJobBytes = 64 * 1024;
inline constexpr std::size_t kMaxAdvisoryBytes = 512;
inline constexpr int kMaxJobDepth = 16;  // objects and arrays within each other

// A member of a job that nobody reads, and the one of ours that it was probably meant to be.
struct MisspeltMember {
    std::string member;
    std::string_view meant;
};

struct Job {
    std::string id;
    std::string image;  // a URI; storage says which are good
    std::optional<std::string> advisory;
    std::vector<MisspeltMember> misspelt;  // at most one for each of ours
};

// Fills `job` from a message. Unknown members are ignored; one of ours that stands twice is refused. Throws
// Error (kJob) for anything that is not a valid job; `job.id` then holds what stood as the id, if it could be
// read, and nothing else in `job` counts.
void parse_job(std::string_view payload, Job& job);

// {"id":"5e91425f"}
std::string advisory_body(const Job& job);

// Whether a message on `subject` goes to those who listen on `pattern`: token by token, where * is any one
// token and a last > is one or more. https://docs.nats.io/nats-concepts/subjects
bool matches(std::string_view pattern, std::string_view subject);

}  // namespace bw
