// The strict look at the raw bytes of a head, before a tokenizer sees them: line ends, control bytes, folding, names,
// limits and the first line. It goes on where it stopped when more bytes arrive, so each byte is looked at once, and a
// bad head is refused at its first bad byte, however slowly it comes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/codec.h"

namespace weir::http {

class Prescan {
 public:
  enum class Kind : uint8_t { kRequest, kResponse };
  enum class Step : uint8_t { kNeedMore, kComplete, kBad };

  explicit Prescan(Kind kind) : kind_(kind) {}
  void reset() { *this = Prescan(kind_); }

  // `bytes` begins with the head's first byte at every call. The verdict does not depend on how the bytes were cut.
  Step scan(std::string_view bytes, const HeadLimits& limits);

  // After kComplete: the head's size with the empty line, and how many field lines it has.
  size_t head_bytes() const { return at_; }
  int fields() const { return lines_ - 1; }
  // Of the first line without its end; 0 while it is incomplete.
  size_t first_line_bytes() const { return first_line_; }
  // How many lines ended in LF alone (RFC 9112 2.2: a recipient may take it for a line's end; nginx and HAProxy do).
  size_t bare_lfs() const { return bare_lfs_; }
  // After kBad. Responses get the status 502 for everything.
  const Reject& reject() const { return reject_; }

 private:
  Step bad(uint16_t status, std::string_view reason);
  bool begin_line(char first);
  bool end_line(std::string_view line, const HeadLimits& limits);

  Kind kind_;
  int lines_ = 0;  // complete ones
  size_t at_ = 0;  // all before it is clean
  size_t line_start_ = 0;
  size_t first_line_ = 0;
  size_t bare_lfs_ = 0;
  Reject reject_;
};

// `head` with CRLF at the end of every line, in the arena: what the tokenizer and the writer count on. `bare_lfs` is
// the pre-scan's count.
std::string_view mend_line_ends(std::string_view head, size_t bare_lfs, Arena& arena);
inline std::string_view copy_with_crlf(std::string_view head, size_t bare_lfs, Arena& arena) {
  return bare_lfs == 0 ? arena.copy(head) : mend_line_ends(head, bare_lfs, arena);
}

}  // namespace weir::http
