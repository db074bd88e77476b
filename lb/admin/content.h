// The content of the admin listener: a request is one call of the API, and its answer goes out as the client takes it.
#pragma once
#include <memory>
#include <string_view>

#include "admin/api.h"
#include "base/intrusive_list.h"
#include "http/head.h"
#include "io/loop.h"
#include "proxy/content.h"

namespace weir::admin {

class AdminContent;

// Control thread only. Owns the answers that are under way; goes after the Core that runs them.
class AdminContents {
 public:
  AdminContents(io::Loop& loop, AdminApi& api) : loop_(loop), api_(api) {}
  // The exchange's request is whole. May end the exchange.
  void begin(proxy::Exchange& exchange);

 private:
  friend class AdminContent;
  void ended(AdminContent& content);

  io::Loop& loop_;
  AdminApi& api_;
  IntrusiveList<AdminContent> running_;  // owned: made by begin(), buried by ended()
};

class AdminContent final : public proxy::Content, public io::Buriable, public ListNode {
 public:
  AdminContent(AdminContents& owner, proxy::Exchange& exchange) : owner_(owner), exchange_(exchange) {}
  // May end the exchange.
  void ask();

  // proxy::Content
  void on_request_body(std::string_view) override {}
  void resume() override;
  bool wants_request_body() override { return false; }
  void resume_response(const Chain& held) override;
  void abort(ErrorKind) override {}  // what was asked for is done all the same
  void end() override;

 private:
  void answer(AdminReply reply);
  void send();

  AdminContents& owner_;
  proxy::Exchange& exchange_;
  AdminReply reply_;
  http::ResponseHead head_;
  std::string_view left_;  // of the reply's body
  // The API may answer much later, and looks whether somebody still waits.
  std::shared_ptr<AdminContent*> self_ = std::make_shared<AdminContent*>(this);
};

// Outlived by `contents`.
std::shared_ptr<const proxy::ContentHandler> make_admin_handler(AdminContents& contents);

}  // namespace weir::admin
