// proxy_buffering and what bounds it.
#include <algorithm>

#include "config/builder.h"
#include "config/fields.h"

namespace weir::config {
namespace {

using proxy::BufferOptions;
using proxy::Location;
constexpr auto kLoc = &Level::location;
constexpr auto kBuffers = &Location::buffers;
constexpr int64_t kMostSize = 1 << 30;
// Of nginx, where a file leaves them out: what it says beside them was checked against these.
constexpr uint32_t kNginxNumber = 8;
constexpr size_t kNginxSize = 4 * 1024;

BufferOptions& buffers_of(const Scope& scope) {
  return scope.level->location.buffers;
}

void apply_buffers(Call& call) {
  const auto number = parse_decimal(call.arg(0));
  if (!number || *number > 65'536) return call.invalid(0, "a number from 2 to 65536");
  const auto size = parse_size(call.arg(1));
  if (!size || *size < 1 || *size > kMostSize) return call.invalid(1, "a size like 8k");
  if (*number < 2) return call.error("there must be at least 2 \"proxy_buffers\"");
  buffers_of(call.scope).number = static_cast<uint32_t>(*number);
  buffers_of(call.scope).size = static_cast<size_t>(*size);
}
std::vector<std::string> show_buffers(const Scope& scope) {
  const BufferOptions& buffers = buffers_of(scope);
  if (buffers.number == 0) return {};
  return {std::to_string(buffers.number) + " " + format_size(static_cast<int64_t>(buffers.size))};
}

std::vector<std::string> show_first_size(const Scope& scope) {
  const size_t size = buffers_of(scope).first_size;
  if (size == 0) return {};
  return {format_size(static_cast<int64_t>(size))};
}

// What nginx lets wait for the client while it reads on. weir sends what has come, whatever that is.
void apply_busy_size(Call& call) {
  const auto busy = parse_size(call.arg(0));
  if (!busy) return call.invalid(0, "a size like 8k");
  const BufferOptions& buffers = buffers_of(call.scope);
  const size_t number = buffers.number != 0 ? buffers.number : kNginxNumber;
  const size_t size = buffers.number != 0 ? buffers.size : kNginxSize;
  const size_t first = buffers.first_size != 0 ? buffers.first_size : kNginxSize;
  if (static_cast<size_t>(*busy) < std::max(size, first))
    return call.error(
        "\"proxy_busy_buffers_size\" must not be less than \"proxy_buffer_size\" and one of the "
        "\"proxy_buffers\"");
  if (static_cast<size_t>(*busy) > (number - 1) * size)
    call.error("\"proxy_busy_buffers_size\" must not be more than all \"proxy_buffers\" but one");
}

void apply_temp_file_size(Call& call) {
  const auto size = parse_size(call.arg(0));
  if (!size) return call.invalid(0, "a size like 8k");
  if (*size != 0)
    call.warning(
        "weir writes no answer to a file: beyond \"proxy_buffers\" a peer waits for its client, "
        "\"proxy_max_temp_file_size " +
        call.arg(0) + "\" has no effect");
}

const Row kRows[] = {
    {
        .name = "proxy_buffering",
        .contexts = kAnywhere,
        .kind = kFlag<kLoc, kBuffers, &BufferOptions::on>,
        .weir_default = "on",
        .nginx_default = "on",
        .help = "Whether an answer is taken from its peer as fast as it comes, as far as proxy_buffers go, so that a "
                "slow client holds no peer; its bytes go on to the client at once all the same. off: as far as 128k. "
                "An answer with X-Accel-Buffering, yes or no, decides for itself; an event stream is not buffered. The "
                "line in the access log is written when the peer's answer is here to its end: $request_time ends then "
                "and leaves out the time of a slow client; in nginx it ends with the last byte sent. "
                "$upstream_response_time is the peer's, as in nginx.",
    },
    {
        .name = "proxy_buffers",
        .contexts = kAnywhere,
        .kind = {.form = "NUMBER SIZE", .least_args = 2, .most_args = 2, .apply = apply_buffers, .show = show_buffers},
        .help = "The memory of one answer that waits for its client: NUMBER times SIZE and proxy_buffer_size, at least "
                "64k; written nowhere, 1m. It is taken as bytes wait, in pieces of 16k. In nginx it is 8 4k, and the "
                "rest of an answer goes to a file.",
    },
    {
        .name = "proxy_buffer_size",
        .contexts = kAnywhere,
        .kind = {.form = "SIZE",
                 .apply = apply_size<kLoc, kBuffers, &BufferOptions::first_size>,
                 .show = show_first_size},
        .help = "So much more. In nginx it also bounds the head of an answer: proxy_max_head_size does here.",
        .least = 1,
        .most = kMostSize,
    },
    {
        .name = "proxy_busy_buffers_size",
        .contexts = kAnywhere,
        .kind = {.form = "SIZE", .apply = apply_busy_size},
        .help = "Accepted: an answer is sent as fast as its client takes it.",
        .turn = Turn::kWhole,
    },
    {
        .name = "proxy_max_temp_file_size",
        .contexts = kAnywhere,
        .kind = {.form = "SIZE", .apply = apply_temp_file_size},
        .help = "weir writes no answer to a file, as nginx with 0. Anything else is a warning.",
    },
    {
        .name = "proxy_buffers_memory",
        .contexts = kHttp,
        .kind = kSize<&MainConfig::buffer_memory>,
        .weir_default = "256m",
        .help = "The memory of all answers and requests that wait in weir, in equal shares of the workers. Beyond it "
                "each answer holds 64k at most, and its peer waits.",
        .least = 1 << 20,
        .most = int64_t{1} << 40,
    },
};

}  // namespace

std::span<const Row> buffer_rows() {
  return kRows;
}

}  // namespace weir::config
