// The client codec: any cut of the bytes gives the same events; an accepted head is clean and framed in one way.
// uses: base http
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "../unit/http/record.h"

namespace {

using namespace weir::http;

void must(bool fact) {
  if (!fact) std::abort();
}

void check(const record::Response& r, Method method) {
  must(r.status >= 200 ? r.status <= 999 : r.status == 101);
  must(r.fields.find('\r') == std::string::npos && r.fields.find('\0') == std::string::npos);
  must(r.reason.find('\r') == std::string::npos && r.reason.find('\n') == std::string::npos);
  if (r.status == 204 || r.status == 304 || r.status == 101 || method == Method::kHead)
    must(r.framing == Framing::kNone);
  if (r.framing == Framing::kNone) must(r.body.empty());
  if (r.framing == Framing::kLength) must(static_cast<int64_t>(r.body.size()) <= r.content_length);
  if (r.framing == Framing::kLength && r.ended) must(static_cast<int64_t>(r.body.size()) == r.content_length);
  if (r.framing == Framing::kChunked) must(r.content_length == -1);
  if (r.framing == Framing::kClose) must(!r.keep_alive);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 || size > 8192) return 0;
  const Method method = (data[0] & 1) != 0 ? Method::kHead : Method::kGet;
  const bool websocket = (data[0] & 2) != 0;
  const bool finish = (data[0] & 4) != 0;
  const size_t cut = 1 + data[1] * size / 256;
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  const auto whole = record::feed_response(input, method, websocket, {}, finish);
  must(!whole.events->out_of_order && whole.events->finals.size() <= 1);
  for (const auto& r : whole.events->finals) {
    check(r, method);
    must(r.status != 101 || (websocket && r.upgraded));
  }
  for (const auto& r : whole.events->interims) must(r.status < 200 && r.status != 101 && r.body.empty());
  const auto same = [&](const std::vector<size_t>& cuts) {
    const auto split = record::feed_response(input, method, websocket, cuts, finish);
    must(*split.events == *whole.events && split.left == whole.left && split.finished == whole.finished);
  };
  if (cut < input.size()) same({cut});
  if (input.size() <= 1024) same(record::every_byte(input.size()));
  return 0;
}
