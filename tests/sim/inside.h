// A content for tests: it asks another location of the same server by a subrequest, with the method and the body that
// it was asked with, and answers what it is answered.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/content.h"
#include "proxy/core.h"
#include "proxy/exchange.h"
#include "proxy/subrequest.h"

namespace weir::sim {

// One request that is answered so.
class InsideRun final : public proxy::Content, private proxy::SubrequestOwner {
 public:
  using Take = proxy::Subrequest::Take;
  struct Options {
    std::string target;
    Take take = Take::kStream;
    size_t most = 100'000;
    int patience = -1;  // so many times it is told before it cancels; -1: to the end
  };
  InsideRun(proxy::Exchange& exchange, Options options) : x_(&exchange), options_(std::move(options)) {}
  bool is_over() const { return x_ == nullptr; }

  void begin() {
    x_->run(*this);
    resume();
  }
  void on_request_body(std::string_view piece) override { x_->request().body.append(piece); }
  void resume() override {
    if (sub_ != nullptr) pass_on();
    if (started_ || !x_->request().is_whole()) return;
    started_ = true;
    proxy::Request& request = x_->request();
    sub_ = proxy::Subrequest::start(*x_, *this,
                                    {.method = request.head.method_text,
                                     .target = options_.target,
                                     .body = request.body.empty() ? nullptr : &request.body,
                                     .take = options_.take,
                                     .most = options_.most});
    if (sub_ == nullptr) x_->answer(500);
  }
  bool wants_request_body() override { return true; }
  void resume_response(const Chain&) override { pass_on(); }  // what came meanwhile waits in the subrequest
  void abort(ErrorKind) override { sub_.reset(); }
  void end() override {
    sub_.reset();
    x_ = nullptr;
  }

 private:
  void on_subrequest(proxy::Subrequest&) override {
    if (options_.patience-- == 0) {
      break_off();
    } else {
      pass_on();
    }
  }
  void break_off() {
    sub_.reset();
    if (x_->responder().has_begun() || x_->is_response_held()) {
      x_->drop_held();
      x_->finish(ErrorKind::kResetMidResponse);
    } else {
      x_->answer(502);
    }
  }
  void pass_on() {
    if (!head_given_) {
      if (sub_->status() == 0 && !sub_->is_over()) return;
      if (sub_->status() == 0 || (sub_->is_over() && sub_->error() != ErrorKind::kNone)) {
        break_off();
        return;
      }
      head_given_ = true;
      head_.status = sub_->status();
      head_.fields = sub_->fields();
      head_.content_length = options_.take == Take::kHead ? 0 : sub_->length();
      const bool none = x_->request().head.method == http::Method::kHead || head_.status == 204 || head_.status == 304;
      head_.framing = none                        ? http::Framing::kNone
                      : head_.content_length >= 0 ? http::Framing::kLength
                                                  : http::Framing::kChunked;
      x_->begin_response(head_);
    }
    if (x_->is_response_held()) return;
    if (x_->is_replaced()) {
      sub_.reset();
      x_->take_back_response();
      x_->answer_replaced();
      return;
    }
    proxy::Responder& responder = x_->responder();
    http::OutResponse out;
    const bool begins = !responder.has_begun();
    if (begins) x_->compose_response_head(head_, out);
    const bool broken = sub_->is_over() && sub_->error() != ErrorKind::kNone;
    if (ended_ || (!begins && !broken && x_->response_room() == 0)) return;
    size_t bytes = 0;
    sub_->body().for_each_piece(proxy::Relay::kMost, [&](std::string_view piece) {
      responder.body.add(piece);
      bytes += piece.size();
    });
    ended_ = sub_->is_over() && !broken && bytes == sub_->body().size();
    x_->send_response(begins ? &out : nullptr, ended_);
    sub_->consume(bytes);
    if (responder.client_error != 0) {
      x_->client_gone(ErrorKind::kClientClosed);
    } else if (responder.failed) {
      x_->fail_response();
    } else if (broken) {
      x_->finish(ErrorKind::kResetMidResponse);
    } else if (responder.state == proxy::ResponseState::kEnded) {
      x_->finish(ErrorKind::kNone);
    }
  }

  proxy::Exchange* x_;  // null: it is over
  Options options_;
  std::unique_ptr<proxy::Subrequest> sub_;
  http::ResponseHead head_;
  bool started_ = false;
  bool head_given_ = false;
  bool ended_ = false;
};

// Asks by the way, and wants to know no more than that it has been answered.
class Aside final : private proxy::SubrequestOwner {
 public:
  void start(proxy::Exchange& parent, std::string_view target, bool outlives_parent) {
    sub_ = proxy::Subrequest::start(parent, *this, {.target = target, .outlives_parent = outlives_parent});
  }
  bool is_over() const { return sub_ == nullptr; }

 private:
  void on_subrequest(proxy::Subrequest& subrequest) override {
    if (subrequest.is_over()) sub_.reset();
  }
  std::unique_ptr<proxy::Subrequest> sub_;
};

// All that run: to be destroyed after the Core has closed everything, before its loop.
struct InsideRuns {
  std::vector<std::unique_ptr<InsideRun>> runs;
  std::vector<std::unique_ptr<Aside>> asides;
  void sweep() {
    std::erase_if(runs, [](const auto& run) { return run->is_over(); });
    std::erase_if(asides, [](const auto& aside) { return aside->is_over(); });
  }
};

class InsideHandler final : public proxy::ContentHandler {
 public:
  using Choose = std::function<InsideRun::Options(proxy::Exchange&)>;
  InsideHandler(InsideRuns& runs, Choose choose) : runs_(runs), choose_(std::move(choose)) {}
  bool takes_body() const override { return true; }
  void begin(proxy::Exchange& exchange) const override {
    InsideRun::Options options = choose_(exchange);
    runs_.runs.push_back(std::make_unique<InsideRun>(exchange, std::move(options)));
    runs_.runs.back()->begin();
  }

 private:
  InsideRuns& runs_;
  Choose choose_;
};

}  // namespace weir::sim
