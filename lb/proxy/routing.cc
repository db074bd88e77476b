// The phases of a request up to its content, in order. Codec events run those that only decide; turn() goes on.
#include "base/log.h"
#include "filter/real_ip.h"
#include "http/local_page.h"
#include "proxy/cache_content.h"
#include "proxy/challenges.h"
#include "proxy/core.h"
#include "proxy/exchange.h"
#include "proxy/request_trace.h"
#include "route/location_table.h"

namespace weir::proxy {
namespace {

constexpr int kMostRedirects = 10;  // as nginx's NGX_HTTP_MAX_URI_CHANGES

}  // namespace

void Exchange::run_phases() {
  if (suspended_ == Suspended::kFiles) return;
  int refused = 0;
  for (;;) {
    switch (phase_) {
      case Phase::kServer: {
        refused = choose_server();
        if (downstream_->connection().details != nullptr) {
          const int by_tls = tls_refusal();
          tls_refused_ = by_tls != 0 && by_tls != 421;
          if (by_tls != 0) refused = by_tls;
        }
        const bool all = request_.head.form == http::TargetForm::kAsterisk;  // OPTIONS *
        if (!take_path(all ? std::string_view("/") : request_.head.path)) {
          pending_answer_ = 400;
          phase_ = Phase::kAccess;
          return;
        }
        if (server_->challenge != nullptr && refused == 0 && answers_challenge()) return;
        [[fallthrough]];
      }
      case Phase::kServerRewrite:
        if (refused == 0 && !server_->rewrite.empty()) {
          phase_ = Phase::kServerRewrite;
          const Rewritten ended = run_steps(server_->rewrite);
          if (ended == Rewritten::kWaits) return;
          if (ended == Rewritten::kDecided) {
            location_ = &server_->fallback;
            phase_ = Phase::kAccess;
            return;
          }
        }
        [[fallthrough]];
      case Phase::kLocation:
        find_location();
        if (refused != 0) pending_answer_ = refused;
        if (pending_answer_ != 0 || is_decided_) {
          phase_ = Phase::kAccess;
          return;
        }
        [[fallthrough]];
      case Phase::kRewrite:
        if (!location_->rewrite.empty() || file_answered_) {
          phase_ = Phase::kRewrite;
          const Rewritten ended = rewrite_location();
          if (ended == Rewritten::kWaits) return;
          if (ended == Rewritten::kFindLocation) {
            phase_ = Phase::kLocation;
            break;
          }
        }
        phase_ = Phase::kAccess;
        return;  // the rest is turn()'s
      case Phase::kAccess:
        if (suspended_ != Suspended::kNothing || !filter_request()) return;
        phase_ = Phase::kTryFiles;
        break;
      case Phase::kTryFiles:
        if (location_->files.tries != nullptr && !is_decided_ && pending_answer_ == 0 && !try_files()) return;
        phase_ = Phase::kReceive;
        if (!location_->filters.empty()) begin_request_run();
        if (pending_answer_ != 0) {  // a filter of the body has failed, or a regex
          phase_ = Phase::kRunning;
          answer(std::exchange(pending_answer_, 0));
          return;
        }
        break;
      case Phase::kReceive:
        if (!receive()) return;
        phase_ = Phase::kContent;
        break;
      case Phase::kContent:
        phase_ = Phase::kRunning;
        run_content();
        return;
      case Phase::kRunning: return;
    }
  }
}

// A CA that asks for the proof of an order is answered before anything that the server says.
bool Exchange::answers_challenge() {
  if (!listen_->challenges->has_http(uri_)) return false;
  location_ = server_->challenge.get();
  phase_ = Phase::kAccess;
  return true;
}

int Exchange::choose_server() {
  const int refused = listen_->hosts.empty() ? 0 : choose_server_by_name();  // no Host is a host too: server_name ""
  server_name_ = server_->name;
  location_ = &server_->fallback;
  find_client_address();
  return refused;
}

int Exchange::choose_server_by_name() {
  RegexMatch captures;
  const Regex* regex = nullptr;
  const int index = listen_->hosts.find(request_.head.host, &captures, &regex);
  if (index >= 0) {
    if (regex != nullptr) capture(*regex, captures);
    server_ = listen_->servers[static_cast<size_t>(index)];
  } else if (regex != nullptr) {
    note_failed(*regex);
    return 500;
  }
  return 0;
}

void Exchange::find_client_address() {
  const filter::RealIpOptions& real = location_->real_ip;
  if (real.trusted.empty()) return;
  const http::ProxyHeader* header = downstream_->connection().announced();
  client_ = filter::real_ip(real, downstream_->connection().remote, request_.head,
                            header != nullptr ? &header->source : nullptr);
}

bool Exchange::take_path(std::string_view raw_path) {
  uri_ = route::normalise_path(raw_path, arena_);
  return !uri_.empty();
}

void Exchange::find_location() {
  RegexMatch captures;
  match_ = server_->table.find(uri_, &captures);
  if (match_.regex != nullptr) match_.index >= 0 ? capture(*match_.regex, captures) : note_failed(*match_.regex);
  enter_location(match_.index >= 0 ? *server_->locations[static_cast<size_t>(match_.index)] : server_->fallback);
  if (RequestTrace* trace = core_.options().trace) trace->on_location(*location_, uri_, *this);
  if (has_trace_) reconsider_trace();
  if (location_->tracing.on) decide_tracing();
  // The location may trust others than its server.
  if (!location_->real_ip.trusted.empty() && client_ == downstream_->connection().remote) find_client_address();
  if (location_->internal && !internal_) pending_answer_ = 404;
  limit_length();
  if (match_.add_slash && !error_page_) {  // the path that leads there, with a slash: before anything that it says
    const http::RequestHead& head = request_.head;
    is_decided_ = true;
    decision_ = {
        .redirect_status = 301,
        .redirect_to = arena_.concat({route::escape_path(uri_, arena_), "/", head.has_query ? "?" : "", head.query})};
  }
}

void Exchange::enter_location(const Location& location) {
  location_ = &location;
  if (location.limit_except != nullptr && !location.limit_except->lets(request_.head.method_text))
    location_ = location.limit_except->settings.get();
}

Exchange::Rewritten Exchange::rewrite_location() {
  const Rewritten ended = run_steps(location_->rewrite);
  if (ended != Rewritten::kFindLocation || ++redirects_ <= kMostRedirects) return ended;
  refuse_redirect();
  redirects_ = error_page_ ? kMostRedirects : kMostRedirects - 1;  // one error_page may still be found
  pending_answer_ = 500;
  return Rewritten::kDecided;
}

void Exchange::limit_length() {
  const int64_t most = location_->max_body_bytes;
  int64_t length = 0;  // an internal redirect has none, whatever has come
  if (request_.head.framing == http::Framing::kLength) length = request_.head.content_length;
  if (request_.head.framing == http::Framing::kChunked)  // that came while a file was looked for
    length = static_cast<int64_t>(request_.body_bytes);
  if (most == 0 || length <= most) return;
  request_.held = false;  // what comes of it is thrown away
  pending_answer_ = 413;
}

// A body of up to the buffer's size is held whole before a peer is chosen; of a larger one the head start is enough.
bool Exchange::receive() {
  const http::RequestHead& head = request_.head;
  if (request_.is_whole() || (request_.state != RequestState::kReceiving && !request_run_.is_on())) return true;
  if (head.expect_continue) {
    if (is_decided_ || !location_->content->takes_body()) return true;
    if (!request_.continue_sent && request_.body.empty() && !send_continue()) return false;
  }
  const bool copies_body = location_->mirror.body && !location_->mirror.targets.empty();
  if (location_->stream_requests && !copies_body && location_->content->takes_body()) return true;
  return head.framing == http::Framing::kLength
             ? head.content_length > static_cast<int64_t>(location_->body_buffer_bytes)
             : request_.body.size() > location_->body_buffer_bytes;
}

// False: the client is gone, and so is the exchange.
bool Exchange::send_continue() {
  request_.continue_sent = true;
  http::OutResponse interim;
  interim.status = 100;
  if (downstream_->send({.head = &interim}).error >= 0) return true;
  client_gone(ErrorKind::kClientClosed);
  return false;
}

void Exchange::run_content() {
  if (is_decided_) {
    decision_.returns != nullptr ? answer_return(*decision_.returns)
                                 : send_redirect(decision_.redirect_status, decision_.redirect_to);
    return;
  }
  if (!location_->mirror.targets.empty() && !location_->returns && nested_ == 0)
    core_.mirrors().start(*this, location_->mirror);
  location_->content->begin(*this);
}

void Exchange::run_proxy() {
  run(proxy_);
  proxy_.begin();
}

void Exchange::run_cached() {
  if (cache_ == nullptr) cache_ = std::make_unique<CacheContent>(core_, *this);
  cache_->begin();
}

void Exchange::serve_stored() {
  if (alone_) {
    finish(ErrorKind::kClientClosed);
    return;
  }
  proxy_.end();
  run(*cache_);
  cache_->serve_stale();
}

void Exchange::refuse_redirect() {
  LogLimit& limit = server_->log->redirects;
  if (limit.pass(core_.loop().now()))
    log::error("request ", uri_, ": internal redirect refused (more than ", kMostRedirects, " of them; connection ",
               downstream_->connection().number, ")", limit.dropped());
}

void Exchange::redirect_internally(Phase from) {
  if (content_ != nullptr) std::exchange(content_, nullptr)->end();
  if (cache_ != nullptr) cache_->release();
  if (request_.state == RequestState::kComplete) request_.body_ended = true;  // what a filter held of it goes
  end_filters();
  // Whoever held the request is no more: nobody would resume it.
  if (suspended_ == Suspended::kRequest) suspended_ = Suspended::kNothing;
  filter_at_ = 0;  // of the new location
  replaced_ = is_decided_ = path_replaced_ = false;
  internal_ = true;
  request_.held = true;
  path_behind_alias_ = false;
  if (++redirects_ > kMostRedirects) {
    refuse_redirect();
    phase_ = Phase::kRunning;
    error_status_ = 0;
    send_local(500, http::kLocalPageType, http::local_page(500, location_->server_tokens, arena_));
    return;
  }
  phase_ = from;
  run_phases();  // as far as the codec's events would
  turn();
}

}  // namespace weir::proxy
