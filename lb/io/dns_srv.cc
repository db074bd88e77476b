// The reader is our own: c-ares's gives neither the TTL nor whose records they are.
#include "io/dns_srv.h"

#include <ares.h>
#include <strings.h>

#include <algorithm>

namespace weir::io {
namespace {

constexpr size_t kMostTargets = 256;
constexpr size_t kHeaderBytes = 12;
constexpr uint16_t kClassIn = 1;
constexpr uint16_t kTypeCname = 5;
constexpr uint16_t kTypeSrv = 33;

class Message {
 public:
  explicit Message(std::string_view bytes) : bytes_(bytes) {}

  bool ok() const { return ok_; }
  size_t at() const { return at_; }
  void go_to(size_t at) {
    at_ = at;
    ok_ = ok_ && at <= bytes_.size();
  }
  uint16_t u16() {
    if (!ok_ || bytes_.size() - at_ < 2) return fail();
    const auto high = static_cast<uint8_t>(bytes_[at_]);
    const auto low = static_cast<uint8_t>(bytes_[at_ + 1]);
    at_ += 2;
    return static_cast<uint16_t>(high << 8 | low);
  }
  uint32_t u32() {
    const uint32_t high = u16();
    return high << 16 | u16();
  }
  std::string name() {
    if (!ok_ || at_ >= bytes_.size()) return fail(), std::string();
    const auto* start = reinterpret_cast<const unsigned char*>(bytes_.data());
    char* text = nullptr;
    long length = 0;
    if (ares_expand_name(start + at_, start, static_cast<int>(bytes_.size()), &text, &length) != ARES_SUCCESS)
      return fail(), std::string();
    std::string out = text;
    ares_free_string(text);
    go_to(at_ + static_cast<size_t>(length));
    return out;
  }

 private:
  uint16_t fail() {
    ok_ = false;
    return 0;
  }
  std::string_view bytes_;
  size_t at_ = 0;
  bool ok_ = true;
};

bool same_name(const std::string& a, const std::string& b) {
  return ::strcasecmp(a.c_str(), b.c_str()) == 0;
}

bool is_host_name(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  });
}

// RFC 2181 8: the top bit set means 0.
int ttl_of(uint32_t seconds) {
  return seconds > INT32_MAX ? 0 : static_cast<int>(seconds);
}

}  // namespace

std::optional<SrvAnswer> parse_srv(std::string_view message) {
  Message in(message);
  in.go_to(4);
  const uint16_t questions = in.u16();
  const uint16_t records = in.u16();
  in.go_to(kHeaderBytes);
  if (!in.ok() || questions != 1) return std::nullopt;
  std::string owner = in.name();
  in.go_to(in.at() + 4);
  SrvAnswer answer;
  int ttl = INT32_MAX;
  for (uint16_t i = 0; i < records && in.ok(); ++i) {
    const std::string of = in.name();
    const uint16_t type = in.u16();
    const uint16_t in_class = in.u16();
    const int record_ttl = ttl_of(in.u32());
    const size_t length = in.u16();
    const size_t end = in.at() + length;
    if (in.ok() && in_class == kClassIn && same_name(of, owner)) {
      if (type == kTypeCname) {
        owner = in.name();
        if (is_host_name(owner)) answer.alias = owner;
        ttl = std::min(ttl, record_ttl);
      } else if (type == kTypeSrv) {
        SrvTarget target;
        target.priority = in.u16();
        target.weight = in.u16();
        target.port = in.u16();
        target.host = in.name();
        ttl = std::min(ttl, record_ttl);
        if (in.ok() && is_host_name(target.host)) answer.targets.push_back(std::move(target));
      }
      if (in.at() > end) return std::nullopt;
    }
    in.go_to(end);
  }
  if (!in.ok()) return std::nullopt;
  std::stable_sort(answer.targets.begin(), answer.targets.end(),
                   [](const SrvTarget& a, const SrvTarget& b) { return a.priority < b.priority; });
  if (answer.targets.size() > kMostTargets) answer.targets.resize(kMostTargets);
  answer.ttl_seconds = ttl == INT32_MAX ? 0 : ttl;
  return answer;
}

std::optional<SrvAnswer> parse_alias(std::string_view message) {
  std::optional<SrvAnswer> answer = parse_srv(message);
  if (answer) answer->targets.clear();
  return answer;
}

}  // namespace weir::io
