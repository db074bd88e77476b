#include "acme/order.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "acme/encoding.h"
#include "acme/jws.h"
#include "io/tls_certificate.h"

namespace weir::acme {
namespace {

using Json = nlohmann::json;

constexpr int64_t kLongestPause = 30;  // seconds between two looks

Unexpected<Failure> failed(Failure::Kind kind, std::string text) {
  return Unexpected{Failure{kind, std::move(text)}};
}
Unexpected<Failure> stopped() {
  return failed(Failure::Kind::kStopped, "stopped");
}

// The first of the wished kinds that the server offers; null: none.
const Challenge* choose(const Authorization& authorization, const std::vector<ChallengeKind>& wished) {
  for (const ChallengeKind kind : wished)
    for (const Challenge& each : authorization.challenges)
      if (each.kind == kind) return &each;
  return nullptr;
}

std::string why_invalid(const Authorization& authorization) {
  for (const Challenge& each : authorization.challenges)
    if (!each.problem.text.empty())
      return std::string(to_string(each.kind)) + ": " + each.problem.text +
             (each.problem.type.empty() ? "" : " (" + each.problem.type + ")");
  return "the CA gives no reason";
}

}  // namespace

Attempt<std::string> Ordering::run(const OrderWish& wish) {
  auto order = begin(wish);
  if (!order) return Unexpected{order.error()};
  if (order->standing == Standing::kPending)
    for (const std::string& each : order->authorizations)
      if (auto authorized = authorize(each, wish); !authorized) {
        // The CA's no to a name is an order that never becomes ready: the next try begins another.
        if (authorized.error().kind == Failure::Kind::kRefused) note_("");
        return Unexpected{authorized.error()};
      }
  order = wait_for(
      std::move(*order), [](const Order& of) { return of.standing != Standing::kPending; }, "ready");
  if (!order) return Unexpected{order.error()};
  if (order->standing == Standing::kReady) {
    const auto request = key_.request(wish.names);
    if (!request) return failed(Failure::Kind::kLocal, request.error());
    const auto answer = client_.post(order->finalize, Json{{"csr", base64url(*request)}}.dump());
    if (!answer) {
      if (answer.error().kind == Failure::Kind::kRefused) note_("");
      return Unexpected{answer.error()};
    }
    auto finalized = read_order(answer->body);
    if (!finalized) return failed(Failure::Kind::kNonsense, finalized.error());
    order = std::move(*finalized);
  }
  order = wait_for(
      std::move(*order),
      [](const Order& of) { return of.standing != Standing::kProcessing && of.standing != Standing::kReady; },
      "issued");
  if (!order) return Unexpected{order.error()};
  if (order->standing != Standing::kValid) {
    note_("");
    return Unexpected{refused(*order)};
  }
  auto certificate = fetch_certificate(*order, wish);
  const bool is_useless = !certificate && certificate.error().kind == Failure::Kind::kNonsense;
  if (certificate || is_useless) note_("");
  return certificate;
}

// One that was begun before goes on where it can; else a new one.
Attempt<Order> Ordering::begin(const OrderWish& wish) {
  int64_t ignored = 0;
  if (!wish.resume.empty()) {
    auto order = look(wish.resume, ignored);
    if (order && order->standing != Standing::kInvalid) {
      url_ = wish.resume;
      return order;
    }
    if (!order && order.error().kind != Failure::Kind::kRefused && order.error().kind != Failure::Kind::kNonsense)
      return order;
    note_("");
  }
  Json names = Json::array();
  for (const std::string& each : wish.names) names.push_back({{"type", "dns"}, {"value", each}});
  const auto answer = client_.post(client_.directory().new_order, Json{{"identifiers", std::move(names)}}.dump());
  if (!answer) return Unexpected{answer.error()};
  auto order = read_order(answer->body);
  if (!order) return failed(Failure::Kind::kNonsense, order.error());
  url_ = answer->field("location");
  if (url_.empty()) return failed(Failure::Kind::kNonsense, "an order without a URL");
  if (order->standing == Standing::kInvalid) return Unexpected{refused(*order)};
  note_(url_);
  return std::move(*order);
}

Attempt<Order> Ordering::look(const std::string& url, int64_t& retry_after) {
  const auto answer = client_.post(url, "");
  if (!answer) return Unexpected{answer.error()};
  retry_after = read_retry_after(answer->field("retry-after"), client_.clock().now()).value_or(0);
  auto order = read_order(answer->body);
  if (!order) return failed(Failure::Kind::kNonsense, order.error());
  return std::move(*order);
}

Attempt<Void> Ordering::pause(int64_t& waited, int64_t retry_after, const char* what) {
  // 1, 2, 3 ... seconds, or as long as the server says.
  const int64_t wanted = retry_after > 0 ? retry_after : std::min<int64_t>(1 + waited / 4, kLongestPause);
  if (waited + wanted > kPatience)
    return Unexpected{Failure{
        Failure::Kind::kUnreachable,
        std::string("the order is not ") + what + " after " + std::to_string(waited) + " s, it is gone on with later",
        retry_after}};
  waited += wanted;
  if (!client_.clock().wait(wanted * 1000)) return stopped();
  return Void{};
}

Attempt<Order> Ordering::wait_for(Order order, bool (*settled)(const Order&), const char* what) {
  int64_t waited = 0;
  int64_t retry_after = 0;
  while (!settled(order)) {
    if (auto paused = pause(waited, retry_after, what); !paused) return Unexpected{paused.error()};
    auto next = look(url_, retry_after);
    if (!next) return next;
    order = std::move(*next);
  }
  if (order.standing == Standing::kInvalid) {
    note_("");
    return Unexpected{refused(order)};
  }
  return order;
}

Failure Ordering::refused(const Order& order) const {
  Failure failure{Failure::Kind::kRefused, "the order is invalid"};
  if (order.problem.text.empty()) return failure;
  failure.text = order.problem.text + " (" + order.problem.type + ")";
  failure.type = order.problem.type;
  return failure;
}

Attempt<Void> Ordering::authorize(const std::string& url, const OrderWish& wish) {
  const auto answer = client_.post(url, "");
  if (!answer) return Unexpected{answer.error()};
  const auto authorization = read_authorization(answer->body);
  if (!authorization) return failed(Failure::Kind::kNonsense, authorization.error());
  if (authorization->standing == Standing::kValid) return Void{};
  if (authorization->standing == Standing::kInvalid)
    return failed(Failure::Kind::kRefused, authorization->name + ": " + why_invalid(*authorization));
  const Challenge* challenge = choose(*authorization, wish.challenges);
  if (challenge == nullptr)
    return failed(Failure::Kind::kRefused,
                  authorization->name +
                      ": the CA offers no challenge that weir can answer here (http-01 needs a plain "
                      "listener, tls-alpn-01 one with TLS)");
  return prove(url, *authorization, *challenge);
}

Attempt<Void> Ordering::prove(const std::string& url, const Authorization& authorization, const Challenge& challenge) {
  const Proof proof{challenge.kind, authorization.name, challenge.token,
                    key_authorization(client_.key(), challenge.token)};
  if (!board_.publish(proof)) {
    board_.withdraw(proof);
    if (!client_.clock().wait(0)) return stopped();
    return failed(Failure::Kind::kLocal,
                  authorization.name + ": the challenge cannot be written to the state directory");
  }
  Attempt<Void> done = Void{};
  // One that is processed already, by an order that is gone on with, is not asked for twice.
  if (challenge.standing == Standing::kPending) {
    const auto answer = client_.post(challenge.url, "{}");
    if (!answer) done = Unexpected{answer.error()};
  }
  if (done) done = wait_for_verdict(url);
  board_.withdraw(proof);
  return done;
}

Attempt<Void> Ordering::wait_for_verdict(const std::string& url) {
  int64_t waited = 0;
  for (;;) {
    const auto answer = client_.post(url, "");
    if (!answer) return Unexpected{answer.error()};
    const auto authorization = read_authorization(answer->body);
    if (!authorization) return failed(Failure::Kind::kNonsense, authorization.error());
    if (authorization->standing == Standing::kValid) return Void{};
    if (authorization->standing == Standing::kInvalid)
      return failed(Failure::Kind::kRefused, authorization->name + ": " + why_invalid(*authorization));
    const int64_t retry_after = read_retry_after(answer->field("retry-after"), client_.clock().now()).value_or(0);
    if (auto paused = pause(waited, retry_after, "authorized"); !paused) return paused;
  }
}

Attempt<std::string> Ordering::fetch_certificate(const Order& order, const OrderWish& wish) {
  if (order.certificate.empty()) return failed(Failure::Kind::kNonsense, "a valid order without a certificate");
  auto answer = client_.post(order.certificate, "", "application/pem-certificate-chain");
  if (!answer) return Unexpected{answer.error()};
  const auto facts = io::certificate_facts_of_pem(answer->body);
  if (!facts) return failed(Failure::Kind::kNonsense, "the certificate cannot be read: " + facts.error());
  if (!key_.belongs_to(answer->body)) return failed(Failure::Kind::kNonsense, "the certificate is of another key");
  for (const std::string& each : wish.names)
    if (!io::certificate_covers(*facts, each))
      return failed(Failure::Kind::kNonsense, "the certificate is not for \"" + each + "\"");
  if (facts->not_after <= client_.clock().now())
    return failed(Failure::Kind::kNonsense, "the certificate has expired already");
  return std::move(answer->body);
}

}  // namespace weir::acme
