// HTTP as the ends of the simulation speak it: what is said is made of an id that is unique to its request, and whoever
// hears it checks every byte against that id. Written apart from lb/http, so that the two do not share their errors.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace weir::sim {

// The body that belongs to `id`: what belongs to another request does not match it.
inline std::string body_of(std::string_view id, size_t size) {
  std::string body;
  body.reserve(size + id.size());
  while (body.size() < size) body.append(id);
  body.resize(size);
  return body;
}

// The value of that field, "" when there is none. Names as weir writes or forwards them.
inline std::string_view field_of(std::string_view head, std::string_view name) {
  const std::string key = "\r\n" + std::string(name) + ": ";
  const size_t at = head.find(key);
  if (at == std::string_view::npos) return {};
  const size_t begin = at + key.size();
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

// A strict reader of a body of bytes that must be body_of(id).
class BodyReader {
 public:
  enum class Kind : uint8_t { kNone, kLength, kChunked, kClose };
  void begin(Kind kind, uint64_t length, std::string id) {
    kind_ = kind;
    left_ = length;
    period_ = id.size();
    expected_ = id.empty() ? std::string() : body_of(id, kBlock + period_);
    at_ = 0;
    line_.clear();
    in_data_ = last_ = false;
    done_ = kind == Kind::kNone || (kind == Kind::kLength && length == 0);
  }
  // Returns how much it took; `error` is set when something is wrong.
  size_t feed(std::string_view bytes, const char*& error) {
    size_t i = 0;
    while (i < bytes.size() && !done_ && error == nullptr) {
      if (kind_ == Kind::kChunked && !in_data_) {
        chunk_line(bytes[i++], error);
        continue;
      }
      uint64_t size = std::min<uint64_t>(bytes.size() - i, kBlock);
      if (kind_ != Kind::kClose) size = std::min(size, left_);
      const std::string_view piece = bytes.substr(i, static_cast<size_t>(size));
      if (!expected_.empty() && piece != std::string_view(expected_).substr(at_ % period_, piece.size()))
        error = "a body with bytes that are not its own";
      at_ += size;
      i += piece.size();
      if (kind_ == Kind::kClose) continue;
      left_ -= size;
      if (left_ > 0) continue;
      if (kind_ == Kind::kLength) done_ = true;
      in_data_ = false;
    }
    return i;
  }
  bool done() const { return done_; }
  uint64_t size() const { return at_; }
  Kind kind() const { return kind_; }

 private:
  static constexpr size_t kBlock = 16 * 1024;
  void chunk_line(char c, const char*& error) {
    line_ += c;
    if (line_.size() < 2 || line_.substr(line_.size() - 2) != "\r\n") return;
    const std::string line = line_.substr(0, line_.size() - 2);
    line_.clear();
    if (line.empty()) {
      if (last_) done_ = true;  // the end of the trailers; else the CRLF behind a chunk
      return;
    }
    char* end = nullptr;
    left_ = std::strtoull(line.c_str(), &end, 16);
    if (*end != 0) error = "a chunk without a length";
    in_data_ = left_ > 0;
    last_ = left_ == 0;
  }

  Kind kind_ = Kind::kNone;
  uint64_t left_ = 0;
  uint64_t at_ = 0;
  size_t period_ = 1;
  std::string expected_;  // the body's beginning; it repeats with that period
  std::string line_;
  bool in_data_ = false;
  bool last_ = false;
  bool done_ = true;
};

// One WebSocket frame (payload below 126 bytes).
inline std::string frame_of(std::string_view id, bool masked) {
  std::string frame = "\x82";
  frame += static_cast<char>(id.size() | (masked ? 0x80 : 0));
  if (masked) frame.append(4, '\0');
  return frame.append(id);
}

// Frames that must hold `id` each, or a close.
class FrameReader {
 public:
  void begin(std::string id) { id_ = std::move(id); }
  void feed(std::string_view bytes, const char*& error) {
    text_.append(bytes);
    while (text_.size() >= 2) {
      const size_t masked = (text_[1] & 0x80) != 0 ? 4 : 0;
      const auto size = static_cast<size_t>(text_[1] & 0x7f);
      if (text_.size() < 2 + masked + size) return;
      if (closed_) error = "a frame behind a close frame";
      if (text_[0] == '\x88') {
        closed_ = true;
      } else if (text_.substr(2 + masked, size) != id_) {
        error = "a frame that is not of this tunnel";
      }
      text_.erase(0, 2 + masked + size);
    }
  }

 private:
  std::string id_;
  std::string text_;
  bool closed_ = false;
};

}  // namespace weir::sim
