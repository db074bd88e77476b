// gunzip: what comes of gzip for clients that take none, in steps that are bounded.
#include "filter/gunzip.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace weir::filter {
namespace {

class NoVariables final : public route::VariableSource {
 public:
  route::VariableValue variable(const route::VariableRef&, Arena&) const override { return {}; }
};

class Gunzip : public testing::Test {
 protected:
  Gunzip() { add(response_.fields, "Content-Encoding", "gzip"); }
  static void add(http::FieldList& fields, std::string_view name, std::string_view value) {
    fields.add(name, value, http::header_token(name), false);
  }
  std::string field(std::string_view name) {
    const http::Field* found = response_.fields.find(name);
    return found == nullptr ? "-" : std::string(found->value);
  }
  std::string gzipped(std::string_view text) {
    Chain chain(chunks_);
    Sink sink(chain);
    auto encoder = encoders_.take({});
    EXPECT_TRUE(encoder->encode(text, Encoder::Flush::kEnd, sink));
    encoders_.give(std::move(encoder));
    std::string out;
    chain.copy_to(out);
    return out;
  }
  // True: the body is decoded.
  bool begin(bool nested = false) {
    response_.status = response_.status == 0 ? 200 : response_.status;
    response_.framing = http::Framing::kChunked;
    filter_ = make_gunzip(clients_);
    context_.emplace(Context{variables_, arena_, chunks_, {}, state_, client_, false});
    context_->request = &request_;
    context_->encoders = &encoders_;
    context_->nested = nested;
    verdict_ = filter_->on_response(*context_, response_);
    return filter_->takes_response_body(state_);
  }
  // Feeds the body in pieces of `cut` bytes; "broken" where the filter fails. The most that one call wrote: `step_`.
  std::string decode(std::string_view body, size_t cut) {
    response_.fields.drop("Content-Encoding");
    add(response_.fields, "Content-Encoding", "gzip");
    EXPECT_TRUE(begin());
    Chain out(chunks_);
    Sink sink(out);
    step_ = 0;
    for (size_t at = 0;; at += cut) {
      const bool end = at + cut >= body.size();
      const Piece piece{body.substr(std::min(at, body.size()), cut), true, end};
      Verdict verdict = Verdict::kMore;
      while (verdict == Verdict::kMore) {
        const size_t before = out.size();
        verdict = filter_->on_response_body(*context_, piece, sink);
        step_ = std::max(step_, out.size() - before);
      }
      if (verdict != Verdict::kContinue) return "broken";
      if (end) break;
    }
    std::string text;
    out.copy_to(text);
    return text;
  }
  ~Gunzip() override {
    if (state_ != nullptr) state_->~State();
    EXPECT_EQ(encoders_.lent_bytes(), 0U);
  }

  NoVariables variables_;
  Arena arena_;
  ChunkPool chunks_;
  EncoderPool encoders_;
  State* state_ = nullptr;
  SocketAddress client_;
  std::optional<Context> context_;
  CompressOptions clients_;
  http::RequestHead request_;
  http::ResponseHead response_;
  std::shared_ptr<const Filter> filter_;
  Verdict verdict_ = Verdict::kContinue;
  size_t step_ = 0;
};

TEST_F(Gunzip, body_is_decoded_wherever_it_is_cut) {
  const std::string text = "some text, some text, some more text";
  const std::string body = gzipped(text);
  for (size_t cut = 1; cut <= body.size(); ++cut) EXPECT_EQ(decode(body, cut), text) << cut;
}

TEST_F(Gunzip, members_in_a_row_are_one_body) {
  const std::string body = gzipped("one ") + gzipped("") + gzipped("two");
  for (const size_t cut : {1UL, 10UL, body.size()}) EXPECT_EQ(decode(body, cut), "one two");
}

TEST_F(Gunzip, empty_body_stays_empty) {
  EXPECT_EQ(decode({}, 1), "");
}

TEST_F(Gunzip, bomb_comes_in_steps) {
  const std::string text(30 << 20, '\0');
  const std::string body = gzipped(text);
  EXPECT_LT(body.size(), 200'000U);
  EXPECT_EQ(decode(body, body.size()), text);
  EXPECT_LE(step_, 80U * 1024);
}

TEST_F(Gunzip, broken_and_cut_bodies_fail) {
  std::string body = gzipped("some text, some text");
  EXPECT_EQ(decode(std::string_view(body).substr(0, body.size() - 1), 5), "broken");
  EXPECT_EQ(decode(body + "junk", 5), "broken");
  EXPECT_EQ(decode(body + "j", 100), "broken");
  EXPECT_EQ(decode("not gzip at all", 5), "broken");
  body[body.size() - 6] = static_cast<char>(body[body.size() - 6] ^ 1);  // of the checksum
  EXPECT_EQ(decode(body, 100), "broken");
}

TEST_F(Gunzip, client_that_takes_gzip_gets_it) {
  add(request_.fields, "Accept-Encoding", "gzip");
  add(response_.fields, "ETag", "\"x\"");
  clients_.vary = true;
  EXPECT_FALSE(begin());
  EXPECT_EQ(field("Content-Encoding"), "gzip");
  EXPECT_EQ(field("Vary"), "Accept-Encoding");
  EXPECT_EQ(field("ETag"), "\"x\"");
  EXPECT_TRUE(begin(true)) << "a subrequest is read by weir itself";
}

TEST_F(Gunzip, changed_body_is_announced) {
  begin();
  response_.fields.clear();
  EXPECT_FALSE(filter_->changes_body(*context_, response_)) << "it is not coded";
  add(response_.fields, "Content-Encoding", "gzip");
  EXPECT_TRUE(filter_->changes_body(*context_, response_));
  add(request_.fields, "Accept-Encoding", "gzip");
  EXPECT_FALSE(filter_->changes_body(*context_, response_));
}

TEST_F(Gunzip, head_is_that_of_a_plain_body) {
  add(response_.fields, "ETag", "\"x\"");
  response_.content_length = 10;
  EXPECT_TRUE(begin());
  EXPECT_EQ(field("Content-Encoding"), "-");
  EXPECT_EQ(field("ETag"), "W/\"x\"");
  EXPECT_EQ(response_.content_length, -1);
}

TEST_F(Gunzip, other_codings_and_parts_stay) {
  response_.status = 206;
  EXPECT_FALSE(begin());
  response_.status = 200;
  for (const char* coding : {"br", "gzip, br", "x-gzip", ""}) {
    response_.fields.drop("Content-Encoding");
    add(response_.fields, "Content-Encoding", coding);
    EXPECT_FALSE(begin()) << coding;
  }
}

TEST_F(Gunzip, spent_memory_is_answered_503) {
  std::vector<std::unique_ptr<Encoder>> lent;
  while (encoders_.has_room()) lent.push_back(encoders_.take({}));
  EXPECT_FALSE(begin());
  EXPECT_EQ(verdict_, Verdict::kAnswer);
  EXPECT_EQ(context_->status, 503);
  for (auto& each : lent) encoders_.give(std::move(each));
}

}  // namespace
}  // namespace weir::filter
