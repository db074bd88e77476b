// HTTP as the ends of the simulation speak it: what is said is made of an id that is unique to its request, and whoever
// hears it checks every byte against that id. Written apart from lb/http, so that the two do not share their errors.
#pragma once
#include <zlib.h>
#include <algorithm>

#include <cstdint>
#include <cstdlib>
#include <memory>
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

// A gzip stream as it comes.
class Gunzip {
 public:
  Gunzip() { inflateInit2(&stream_, 15 + 16); }
  ~Gunzip() { inflateEnd(&stream_); }
  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;
  std::string feed(std::string_view bytes, const char*& error) {
    std::string out;
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    while (stream_.avail_in > 0 && error == nullptr) {
      char block[4096];
      stream_.next_out = reinterpret_cast<Bytef*>(block);
      stream_.avail_out = sizeof block;
      const int result = ended_ ? Z_DATA_ERROR : inflate(&stream_, Z_NO_FLUSH);
      if (result != Z_OK && result != Z_STREAM_END) error = "a broken gzip stream";
      ended_ = ended_ || result == Z_STREAM_END;
      out.append(block, sizeof block - stream_.avail_out);
    }
    return out;
  }
  bool ended() const { return ended_; }

 private:
  z_stream stream_{};
  bool ended_ = false;
};

// A strict reader of a body of bytes that must be body_of(id).
class BodyReader {
 public:
  enum class Kind : uint8_t { kNone, kLength, kChunked, kClose };
  void begin(Kind kind, uint64_t length, std::string id, bool gzip = false) {
    kind_ = kind;
    gunzip_ = gzip && kind != Kind::kNone ? std::make_unique<Gunzip>() : nullptr;
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
      check(piece, error);
      i += piece.size();
      if (kind_ == Kind::kClose) continue;
      left_ -= size;
      if (left_ > 0) continue;
      if (kind_ == Kind::kLength) done_ = true;
      in_data_ = false;
    }
    if (done_ && gunzip_ != nullptr && !gunzip_->ended() && error == nullptr) error = "a gzip stream without its end";
    return i;
  }
  bool done() const { return done_; }
  uint64_t size() const { return at_; }
  Kind kind() const { return kind_; }

 private:
  static constexpr size_t kBlock = 16 * 1024;
  void check(std::string_view piece, const char*& error) {
    std::string decoded;
    if (gunzip_ != nullptr) piece = decoded = gunzip_->feed(piece, error);
    while (!piece.empty() && error == nullptr) {
      const std::string_view part = piece.substr(0, kBlock);
      if (!expected_.empty() && part != std::string_view(expected_).substr(at_ % period_, part.size()))
        error = "a body with bytes that are not its own";
      at_ += part.size();
      piece.remove_prefix(part.size());
    }
  }
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
  std::unique_ptr<Gunzip> gunzip_;
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
