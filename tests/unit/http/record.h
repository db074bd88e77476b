// Handlers that write down what a codec says, and ways to feed one input in many cuts. The fuzz targets use them too.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/h1_codec.h"

namespace weir::http::record {

inline std::string list(const FieldList& fields) {
  std::string out;
  for (const Field& f : fields) out.append(f.name).append(": ").append(f.value).append("\n");
  return out;
}

// One message as a test looks at it.
struct Request {
  std::string method, target, path, query, host, host_field, line, fields, body;
  Version version = Version::kHttp11;
  TargetForm form = TargetForm::kOrigin;
  Framing framing = Framing::kNone;
  bool keep_alive = false, expect_continue = false, websocket = false, ended = false;
  int64_t content_length = 0;
  size_t head_bytes = 0;
  bool operator==(const Request&) const = default;
};

class Requests final : public ServerCodec::Handler {
 public:
  std::vector<Request> requests;
  int status = 0;  // of the reject
  std::string reason, refused_line;
  int begun = 0, rejects = 0;
  bool out_of_order = false;

  bool operator==(const Requests& o) const {
    return requests == o.requests && status == o.status && reason == o.reason && begun == o.begun &&
           out_of_order == o.out_of_order;
  }

  HeadStorage begin_request(StreamId) override {
    if (rejects > 0 || (!requests.empty() && !requests.back().ended)) out_of_order = true;
    ++begun;
    arena_.reset();
    return {&arena_, head_.get()};
  }
  void on_request(StreamId) override {
    if (rejects > 0 || begun != static_cast<int>(requests.size()) + 1) out_of_order = true;
    const RequestHead& h = *head_;
    Request r;
    r.method = h.method_text;
    r.target = h.target;
    r.path = h.path;
    r.query = h.query;
    r.host = h.host;
    r.host_field = h.host_field;
    r.line = h.request_line;
    r.fields = list(h.fields);
    r.version = h.version;
    r.form = h.form;
    r.framing = h.framing;
    r.keep_alive = h.keep_alive;
    r.expect_continue = h.expect_continue;
    r.websocket = h.websocket;
    r.content_length = h.content_length;
    r.head_bytes = h.head_bytes;
    requests.push_back(std::move(r));
  }
  void on_body(StreamId, std::string_view bytes) override {
    if (rejects > 0 || requests.empty() || requests.back().ended) {
      out_of_order = true;
      return;
    }
    requests.back().body += bytes;
  }
  void on_request_end(StreamId) override {
    if (rejects > 0 || requests.empty() || requests.back().ended) {
      out_of_order = true;
      return;
    }
    requests.back().ended = true;
  }
  void on_reject(StreamId, const Reject& reject) override {
    ++rejects;
    status = reject.status;
    reason = reject.reason;
    refused_line = reject.request_line;
  }
  const RequestHead& head() const { return *head_; }

 private:
  Arena arena_;
  std::unique_ptr<RequestHead> head_ = std::make_unique<RequestHead>();
};

struct Response {
  int status = 0;
  std::string reason, fields, body;
  Framing framing = Framing::kNone;
  bool keep_alive = false, upgraded = false, ended = false;
  int64_t content_length = -1;
  int keep_alive_timeout = -1;
  bool operator==(const Response&) const = default;
};

class Responses final : public ClientCodec::Handler {
 public:
  std::vector<Response> interims;
  std::vector<Response> finals;
  std::string error;
  bool out_of_order = false;

  bool operator==(const Responses& o) const {
    return interims == o.interims && finals == o.finals && error == o.error && out_of_order == o.out_of_order;
  }

  Arena& response_arena(StreamId) override { return arena_; }
  ResponseHead& response_head(StreamId) override { return *head_; }
  void on_interim(StreamId) override {
    if (!finals.empty() || !error.empty()) out_of_order = true;
    interims.push_back(taken());
  }
  void on_response(StreamId) override {
    if (!error.empty() || (!finals.empty() && !finals.back().ended)) out_of_order = true;
    finals.push_back(taken());
  }
  void on_body(StreamId, std::string_view bytes) override {
    if (!error.empty() || finals.empty() || finals.back().ended) {
      out_of_order = true;
      return;
    }
    finals.back().body += bytes;
  }
  void on_response_end(StreamId) override {
    if (!error.empty() || finals.empty() || finals.back().ended) {
      out_of_order = true;
      return;
    }
    finals.back().ended = true;
  }
  void on_error(StreamId, ErrorKind kind, std::string_view why) override {
    if (!error.empty() || (kind != ErrorKind::kInvalidResponse && kind != ErrorKind::kNotHttp)) out_of_order = true;
    error = why;
  }

 private:
  Response taken() const {
    const ResponseHead& h = *head_;
    Response r;
    r.status = h.status;
    r.reason = h.reason;
    r.fields = list(h.fields);
    r.framing = h.framing;
    r.keep_alive = h.keep_alive;
    r.upgraded = h.upgraded;
    r.content_length = h.content_length;
    r.keep_alive_timeout = h.keep_alive_timeout;
    return r;
  }
  Arena arena_;
  std::unique_ptr<ResponseHead> head_ = std::make_unique<ResponseHead>();
};

// Gives `codec` the bytes up to each cut in turn and keeps what it did not take, as a session does. Returns what was
// left over. `between` runs whenever the codec stops before the end of its input: a server codec is resumed there.
template <class Codec, class Handler, class Between>
size_t feed_cuts(Codec& codec, Handler& handler, std::string_view input, const std::vector<size_t>& cuts,
                 Between between) {
  size_t used = 0;
  const auto feed_to = [&](size_t end) {
    while (used < end) {
      // A copy of its own, so that a sanitizer sees reads beyond the cut and views kept too long.
      const std::vector<char> piece(input.begin() + static_cast<ptrdiff_t>(used),
                                    input.begin() + static_cast<ptrdiff_t>(end));
      const size_t taken = codec.feed({piece.data(), piece.size()}, handler);
      used += taken;
      if (used < end && !between()) return;
    }
  };
  for (const size_t cut : cuts) feed_to(cut);
  feed_to(input.size());
  return input.size() - used;
}

struct Fed {
  std::unique_ptr<Requests> events = std::make_unique<Requests>();
  bool inside = false;
  size_t left = 0;
};

// Each request is answered as soon as it has ended.
inline Fed feed_requests(std::string_view input, const std::vector<size_t>& cuts = {}, const HeadLimits& limits = {}) {
  Fed fed;
  H1ServerCodec codec(limits);
  size_t resumed = 0;
  fed.left = feed_cuts(codec, *fed.events, input, cuts, [&] {
    const auto& requests = fed.events->requests;
    if (resumed == requests.size() || !requests.back().ended) return false;
    ++resumed;
    codec.resume();
    return true;
  });
  fed.inside = codec.inside_request();
  return fed;
}

struct FedResponse {
  std::unique_ptr<Responses> events = std::make_unique<Responses>();
  size_t left = 0;
  bool finished = false;
};

inline FedResponse feed_response(std::string_view input, Method method = Method::kGet, bool websocket = false,
                                 const std::vector<size_t>& cuts = {}, bool finish = false) {
  FedResponse fed;
  H1ClientCodec codec;
  codec.open(method, websocket ? kWebsocket : std::string_view(), kAnswerLimits);
  fed.left = feed_cuts(codec, *fed.events, input, cuts, [] { return false; });
  if (finish) fed.finished = codec.finish(*fed.events);
  return fed;
}

inline std::vector<size_t> every_byte(size_t size) {
  std::vector<size_t> cuts;
  for (size_t i = 1; i < size; ++i) cuts.push_back(i);
  return cuts;
}

}  // namespace weir::http::record
