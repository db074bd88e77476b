// The pre-scan: closes what tokenizers let pass (obs-fold, bare CR and LF, empty names, HTTP/0.9) and counts raw bytes,
// as no tokenizer does.
#include "http/prescan.h"

#include <algorithm>

#include "base/bytes.h"
#include "http/control_scan.h"
#include "http/start_line.h"

namespace weir::http {
Prescan::Step Prescan::scan(std::string_view bytes, const HeadLimits& limits) {
  // Looking at no more than the limit makes the verdict on an oversized head the same for every cut of it.
  const std::string_view head = bytes.substr(0, limits.head_bytes);
  if (head.size() < at_) reset();
  while (true) {
    if (at_ == line_start_) {
      if (at_ == head.size()) break;
      if (!begin_line(head[at_])) return Step::kBad;
    }
    const size_t line_limit = line_start_ + limits.line_bytes + 1;
    const size_t to = std::min(head.size(), line_limit);
    if (at_ < to) at_ = find_control(head, at_, to);
    if (at_ >= to) {
      if (at_ < line_limit) break;
      if (lines_ == 0) return bad(414, "request line is too long");
      return bad(431, "header field line is too long");
    }
    const char c = head[at_];
    const bool is_bare_lf = c == '\n' && limits.bare_lf;
    if (c == '\r' || is_bare_lf) {
      if (!is_bare_lf && at_ + 1 == head.size()) break;
      if (!is_bare_lf && head[at_ + 1] != '\n') return bad(400, "CR without LF");
      const std::string_view line = head.substr(line_start_, at_ - line_start_);
      if (line.empty() && lines_ == 0) return bad(400, "too many empty lines before the message");
      at_ += is_bare_lf ? 1 : 2;
      bare_lfs_ += is_bare_lf ? 1 : 0;
      if (line.empty()) return Step::kComplete;
      if (!end_line(line, limits)) return Step::kBad;
      line_start_ = at_;
      ++lines_;
    } else if (c == '\t' && (lines_ > 0 || kind_ == Kind::kResponse)) {
      ++at_;
    } else if (c == '\n') {
      return bad(400, "LF without CR");
    } else if (c == '\0') {
      return bad(400, "NUL in the head");
    } else {
      return bad(400, "control character in the head");
    }
  }
  if (bytes.size() > limits.head_bytes) return bad(431, "header block is too large");
  return Step::kNeedMore;
}

Prescan::Step Prescan::bad(uint16_t status, std::string_view reason) {
  reject_ = {kind_ == Kind::kRequest ? status : uint16_t{502}, reason};
  return Step::kBad;
}

// Refuses what a line's first byte already shows; control bytes are left to scan().
bool Prescan::begin_line(char first) {
  const bool is_status_line = lines_ == 0 && kind_ == Kind::kResponse;
  if (kTchar[static_cast<unsigned char>(first)] && !is_status_line) return true;
  std::string_view why;
  if (is_status_line) {
    if (first != 'H') why = "not an HTTP response";
  } else if (lines_ == 0 && first == 0x16) {
    why = "TLS handshake on a plain-text port";
  } else if (first == ' ' || first == '\t') {
    why = lines_ == 0 ? std::string_view("white space before the request line") : "folded header line";
  } else if (!is_control(first)) {
    why = lines_ == 0    ? std::string_view("request does not start with a method")
          : first == ':' ? "empty header name"
                         : "illegal character in a header name";
  }
  if (why.empty()) return true;
  bad(400, why);
  return false;
}

bool Prescan::end_line(std::string_view line, const HeadLimits& limits) {
  if (lines_ == 0) {
    first_line_ = line.size();
    RequestLine request;
    StatusLine status;
    const auto refused = kind_ == Kind::kRequest ? parse_request_line(line, request) : parse_status_line(line, status);
    if (!refused) return true;
    reject_ = *refused;
    return false;
  }
  if (lines_ > limits.fields) {
    bad(431, "too many header fields");
    return false;
  }
  const size_t i = name_length(line);
  if (i < line.size() && line[i] == ':') return true;
  if (i == line.size()) {
    bad(400, "header line without a colon");
  } else if (line[i] == ' ' || line[i] == '\t') {
    bad(400, "white space in a header name");
  } else {
    bad(400, "illegal character in a header name");
  }
  return false;
}

std::string_view mend_line_ends(std::string_view head, size_t bare_lfs, Arena& arena) {
  char* const out = arena.allocate(head.size() + bare_lfs);
  char* at = out;
  for (const char c : head) {
    if (c == '\n' && (at == out || at[-1] != '\r')) *at++ = '\r';
    *at++ = c;
  }
  return {out, static_cast<size_t>(at - out)};
}

}  // namespace weir::http
