#include "admin/site.h"

#include <utility>

#include "admin/json.h"
#include "filter/filter.h"
#include "http/local_page.h"
#include "http/status.h"

namespace weir::admin {
namespace {

constexpr int64_t kMostBody = 64 * 1024;

// Who asks: changes are logged and kept with it.
class PeerProcess final : public proxy::ArrivalStep {
 public:
  bool waits_for_bytes() const override { return false; }
  std::unique_ptr<Progress> begin() const override { return std::make_unique<Look>(); }

 private:
  struct Look final : Progress {
    Verdict on_bytes(proxy::Arriving& connection) override {
      connection.details.peer_process = connection.transport->peer_process();
      return Verdict::kDone;
    }
    std::string_view why() const override { return {}; }
  };
};

// A page of weir's own (a malformed request, a body too large) becomes what the API's clients read.
class JsonPages final : public filter::Filter {
  filter::Verdict on_response(filter::Context& context, http::ResponseHead& head) const override {
    const http::Field* type = head.fields.find(http::HeaderToken::kContentType);
    if (type == nullptr || type->value != http::kLocalPageType) return filter::Verdict::kContinue;
    context.status = head.status;
    context.type = "application/json";
    context.body = context.arena.copy(error_json(http::reason_phrase(head.status)));
    return filter::Verdict::kAnswer;
  }
};

// A client is a program of this machine: it is quick, or it is gone.
void fill(proxy::VirtualServer& server, std::shared_ptr<const proxy::ContentHandler> content) {
  server.settings.limits = {8 * 1024, 4 * 1024, 50};
  proxy::Location& all = server.fallback;
  all.content = std::move(content);
  all.max_body_bytes = kMostBody;
  all.body_buffer_bytes = kMostBody;  // the API gets it whole
  all.body_timeout = Millis(10'000);
  all.body_min_rate = kMostBody / 8;  // and within 20 s
  all.keepalive_timeout = Millis(60'000);
  all.client_send_timeout = Millis(30'000);
  all.ignore_client_abort = true;  // a client may send FIN behind its request
  all.add_headers.push_back(
      {"Cache-Control", http::HeaderToken::kCacheControl, route::Template::literal("no-store"), true});
  add_filter(all, std::make_shared<JsonPages>());
  server.table.freeze();
}

}  // namespace

const SocketAddress& admin_listen_address() {
  static const SocketAddress address = SocketAddress::from_unix("admin");
  return address;
}

std::shared_ptr<const proxy::Site> make_admin_site(std::shared_ptr<const proxy::ContentHandler> content) {
  auto site = std::make_shared<proxy::Site>();
  const auto& server = site->servers.emplace_back(std::make_unique<proxy::VirtualServer>());
  fill(*server, std::move(content));
  const auto& listen = site->listens.emplace_back(std::make_unique<proxy::ListenSite>());
  listen->address = admin_listen_address();
  listen->servers.push_back(server.get());
  listen->default_server = server.get();
  listen->arrival.push_back(std::make_unique<PeerProcess>());
  return site;
}

}  // namespace weir::admin
