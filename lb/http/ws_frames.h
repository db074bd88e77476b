// Follows WebSocket frame heads (RFC 6455 5.2) in a stream of bytes, so that a close frame can be put at a boundary.
// Looks at nothing else: no masking, no payload, no validation beyond lengths.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir::http {

class WsFrameTracker {
 public:
  void reset() { *this = WsFrameTracker(); }
  // Feeds all of `bytes`. Returns how many of them end at the last frame boundary seen (npos when none lies inside or
  // at the end).
  size_t feed(std::string_view bytes);
  bool at_boundary() const { return head_length_ == 0 && left_ == 0; }
  // A close frame went by: nothing may be put behind it.
  bool close_seen() const { return close_seen_; }

 private:
  uint8_t head_[14] = {};
  uint8_t head_length_ = 0;
  uint64_t left_ = 0;
  bool close_seen_ = false;
};

// An unmasked close frame (server to client) with that status code, 4 bytes.
std::string_view ws_close_frame(uint16_t code);  // 1001, 1012; else 1001

}  // namespace weir::http
