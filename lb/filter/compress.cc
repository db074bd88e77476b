// Which answers are compressed, and how.
#include "filter/compress.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "http/content_coding.h"
#include "http/date.h"

namespace weir::filter {
namespace {

using http::Field;
using http::FieldList;
using http::HeaderToken;

std::string_view value_of(const FieldList& fields, HeaderToken token) {
  const Field* field = fields.find(token);
  return field == nullptr ? std::string_view() : field->value;
}

bool cache_control_has(const FieldList& fields, std::string_view directive) {
  bool has = false;
  for (const Field& field : fields) {
    if (field.token != HeaderToken::kCacheControl || field.dropped) continue;
    for_each_list_element(field.value, [&](std::string_view each) { has = has || iequals(each, directive); });
  }
  return has;
}

// Internet Explorer 4 to 6 before the service pack that taught it gzip; Opera once took its name.
bool is_msie6(std::string_view agent) {
  const size_t at = agent.find("MSIE ");
  if (at == std::string_view::npos || at + 8 > agent.size() || agent[at + 6] != '.') return false;
  if (agent.find("Opera") != std::string_view::npos) return false;
  const char major = agent[at + 5];
  return major == '4' || major == '5' || (major == '6' && agent.find("SV1", at + 8) == std::string_view::npos);
}

bool has_expired(const FieldList& fields, std::string_view expires, int64_t now_us) {
  const auto until = http::parse_date(expires);
  if (!until) return false;
  const Field* date = fields.find(HeaderToken::kDate);
  const auto made = date != nullptr ? http::parse_date(date->value) : now_us / 1'000'000;
  return made && *until < *made;
}

// Whether the answer to a request with Via may be compressed: the proxy may keep it, and give it to others.
bool is_for_proxies(const ProxiedOptions& options, const FieldList& request, const FieldList& response,
                    int64_t now_us) {
  if (options.off) return false;
  if (options.any) return true;
  if (options.auth && request.find(HeaderToken::kAuthorization) != nullptr) return true;
  if (const Field* expires = response.find("Expires"))
    return options.expired && has_expired(response, expires->value, now_us);
  if (response.find(HeaderToken::kCacheControl) != nullptr)
    return (options.no_cache && cache_control_has(response, "no-cache")) ||
           (options.no_store && cache_control_has(response, "no-store")) ||
           (options.is_private && cache_control_has(response, "private"));
  if (options.no_last_modified && response.find(HeaderToken::kLastModified) != nullptr) return false;
  return !options.no_etag || response.find(HeaderToken::kEtag) == nullptr;
}

bool is_for_agent(const CompressOptions& options, std::string_view agent) {
  if (options.not_msie6 && is_msie6(agent)) return false;
  if (agent.empty()) return true;
  return std::none_of(options.not_agents.begin(), options.not_agents.end(),
                      [&](const AgentPattern& each) { return each.regex->matches(agent); });
}

bool is_worth_coding(const CodingOptions& options, const http::ResponseHead& response) {
  static const ContentTypes only_html;
  if (!options.on || (response.content_length >= 0 && response.content_length < options.min_length)) return false;
  const ContentTypes& types = options.types != nullptr ? *options.types : only_html;
  return types.has(value_of(response.fields, HeaderToken::kContentType));
}

class Compressing final : public State {
 public:
  Compressing(const EncoderOptions& options, bool flushes, Context& context)
      : options_(options), flushes_(flushes), pool_(*context.encoders) {}
  ~Compressing() override {
    if (encoder_ != nullptr) pool_.give(std::move(encoder_));
  }
  Compressing(const Compressing&) = delete;
  Compressing& operator=(const Compressing&) = delete;

  Verdict encode(const Piece& piece, Sink& sink, observe::ExchangeRecord* record) {
    if (encoder_ == nullptr) encoder_ = pool_.take(options_);
    if (encoder_ == nullptr) return Verdict::kFail;
    const bool all = flushes_ && piece.flush;
    const auto written = encoder_->encode(piece.bytes,
                                          piece.end ? Encoder::Flush::kEnd
                                          : all     ? Encoder::Flush::kAll
                                                    : Encoder::Flush::kNone,
                                          sink);
    if (!written) return Verdict::kFail;
    in_ += piece.bytes.size();
    out_ += *written;
    if (!piece.end) return Verdict::kContinue;
    pool_.give(std::move(encoder_));
    if (record != nullptr && options_.coding == Coding::kGzip) record->gzip_in = in_, record->gzip_out = out_;
    return Verdict::kContinue;
  }

 private:
  const EncoderOptions options_;
  const bool flushes_;
  EncoderPool& pool_;
  std::unique_ptr<Encoder> encoder_;  // from the first piece to the last
  uint64_t in_ = 0, out_ = 0;
};

class Compress final : public Filter {
 public:
  explicit Compress(CompressOptions options) : options_(std::move(options)) {}

  Order order() const override { return Order::kCompress; }
  Verdict on_response(Context& context, http::ResponseHead& head) const override {
    context.forget();
    const bool has_none = head.framing == http::Framing::kNone && context.request->method != http::Method::kHead;
    if (context.nested || has_none) return Verdict::kContinue;
    const int status = context.page_status != 0 ? context.page_status : head.status;
    const CodingChoice choice = choose_coding(options_, *context.request, head, status, context.wall_us);
    if (choice.varies && options_.vary) vary_by_accept_encoding(head.fields);
    if (!choice.coding || !context.encoders->has_room()) return Verdict::kContinue;
    const CodingOptions& coding = *choice.coding == Coding::kGzip ? options_.gzip : options_.brotli;
    // What comes bit by bit is passed on so: an event stream, and all whose length its maker does not know yet.
    const bool flushes =
        head.framing != http::Framing::kLength || iequals(value_of(head.fields, HeaderToken::kXAccelBuffering), "no");
    head.fields.drop(HeaderToken::kContentEncoding);  // an empty one
    head.fields.add_clean("Content-Encoding", to_string(*choice.coding), HeaderToken::kContentEncoding);
    mark_transformed(head.fields, context.arena);
    const int64_t length = head.content_length;
    drop_length(head);
    head.content_length = -1;  // the answer to HEAD declares none either
    if (head.framing != http::Framing::kNone)
      context.state<Compressing>(fitted(coding.encoder, flushes ? -1 : length), flushes, context);
    return Verdict::kContinue;
  }
  bool changes_body(Context& context, const http::ResponseHead& head) const override {
    return !context.nested &&
           choose_coding(options_, *context.request, head, head.status, context.wall_us).coding.has_value();
  }
  bool takes_response_body(const State* state) const override { return state != nullptr; }
  Verdict on_response_body(Context& context, const Piece& piece, Sink& sink) const override {
    return static_cast<Compressing*>(context.slot)->encode(piece, sink, context.record);
  }

 private:
  CompressOptions options_;
};

}  // namespace

CodingChoice choose_coding(const CompressOptions& options, const http::RequestHead& request,
                           const http::ResponseHead& response, int status, int64_t now_us) {
  CodingChoice choice;
  const FieldList& fields = response.fields;
  if (status != 200 && status != 403 && status != 404) return choice;
  if (!value_of(fields, HeaderToken::kContentEncoding).empty()) return choice;
  // RFC 9111 5.2.2.6: whoever writes this is asking for the body as it is.
  if (cache_control_has(fields, "no-transform")) return choice;
  const bool gzip = is_worth_coding(options.gzip, response);
  const bool brotli = is_worth_coding(options.brotli, response);
  choice.varies = gzip || brotli;
  if (!choice.varies) return choice;

  const std::string_view accepted = value_of(request.fields, HeaderToken::kAcceptEncoding);
  const int brotli_weight = brotli ? http::coding_weight(accepted, "br") : 0;
  const int gzip_weight =
      gzip && takes_gzip(options, request, fields, now_us) ? http::coding_weight(accepted, "gzip") : 0;
  if (brotli_weight > 0 && brotli_weight >= gzip_weight) {
    choice.coding = Coding::kBrotli;
  } else if (gzip_weight > 0) {
    choice.coding = Coding::kGzip;
  }
  return choice;
}

bool takes_gzip(const CompressOptions& options, const http::RequestHead& request, const FieldList& response,
                int64_t now_us) {
  const FieldList& fields = request.fields;
  if (http::coding_weight(value_of(fields, HeaderToken::kAcceptEncoding), "gzip") == 0) return false;
  if (request.version < options.least) return false;
  if (fields.find("Via") != nullptr && !is_for_proxies(options.proxied, fields, response, now_us)) return false;
  return is_for_agent(options, value_of(fields, HeaderToken::kUserAgent));
}

void mark_transformed(FieldList& fields, Arena& arena) {
  fields.drop("Accept-Ranges");
  const Field* const etag = fields.find(HeaderToken::kEtag);
  if (etag == nullptr || etag->value.starts_with("W/")) return;
  const std::string_view name = etag->name;
  const std::string_view value = etag->value;
  fields.drop(HeaderToken::kEtag);
  if (value.starts_with('"')) fields.add_clean(name, arena.concat({"W/", value}), HeaderToken::kEtag);
}

void vary_by_accept_encoding(FieldList& fields) {
  bool said = false;
  for (const Field& field : fields) {
    if (field.token != HeaderToken::kVary || field.dropped) continue;
    for_each_list_element(
        field.value, [&](std::string_view each) { said = said || each == "*" || iequals(each, "Accept-Encoding"); });
  }
  if (!said) fields.add_clean("Vary", "Accept-Encoding", HeaderToken::kVary);
}

std::shared_ptr<const Filter> make_compress(CompressOptions options) {
  return std::make_shared<Compress>(std::move(options));
}

}  // namespace weir::filter
