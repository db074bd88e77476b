#include "http/ws_frames.h"

#include <algorithm>

namespace weir::http {

size_t WsFrameTracker::feed(std::string_view bytes) {
  size_t boundary = std::string_view::npos;
  size_t at = 0;
  while (at < bytes.size()) {
    if (left_ > 0) {
      const uint64_t skip = std::min<uint64_t>(left_, bytes.size() - at);
      left_ -= skip;
      at += static_cast<size_t>(skip);
      if (left_ == 0) boundary = at;
      continue;
    }
    head_[head_length_++] = static_cast<uint8_t>(bytes[at++]);
    if (head_length_ < 2) continue;
    const uint8_t length7 = head_[1] & 0x7f;
    const int extended = length7 == 126 ? 2 : length7 == 127 ? 8 : 0;
    const int masked = (head_[1] & 0x80) != 0 ? 4 : 0;
    if (head_length_ < 2 + extended + masked) continue;
    uint64_t length = length7;
    if (extended > 0) {
      length = 0;
      for (int i = 0; i < extended; ++i) length = length << 8 | head_[2 + i];
    }
    if ((head_[0] & 0x0f) == 0x8) close_seen_ = true;
    head_length_ = 0;
    left_ = length;
    if (left_ == 0) boundary = at;
  }
  return boundary;
}

std::string_view ws_close_frame(uint16_t code) {
  using namespace std::string_view_literals;
  return code == 1012 ? "\x88\x02\x03\xf4"sv : "\x88\x02\x03\xe9"sv;
}

}  // namespace weir::http
