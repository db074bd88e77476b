// Values packed into bytes for another process of weir on the same machine: numbers little-endian, texts behind their
// length. The reader trusts nothing: what is cut short or too long makes it fail, once and for good.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace weir {

class Packer {
 public:
  void u8(uint8_t value) { bytes_ += static_cast<char>(value); }
  void u32(uint32_t value) { number(value, 4); }
  void u64(uint64_t value) { number(value, 8); }
  void i64(int64_t value) { number(static_cast<uint64_t>(value), 8); }
  void text(std::string_view value) {
    u32(static_cast<uint32_t>(value.size()));
    bytes_ += value;
  }
  const std::string& bytes() const { return bytes_; }
  std::string take() { return std::move(bytes_); }

 private:
  void number(uint64_t value, int size) {
    for (int i = 0; i < size; ++i) bytes_ += static_cast<char>(value >> (8 * i) & 0xff);
  }
  std::string bytes_;
};

// After a failure every value is 0 or empty.
class Unpacker {
 public:
  explicit Unpacker(std::string_view bytes) : rest_(bytes) {}
  uint8_t u8() { return static_cast<uint8_t>(number(1)); }
  uint32_t u32() { return static_cast<uint32_t>(number(4)); }
  uint64_t u64() { return number(8); }
  int64_t i64() { return static_cast<int64_t>(number(8)); }
  // A view into the bytes given.
  std::string_view text() {
    const uint32_t size = u32();
    return piece(size);
  }
  bool failed() const { return failed_; }
  bool at_end() const { return rest_.empty(); }
  // All of it was taken, and all of it made sense.
  bool done() const { return !failed_ && rest_.empty(); }

 private:
  std::string_view piece(size_t size) {
    if (failed_ || size > rest_.size()) {
      failed_ = true;
      rest_ = {};
      return {};
    }
    const std::string_view out = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return out;
  }
  uint64_t number(size_t size) {
    const std::string_view bytes = piece(size);
    uint64_t value = 0;
    for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[i]);
    return value;
  }
  std::string_view rest_;
  bool failed_ = false;
};

}  // namespace weir
