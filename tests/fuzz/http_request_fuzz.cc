// The server codec: any cut of the bytes gives the same events; what is accepted survives being written and read again.
// uses: base http
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "../unit/http/record.h"
#include "http/control_scan.h"
#include "http/forward.h"

namespace {

using namespace weir;
using namespace weir::http;

void must(bool fact) {
  if (!fact) std::abort();
}

void check_head(const record::Request& r) {
  must(r.version == Version::kHttp10 || r.version == Version::kHttp11);
  must(r.target == (r.query.empty() && r.target.back() != '?' ? r.path : r.path + "?" + r.query));
  for (const char c : r.target) must(c > 0x20 && c < 0x7f && c != '#');
  must(r.target.front() == '/' || (r.target == "*" && r.form == TargetForm::kAsterisk));
  for (const char c : r.host) must(c > 0x20 && c < 0x7f && c != '/' && c != '@' && c != ',' && !(c >= 'A' && c <= 'Z'));
  must(r.version == Version::kHttp10 || !r.host.empty());
  must(r.framing != Framing::kClose);
  must(r.framing != Framing::kChunked || r.version == Version::kHttp11);
  if (r.framing == Framing::kLength) must(static_cast<int64_t>(r.body.size()) <= r.content_length);
  if (r.framing == Framing::kNone) must(r.body.empty() && r.ended);
  must(!r.websocket || r.framing == Framing::kNone);
}

// Forwards each complete request as the proxy would and reads it again: one request, the same one.
class Forwarder final : public ServerCodec::Handler {
 public:
  HeadStorage begin_request(StreamId) override {
    arena_.reset();
    body_.clear();
    return {&arena_, &head_};
  }
  void on_request(StreamId) override {
    must(head_.fields.size() <= 200);
    for (const Field& f : head_.fields) {
      must(!f.name.empty() && is_clean_value(f.value) && f.token == header_token(f.name) && !f.added && !f.dropped);
      must(f.value.empty() || (f.value.front() != ' ' && f.value.back() != ' '));
    }
    drop_hop_by_hop(head_.fields);
    if (!head_.host.empty()) {
      head_.fields.drop(HeaderToken::kHost);
      head_.fields.add("Host", head_.host_field, HeaderToken::kHost);
    }
  }
  void on_body(StreamId, std::string_view bytes) override { body_ += bytes; }
  void on_request_end(StreamId) override {
    H1ClientCodec client;
    OutBatch out;
    Arena arena;
    OutRequest request{head_.method_text, head_.target};
    request.framing = {head_.framing, head_.framing == Framing::kLength ? head_.content_length : -1};
    request.version = head_.version;
    request.fields = &head_.fields;
    client.send_head(kH1Stream, request, arena, out);
    const std::string_view pieces[] = {std::string_view(body_).substr(0, 3),
                                       body_.size() > 3 ? std::string_view(body_).substr(3) : std::string_view()};
    client.send_body(kH1Stream, pieces, 2, out);
    client.send_end(kH1Stream, out);
    std::string wire;
    for (int i = 0; i < out.size(); ++i) wire += out.pieces()[i];
    const HeadLimits roomy{.head_bytes = 1 << 20, .line_bytes = 1 << 20, .fields = 1000};
    const auto fed = record::feed_requests(wire, {}, roomy);
    must(fed.events->status == 0 && fed.events->requests.size() == 1 && fed.left == 0);
    const record::Request& again = fed.events->requests[0];
    must(again.ended && again.method == head_.method_text && again.target == head_.target && again.body == body_);
    must(again.host == head_.host && again.framing == head_.framing);
  }
  void on_reject(StreamId, const Reject&) override {}

 private:
  Arena arena_;
  RequestHead head_;
  std::string body_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > 8192) return 0;
  const size_t cut = 1 + data[0] * size / 256;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const HeadLimits limits{.head_bytes = 2048, .line_bytes = 512, .fields = 200, .bare_lf = (data[0] & 1) != 0};
  const auto whole = record::feed_requests(input, {}, limits);
  must(!whole.events->out_of_order && whole.events->rejects <= 1);
  for (const auto& request : whole.events->requests) check_head(request);
  if (cut < input.size()) must(*record::feed_requests(input, {cut}, limits).events == *whole.events);
  if (input.size() <= 1024)
    must(*record::feed_requests(input, record::every_byte(input.size()), limits).events == *whole.events);

  Forwarder forwarder;
  H1ServerCodec codec(limits);
  for (size_t used = 0, requests = 0; used < input.size() && requests < 20; ++requests) {
    const size_t taken = codec.feed(input.substr(used), forwarder);
    if (taken == 0) break;
    used += taken;
    codec.resume();
  }
  return 0;
}
