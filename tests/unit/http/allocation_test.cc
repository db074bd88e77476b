// A warm codec asks the heap for nothing: counted by replacing operator new in this program.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "http/h1_codec.h"
#include "unit/count_allocations.h"

namespace weir::http {
namespace {

class Warm final : public ServerCodec::Handler, public ClientCodec::Handler {
 public:
  HeadStorage begin_request(StreamId) override {
    arena.reset();
    return {&arena, &request};
  }
  void on_request(StreamId) override {}
  void on_request_end(StreamId) override { ++ended; }
  void on_reject(StreamId, const Reject&) override { ++failed; }
  Arena& response_arena(StreamId) override {
    arena.reset();
    return arena;
  }
  ResponseHead& response_head(StreamId) override { return response; }
  void on_interim(StreamId) override {}
  void on_response(StreamId) override {}
  void on_body(StreamId, std::string_view) override {}
  void on_response_end(StreamId) override { ++ended; }
  void on_error(StreamId, ErrorKind, std::string_view) override { ++failed; }

  Arena arena;
  RequestHead request;
  ResponseHead response;
  int ended = 0;
  int failed = 0;
};

TEST(Codec, allocates_nothing_when_warm) {
  const HeadLimits limits;
  const std::string request =
      "POST /\xe9/b?c HTTP/1.1\r\nHost: EXAMPLE.com\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3;a=b\r\nabc\r\n0\r\n\r\n";
  const std::string response = "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 3\r\n\r\nabc";
  const std::string_view piece = "abc";
  auto warm = std::make_unique<Warm>();
  H1ServerCodec server(limits);
  H1ClientCodec client;
  OutBatch out;
  const auto exchange = [&] {
    out.clear();
    EXPECT_EQ(server.feed(request, *warm), request.size());
    client.send_head(
        kH1Stream,
        {.method = "POST", .target = "/a b", .framing = {Framing::kChunked, -1}, .fields = &warm->request.fields},
        warm->arena, out);
    client.send_body(kH1Stream, &piece, 1, out);
    client.send_end(kH1Stream, out);
    client.open(Method::kPost, {}, kAnswerLimits);
    EXPECT_EQ(client.feed(response, *warm), response.size());
    server.send_head(kH1Stream, {.body = {true, 3}, .fields = &warm->response.fields}, warm->arena, out);
    server.send_body(kH1Stream, &piece, 1, out);
    server.send_end(kH1Stream, nullptr, warm->arena, out);
    server.resume();
  };
  exchange();
  const uint64_t before = allocations_of_thread;
  for (int i = 0; i < 100; ++i) exchange();
  EXPECT_EQ(allocations_of_thread - before, 0U);
  EXPECT_EQ(warm->ended, 202);
  EXPECT_EQ(warm->failed, 0);
}

}  // namespace
}  // namespace weir::http
