// gzip and brotli: which answers are compressed, and what becomes of their heads. The conditions are nginx's.
#include "filter/compress.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace weir::filter {
namespace {

using http::HeaderToken;

class NoVariables final : public route::VariableSource {
 public:
  route::VariableValue variable(const route::VariableRef&, Arena&) const override { return {}; }
};

constexpr int64_t kNow = 784'111'777LL * 1'000'000;  // Sun, 06 Nov 1994 08:49:37 GMT
constexpr const char* kSoon = "Sun, 06 Nov 1994 08:49:38 GMT";
constexpr const char* kBefore = "Sun, 06 Nov 1994 08:49:36 GMT";

class Compress : public testing::Test {
 protected:
  Compress() {
    options_.gzip.on = true;
    options_.gzip.types =
        std::make_shared<ContentTypes>(ContentTypes{.all = false, .names = {"text/html", "application/json"}});
    request_.method = http::Method::kGet;
    add(request_.fields, "Accept-Encoding", "gzip");
    add(response_.fields, "Content-Type", "application/json; charset=utf-8");
    response_.status = 200;
    response_.framing = http::Framing::kLength;
    response_.content_length = 1000;
  }
  static void add(http::FieldList& fields, std::string_view name, std::string_view value) {
    fields.add(name, value, http::header_token(name), false);
  }
  void set(http::FieldList& fields, std::string_view name, std::string_view value) {
    fields.drop(name);
    add(fields, name, value);
  }
  CodingChoice choice() { return choose_coding(options_, request_, response_, response_.status, kNow); }
  bool is_coded() { return choice().coding.has_value(); }

  // The head through the filter; then the value of a field, "-" when there is none.
  bool filter(bool nested = false, int page_status = 0) {
    filter_ = make_compress(options_);
    EXPECT_EQ(filter_->on_response(context_of(nested, page_status), response_), Verdict::kContinue);
    return filter_->takes_response_body(state_);
  }
  Context& context_of(bool nested, int page_status) {
    context_.emplace(Context{variables_, arena_, chunks_, {}, state_, client_, false});
    context_->request = &request_;
    context_->record = &record_;
    context_->encoders = &encoders_;
    context_->wall_us = kNow;
    context_->nested = nested;
    context_->page_status = page_status;
    return *context_;
  }
  std::string field(std::string_view name) {
    const http::Field* found = response_.fields.find(name);
    return found == nullptr ? "-" : std::string(found->value);
  }
  ~Compress() override {
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
  observe::ExchangeRecord record_;
  CompressOptions options_;
  http::RequestHead request_;
  http::ResponseHead response_;
  std::shared_ptr<const Filter> filter_;
};

TEST_F(Compress, answer_is_coded_where_all_fits) {
  EXPECT_EQ(choice().coding, Coding::kGzip);
  EXPECT_TRUE(choice().varies);
}

TEST_F(Compress, statuses_are_200_403_and_404) {
  for (const int status : {200, 403, 404})
    EXPECT_TRUE(choose_coding(options_, request_, response_, status, kNow).coding);
  for (const int status : {201, 204, 206, 301, 304, 400, 500, 502, 503}) {
    const CodingChoice none = choose_coding(options_, request_, response_, status, kNow);
    EXPECT_FALSE(none.coding || none.varies) << status;
  }
}

TEST_F(Compress, coded_answer_stays_as_it_is) {
  add(response_.fields, "Content-Encoding", "br");
  EXPECT_FALSE(choice().coding || choice().varies);
  set(response_.fields, "Content-Encoding", "");
  EXPECT_TRUE(is_coded());
}

TEST_F(Compress, no_transform_keeps_an_answer_as_it_is) {
  add(response_.fields, "Cache-Control", "private, No-Transform");
  EXPECT_FALSE(is_coded());
}

TEST_F(Compress, short_answer_stays_as_it_is) {
  options_.gzip.min_length = 1001;
  EXPECT_FALSE(choice().coding || choice().varies);
  response_.content_length = 1001;
  EXPECT_TRUE(is_coded());
  response_.framing = http::Framing::kChunked;
  response_.content_length = -1;
  EXPECT_TRUE(is_coded()) << "its length is not known";
}

TEST_F(Compress, types_are_compared_without_parameters_and_case) {
  for (const char* type : {"application/json", "APPLICATION/JSON", "text/html ; charset=x", "text/html"}) {
    set(response_.fields, "Content-Type", type);
    EXPECT_TRUE(is_coded()) << type;
  }
  for (const char* type : {"application/json2", "image/png", "", "text/htm"}) {
    set(response_.fields, "Content-Type", type);
    EXPECT_FALSE(is_coded()) << type;
  }
  options_.gzip.types = nullptr;
  set(response_.fields, "Content-Type", "text/html");
  EXPECT_TRUE(is_coded());
  options_.gzip.types = std::make_shared<ContentTypes>(ContentTypes{.all = true, .names = {}});
  response_.fields.drop("Content-Type");
  EXPECT_TRUE(is_coded());
}

TEST_F(Compress, answer_varies_also_for_clients_that_take_none) {
  request_.fields.drop("Accept-Encoding");
  EXPECT_FALSE(is_coded());
  EXPECT_TRUE(choice().varies);
}

TEST_F(Compress, old_version_gets_none) {
  request_.version = http::Version::kHttp10;
  EXPECT_FALSE(is_coded());
  options_.least = http::Version::kHttp10;
  EXPECT_TRUE(is_coded());
}

TEST_F(Compress, browsers_are_refused_by_name_and_pattern) {
  const auto refuses = [&](const std::string& agent) {
    set(request_.fields, "User-Agent", agent);
    return !is_coded();
  };
  constexpr const char* kSix = "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)";
  EXPECT_FALSE(refuses(kSix));
  options_.not_msie6 = true;
  EXPECT_TRUE(refuses(kSix));
  EXPECT_TRUE(refuses("Mozilla/4.0 (compatible; MSIE 5.5; Windows 98)"));
  EXPECT_FALSE(refuses("Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1)"));
  EXPECT_FALSE(refuses("Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 6.0)"));
  EXPECT_FALSE(refuses("Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1) Opera 8"));
  EXPECT_FALSE(refuses("MSIE 6"));
  options_.not_agents.push_back({"netscape/[1-3]", std::make_shared<Regex>(*Regex::compile("netscape/[1-3]", true))});
  EXPECT_TRUE(refuses("Netscape/2.0"));
  EXPECT_FALSE(refuses("Netscape/4.0"));
  request_.fields.drop("User-Agent");
  EXPECT_TRUE(is_coded());
}

TEST_F(Compress, proxied_requests_follow_their_words) {
  add(request_.fields, "Via", "1.1 cache");
  EXPECT_FALSE(is_coded());
  EXPECT_TRUE(choice().varies);
  options_.proxied = {.off = false, .any = true};
  EXPECT_TRUE(is_coded());

  options_.proxied = {.off = false, .auth = true, .no_etag = true};
  add(response_.fields, "ETag", "\"x\"");
  EXPECT_FALSE(is_coded());
  add(request_.fields, "Authorization", "Basic x");
  EXPECT_TRUE(is_coded());
}

TEST_F(Compress, proxied_answers_are_judged_by_their_freshness) {
  add(request_.fields, "Via", "1.1 cache");
  options_.proxied = {.off = false, .expired = true};
  EXPECT_TRUE(is_coded()) << "neither Expires nor Cache-Control, as nginx";
  add(response_.fields, "Expires", kSoon);
  EXPECT_FALSE(is_coded());
  set(response_.fields, "Expires", kBefore);
  EXPECT_TRUE(is_coded());
  add(response_.fields, "Date", kBefore);
  EXPECT_FALSE(is_coded()) << "not expired when it was made";
  set(response_.fields, "Expires", "0");
  EXPECT_FALSE(is_coded()) << "no date at all, as nginx";
  options_.proxied = {.off = false, .no_cache = true};
  EXPECT_FALSE(is_coded()) << "Expires comes first";
}

TEST_F(Compress, proxied_answers_are_judged_by_cache_control_and_validators) {
  add(request_.fields, "Via", "1.1 cache");
  options_.proxied = {.off = false, .no_store = true, .is_private = true};
  add(response_.fields, "Cache-Control", "max-age=60");
  EXPECT_FALSE(is_coded());
  add(response_.fields, "Cache-Control", "Private, max-age=0");
  EXPECT_TRUE(is_coded());
  set(response_.fields, "Cache-Control", "no-cache");
  EXPECT_FALSE(is_coded());
  options_.proxied.no_cache = true;
  EXPECT_TRUE(is_coded());

  response_.fields.drop("Cache-Control");
  options_.proxied = {.off = false, .no_last_modified = true};
  EXPECT_TRUE(is_coded());
  add(response_.fields, "Last-Modified", kBefore);
  EXPECT_FALSE(is_coded());
}

TEST_F(Compress, brotli_is_preferred_unless_the_client_weighs_gzip_more) {
  options_.brotli.on = true;
  options_.brotli.types = options_.gzip.types;
  const auto choose = [&](const char* accepted) {
    set(request_.fields, "Accept-Encoding", accepted);
    return choice().coding;
  };
  EXPECT_EQ(choose("gzip, deflate, br"), Coding::kBrotli);
  EXPECT_EQ(choose("br;q=0.5, gzip;q=0.5"), Coding::kBrotli);
  EXPECT_EQ(choose("br;q=0.4, gzip;q=0.5"), Coding::kGzip);
  EXPECT_EQ(choose("br;q=0, gzip"), Coding::kGzip);
  EXPECT_EQ(choose("br"), Coding::kBrotli);
  EXPECT_EQ(choose("deflate"), std::nullopt);
  options_.brotli.min_length = 1001;
  EXPECT_EQ(choose("gzip, br"), Coding::kGzip) << "too short for brotli's own limit";
}

TEST_F(Compress, head_announces_the_coding) {
  options_.vary = true;
  add(response_.fields, "ETag", "\"abc\"");
  add(response_.fields, "Accept-Ranges", "bytes");
  EXPECT_TRUE(filter());
  EXPECT_EQ(field("Content-Encoding"), "gzip");
  EXPECT_EQ(field("Vary"), "Accept-Encoding");
  EXPECT_EQ(field("ETag"), "W/\"abc\"");
  EXPECT_EQ(field("Accept-Ranges"), "-");
  EXPECT_EQ(response_.framing, http::Framing::kChunked);
  EXPECT_EQ(response_.content_length, -1);
}

TEST_F(Compress, etag_that_is_weak_or_none_is_handled) {
  add(response_.fields, "ETag", "W/\"abc\"");
  filter();
  EXPECT_EQ(field("ETag"), "W/\"abc\"");
  set(response_.fields, "Content-Encoding", "");
  set(response_.fields, "ETag", "abc");
  filter();
  EXPECT_EQ(field("ETag"), "-");
}

TEST_F(Compress, vary_is_not_repeated) {
  options_.vary = true;
  add(response_.fields, "Vary", "Origin, accept-encoding");
  filter();
  EXPECT_EQ(field("Vary"), "Origin, accept-encoding");
}

TEST_F(Compress, answer_to_head_looks_like_the_one_to_get) {
  request_.method = http::Method::kHead;
  response_.framing = http::Framing::kNone;
  EXPECT_FALSE(filter()) << "there is no body";
  EXPECT_EQ(field("Content-Encoding"), "gzip");
  EXPECT_EQ(response_.content_length, -1);
}

TEST_F(Compress, subrequest_is_answered_uncoded) {
  EXPECT_FALSE(filter(true));
  EXPECT_EQ(field("Content-Encoding"), "-");
}

TEST_F(Compress, error_page_is_judged_by_its_own_status) {
  EXPECT_FALSE(filter(false, 502));
  EXPECT_EQ(field("Content-Encoding"), "-");
  EXPECT_TRUE(filter(false, 404));
}

TEST_F(Compress, second_answer_of_an_exchange_begins_anew) {
  EXPECT_TRUE(filter());
  response_.status = 502;
  EXPECT_FALSE(filter()) << "the first was never sent";
}

TEST_F(Compress, spent_memory_leaves_answers_uncoded) {
  std::vector<std::unique_ptr<Encoder>> lent;
  while (encoders_.has_room()) lent.push_back(encoders_.take({}));
  EXPECT_FALSE(filter());
  EXPECT_EQ(field("Content-Encoding"), "-");
  for (auto& each : lent) encoders_.give(std::move(each));
}

TEST_F(Compress, bytes_are_noted_when_the_body_has_ended) {
  ASSERT_TRUE(filter());
  Chain out(chunks_);
  Sink sink(out);
  const std::string body(10'000, 'a');
  EXPECT_EQ(filter_->on_response_body(*context_, {body, true, false}, sink), Verdict::kContinue);
  EXPECT_EQ(record_.gzip_out, 0U);
  EXPECT_GT(encoders_.lent_bytes(), 0U);
  EXPECT_EQ(filter_->on_response_body(*context_, {{}, true, true}, sink), Verdict::kContinue);
  EXPECT_EQ(record_.gzip_in, 10'000U);
  EXPECT_EQ(record_.gzip_out, out.size());
  EXPECT_EQ(encoders_.lent_bytes(), 0U);
}

TEST_F(Compress, bodies_that_stream_are_flushed) {
  for (const bool has_length : {true, false}) {
    response_.fields.drop("Content-Encoding");
    response_.framing = has_length ? http::Framing::kLength : http::Framing::kChunked;
    response_.content_length = has_length ? 100'000 : -1;
    ASSERT_TRUE(filter());
    Chain out(chunks_);
    Sink sink(out);
    filter_->on_response_body(*context_, {"data: 1\n\n", true, false}, sink);
    EXPECT_EQ(out.size() > 10, !has_length) << "beyond gzip's own head";
    filter_->on_response_body(*context_, {{}, true, true}, sink);
  }
  response_.fields.drop("Content-Encoding");
  response_.framing = http::Framing::kLength;
  response_.content_length = 100'000;
  add(response_.fields, "X-Accel-Buffering", "no");
  ASSERT_TRUE(filter());
  Chain out(chunks_);
  Sink sink(out);
  filter_->on_response_body(*context_, {"data: 1\n\n", true, false}, sink);
  EXPECT_GT(out.size(), 10U);
}

}  // namespace
}  // namespace weir::filter
