#include "admin/content.h"

#include <utility>

#include "proxy/exchange.h"
#include "proxy/text_answer.h"

namespace weir::admin {

using proxy::ResponseState;

void AdminContents::begin(proxy::Exchange& exchange) {
  auto content = std::make_unique<AdminContent>(*this, exchange);
  running_.push_back(*content);
  AdminContent& running = *content.release();  // owned by running_ until ended()
  exchange.run(running);
  running.ask();
}

void AdminContents::ended(AdminContent& content) {
  content.unlink();
  loop_.bury(std::unique_ptr<AdminContent>(&content));
}

void AdminContent::ask() {
  proxy::Request& asked = exchange_.request();
  AdminRequest request;
  request.method = std::string(asked.head.method_text);
  request.path = std::string(asked.head.path);
  if (const http::Field* type = asked.head.fields.find(http::HeaderToken::kContentType))
    request.content_type = std::string(type->value);
  asked.body.copy_to(request.body);
  if (const auto& details = exchange_.downstream().connection().details) request.who = details->peer_process;
  owner_.api_.handle(request, [self = self_](AdminReply reply) {
    if (*self != nullptr) (*self)->answer(std::move(reply));
  });
}

void AdminContent::answer(AdminReply reply) {
  reply_ = std::move(reply);
  const bool bodiless = exchange_.request().head.method == http::Method::kHead;
  head_.status = reply_.status;
  head_.framing = bodiless ? http::Framing::kNone : http::Framing::kLength;
  head_.content_length = static_cast<int64_t>(reply_.body.size());
  head_.fields.add("Content-Type", reply_.type, http::HeaderToken::kContentType);
  if (!reply_.allow.empty()) head_.fields.add("Allow", reply_.allow, http::HeaderToken::kOther);
  if (!bodiless) left_ = reply_.body;
  exchange_.begin_response(head_);
  if (!exchange_.is_response_held()) send();
}

void AdminContent::resume() {
  if (exchange_.responder().has_begun() && !left_.empty() && exchange_.response_room() > 0) send();
}

void AdminContent::resume_response(const Chain&) {
  send();
}

void AdminContent::send() {
  proxy::send_text(exchange_, head_, left_, true);
}

void AdminContent::end() {
  *self_ = nullptr;
  owner_.ended(*this);
}

namespace {

class AdminHandler final : public proxy::ContentHandler {
 public:
  explicit AdminHandler(AdminContents& contents) : contents_(contents) {}
  bool takes_body() const override { return true; }
  void begin(proxy::Exchange& exchange) const override { contents_.begin(exchange); }

 private:
  AdminContents& contents_;
};

}  // namespace

std::shared_ptr<const proxy::ContentHandler> make_admin_handler(AdminContents& contents) {
  return std::make_shared<AdminHandler>(contents);
}

}  // namespace weir::admin
