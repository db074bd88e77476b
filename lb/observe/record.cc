// The list of attempts, and the $upstream_* lists made of it.
#include "observe/record.h"

#include <charconv>
#include <cstring>

namespace weir::observe {
namespace {

constexpr size_t kLongestNumber = 24;  // 20 digits, a dot, and some

// Writes into room that is known to suffice.
class Writer {
 public:
  explicit Writer(char* begin) : begin_(begin), at_(begin) {}
  void text(std::string_view s) {
    if (!s.empty()) std::memcpy(at_, s.data(), s.size());
    at_ += s.size();
  }
  void number(uint64_t n) { at_ = std::to_chars(at_, at_ + kLongestNumber, n).ptr; }
  // Cut to milliseconds, not rounded, as nginx's clock is. A clock that went backwards is no time at all.
  void seconds(int64_t microseconds) {
    const uint64_t ms = microseconds < 0 ? 0 : static_cast<uint64_t>(microseconds) / 1000;
    number(ms / 1000);
    *at_++ = '.';
    *at_++ = static_cast<char>('0' + ms / 100 % 10);
    *at_++ = static_cast<char>('0' + ms / 10 % 10);
    *at_++ = static_cast<char>('0' + ms % 10);
  }
  void since(int64_t start, int64_t end) {
    if (end < 0)
      text("-");
    else
      seconds(end - start);
  }
  size_t size() const { return static_cast<size_t>(at_ - begin_); }

 private:
  char* const begin_;
  char* at_;
};

std::string_view text_of(const Attempt& attempt, AttemptColumn column) {
  if (column == AttemptColumn::kReason) return traits(attempt.error).reason;
  return attempt.peer.empty() ? std::string_view("-") : attempt.peer;
}

bool is_text(AttemptColumn column) {
  return column == AttemptColumn::kAddr || column == AttemptColumn::kReason;
}

// Without an answer what it came to for the client, as nginx: 502, or 504 for a time that ran out.
void put_status(Writer& out, const Attempt& attempt) {
  const ErrorTraits& failure = traits(attempt.error);
  if (attempt.status > 0) {
    out.number(static_cast<uint64_t>(attempt.status));
  } else if (attempt.error != ErrorKind::kNone && failure.side != Side::kClient) {
    out.number(static_cast<uint64_t>(failure.status));
  } else {
    out.text("-");
  }
}

void put(Writer& out, const Attempt& attempt, AttemptColumn column) {
  switch (column) {
    case AttemptColumn::kAddr:
    case AttemptColumn::kReason: out.text(text_of(attempt, column)); return;
    case AttemptColumn::kStatus: put_status(out, attempt); return;
    case AttemptColumn::kResponseTime: out.since(attempt.started_us, attempt.ended_us); return;
    case AttemptColumn::kConnectTime: out.since(attempt.started_us, attempt.connected_us); return;
    case AttemptColumn::kHeaderTime: out.since(attempt.started_us, attempt.header_us); return;
    case AttemptColumn::kBytesSent: out.number(attempt.bytes_sent); return;
    case AttemptColumn::kBytesReceived: out.number(attempt.bytes_received); return;
    case AttemptColumn::kResponseLength:
      if (attempt.response_length < 0)
        out.text("-");
      else
        out.number(static_cast<uint64_t>(attempt.response_length));
      return;
  }
}

}  // namespace

void AttemptList::grow(Arena& arena) {
  const int capacity = capacity_ == 0 ? 2 : capacity_ * 2;
  auto* items =
      reinterpret_cast<Attempt*>(arena.allocate(sizeof(Attempt) * static_cast<size_t>(capacity), alignof(Attempt)));
  static_assert(std::is_trivially_copyable_v<Attempt>);
  if (size_ > 0) std::memcpy(static_cast<void*>(items), items_, sizeof(Attempt) * static_cast<size_t>(size_));
  items_ = items;
  capacity_ = capacity;
}

std::string_view render_attempts(const AttemptList& attempts, AttemptColumn column, Arena& arena) {
  if (attempts.size() == 0) return {};
  if (attempts.size() == 1 && is_text(column)) return text_of(attempts[0], column);
  size_t room = 0;
  for (const Attempt& attempt : attempts)
    room += 2 + (is_text(column) ? text_of(attempt, column).size() : kLongestNumber + 4);
  char* const begin = arena.allocate(room);
  Writer out(begin);
  for (const Attempt& attempt : attempts) {
    if (&attempt != attempts.begin()) out.text(", ");
    put(out, attempt, column);
  }
  arena.shrink_last(begin, out.size());
  return {begin, out.size()};
}

std::string_view render_seconds(int64_t microseconds, Arena& arena) {
  char* const begin = arena.allocate(kLongestNumber + 4);
  Writer out(begin);
  out.seconds(microseconds);
  arena.shrink_last(begin, out.size());
  return {begin, out.size()};
}

}  // namespace weir::observe
