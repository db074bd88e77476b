#include "cache/stored_head.h"

#include "base/hash.h"

namespace weir::cache {
namespace {

constexpr std::string_view kMagic = "weirc01\n";
constexpr size_t kCheckedFrom = 12;
constexpr uint32_t kMustRevalidate = 1;

void put(std::string& out, uint64_t number, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(number >> (8 * i) & 0xff);
}

uint64_t number_at(std::string_view bytes, size_t at, int size) {
  uint64_t number = 0;
  for (int i = 0; i < size; ++i)
    number |= uint64_t{static_cast<uint8_t>(bytes[at + static_cast<size_t>(i)])} << (8 * i);
  return number;
}

// Takes what is asked for as long as there is so much.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : left_(bytes) {}
  bool failed() const { return failed_; }
  bool at_end() const { return left_.empty(); }
  uint32_t four() { return static_cast<uint32_t>(number(4)); }
  int64_t eight() { return static_cast<int64_t>(number(8)); }
  std::string_view text(size_t size) {
    if (size > left_.size()) return fail(), std::string_view();
    const std::string_view out = left_.substr(0, size);
    left_.remove_prefix(size);
    return out;
  }
  size_t left() const { return left_.size(); }

 private:
  uint64_t number(int size) {
    if (static_cast<size_t>(size) > left_.size()) return fail(), 0;
    const uint64_t out = number_at(left_, 0, size);
    left_.remove_prefix(static_cast<size_t>(size));
    return out;
  }
  void fail() {
    failed_ = true;
    left_ = {};
  }

  std::string_view left_;
  bool failed_ = false;
};

}  // namespace

std::string encode(const StoredHead& head) {
  std::string rest;
  for (const int64_t each : {head.freshness.until, head.freshness.age, head.came_at,
                             head.freshness.stale_while_updating, head.freshness.stale_if_error, head.body_bytes})
    put(rest, static_cast<uint64_t>(each), 8);
  put(rest, static_cast<uint64_t>(head.status), 4);
  put(rest, head.freshness.must_revalidate ? kMustRevalidate : 0, 4);
  const std::string_view texts[] = {head.key, head.vary, head.variant, head.reason};
  for (const std::string_view text : texts) put(rest, text.size(), 4);
  put(rest, head.fields.size(), 4);
  for (const std::string_view text : texts) rest += text;
  for (const auto& [name, value] : head.fields) {
    put(rest, name.size(), 4);
    put(rest, value.size(), 4);
    rest.append(name).append(value);
  }
  std::string size;
  put(size, kLeastHead + rest.size(), 4);
  std::string out(kMagic);
  put(out, Crc32().update(size).update(rest).value(), 4);
  return out + size + rest;
}

size_t head_bytes(std::string_view bytes) {
  if (bytes.size() < kLeastHead || !bytes.starts_with(kMagic)) return 0;
  const uint64_t size = number_at(bytes, kCheckedFrom, 4);
  return size > kLeastHead && size <= kMostHead ? size : 0;
}

bool decode(std::string_view bytes, StoredHead& out) {
  const size_t size = head_bytes(bytes);
  if (size == 0 || size > bytes.size()) return false;
  if (crc32(bytes.substr(kCheckedFrom, size - kCheckedFrom)) != number_at(bytes, kMagic.size(), 4)) return false;
  Reader reader(bytes.substr(kLeastHead, size - kLeastHead));
  out.freshness = {};
  out.freshness.is_kept = true;
  out.freshness.until = reader.eight();
  out.freshness.age = reader.eight();
  out.came_at = reader.eight();
  out.freshness.stale_while_updating = reader.eight();
  out.freshness.stale_if_error = reader.eight();
  out.body_bytes = reader.eight();
  out.status = static_cast<int>(reader.four());
  out.freshness.must_revalidate = (reader.four() & kMustRevalidate) != 0;
  size_t sizes[4];
  for (size_t& each : sizes) each = reader.four();
  const size_t count = reader.four();
  std::string_view* const texts[] = {&out.key, &out.vary, &out.variant, &out.reason};
  for (size_t i = 0; i < 4; ++i) *texts[i] = reader.text(sizes[i]);
  out.fields.clear();
  if (count > reader.left() / 8) return false;
  for (size_t i = 0; i < count; ++i) {
    const size_t name = reader.four(), value = reader.four();
    const std::string_view name_text = reader.text(name);
    out.fields.emplace_back(name_text, reader.text(value));
  }
  return !reader.failed() && reader.at_end() && out.status >= 200 && out.status <= 999 && out.body_bytes >= 0 &&
         out.freshness.age >= 0;
}

}  // namespace weir::cache
