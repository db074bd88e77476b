// What a message costs: the pre-scan, a whole head through each codec, a head written, chunks.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/forward.h"
#include "http/h1_codec.h"

namespace weir::http {
namespace {

// A browser's request, 15 fields.
constexpr std::string_view kRequest =
    "GET /api/users:list?page=1&pageSize=20&appends%5B%5D=roles HTTP/1.1\r\n"
    "Host: app.example.com\r\n"
    "Connection: keep-alive\r\n"
    "sec-ch-ua: \"Chromium\";v=\"130\", \"Not?A_Brand\";v=\"99\"\r\n"
    "Accept: application/json, text/plain, */*\r\n"
    "X-Locale: en-US\r\n"
    "X-Role: admin\r\n"
    "X-Timezone: +02:00\r\n"
    "Authorization: Bearer "
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ1c2VySWQiOjEsImlhdCI6MTcwMDAwMDAwMH0.c2lnbmF0dXJl\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 "
    "Safari/537.36\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "Sec-Fetch-Mode: cors\r\n"
    "Referer: https://app.example.com/admin/users\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Accept-Language: en-US,en;q=0.9\r\n"
    "Cookie: theme=dark; session=0123456789abcdef0123456789abcdef\r\n"
    "\r\n";
constexpr std::string_view kResponse =
    "HTTP/1.1 200 OK\r\n"
    "Content-Type: application/json; charset=utf-8\r\n"
    "Content-Length: 2\r\n"
    "Vary: Origin\r\n"
    "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
    "Connection: keep-alive\r\n"
    "Keep-Alive: timeout=5\r\n"
    "\r\n{}";

class Silent final : public ServerCodec::Handler, public ClientCodec::Handler {
 public:
  HeadStorage begin_request(StreamId) override {
    arena.reset();
    return {&arena, &request};
  }
  void on_request(StreamId) override {}
  void on_request_end(StreamId) override {}
  void on_reject(StreamId, const Reject&) override { std::abort(); }
  Arena& response_arena(StreamId) override {
    arena.reset();
    return arena;
  }
  ResponseHead& response_head(StreamId) override { return response; }
  void on_interim(StreamId) override {}
  void on_response(StreamId) override {}
  void on_body(StreamId, std::string_view bytes) override { body += bytes.size(); }
  void on_response_end(StreamId) override {}
  void on_error(StreamId, ErrorKind, std::string_view) override { std::abort(); }

  Arena arena;
  RequestHead request;
  ResponseHead response;
  size_t body = 0;
};

void http_prescan(benchmark::State& state) {
  const HeadLimits limits;
  for (auto _ : state) {
    Prescan prescan(Prescan::Kind::kRequest);
    benchmark::DoNotOptimize(prescan.scan(kRequest, limits));
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * kRequest.size()));
}
BENCHMARK(http_prescan);

void http_read_request(benchmark::State& state) {
  const HeadLimits limits;
  Silent handler;
  H1ServerCodec codec(limits);
  for (auto _ : state) {
    benchmark::DoNotOptimize(codec.feed(kRequest, handler));
    codec.resume();
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * kRequest.size()));
}
BENCHMARK(http_read_request);

// One byte more at each feed: linear, or a slow client could make it cost more than it sends.
void http_read_request_bytewise(benchmark::State& state) {
  const HeadLimits limits;
  Silent handler;
  H1ServerCodec codec(limits);
  for (auto _ : state) {
    for (size_t i = 1; i <= kRequest.size(); ++i) benchmark::DoNotOptimize(codec.feed(kRequest.substr(0, i), handler));
    codec.resume();
  }
}
BENCHMARK(http_read_request_bytewise);

void http_read_response(benchmark::State& state) {
  Silent handler;
  H1ClientCodec codec;
  for (auto _ : state) {
    codec.open(Method::kGet, {}, kAnswerLimits);
    benchmark::DoNotOptimize(codec.feed(kResponse, handler));
  }
}
BENCHMARK(http_read_response);

void http_forward_request(benchmark::State& state) {
  const HeadLimits limits;
  Silent handler;
  H1ServerCodec server(limits);
  H1ClientCodec client;
  server.feed(kRequest, handler);
  Arena arena;
  OutBatch out;
  for (auto _ : state) {
    arena.reset();
    out.clear();
    drop_hop_by_hop(handler.request.fields);
    OutRequest head;
    head.method = handler.request.method_text;
    head.target = handler.request.target;
    head.fields = &handler.request.fields;
    client.send_head(kH1Stream, head, arena, out);
    benchmark::DoNotOptimize(out.bytes());
  }
}
BENCHMARK(http_forward_request);

void http_read_chunks(benchmark::State& state) {
  const auto size = static_cast<size_t>(state.range(0));
  char head[20];
  std::snprintf(head, sizeof head, "%zx\r\n", size);
  std::string body;
  while (body.size() < 60000) body.append(head).append(size, 'x').append("\r\n");
  ChunkedDecoder decoder;
  for (auto _ : state) {
    for (size_t used = 0; used < body.size();) used += decoder.next(std::string_view(body).substr(used)).consumed;
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * body.size()));
}
BENCHMARK(http_read_chunks)->Arg(1)->Arg(64)->Arg(4096);

}  // namespace
}  // namespace weir::http
