#include "acme/answers.h"

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "base/bytes.h"

namespace weir::acme {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kProblemPrefix = "urn:ietf:params:acme:error:";
constexpr size_t kMostText = 500;
constexpr size_t kMostUrl = 2048;
constexpr size_t kMostToken = 128;
constexpr size_t kMostListed = 100;
constexpr int64_t kWeek = 7 * 86'400;

// One JSON object; what is missing or has another type is as if it were not there.
class Fields {
 public:
  explicit Fields(const Json& json) : json_(json) {}
  const Json* find(const char* name) const {
    if (!json_.is_object()) return nullptr;
    const auto found = json_.find(name);
    return found == json_.end() ? nullptr : &*found;
  }
  std::string text(const char* name) const {
    const Json* field = find(name);
    return field != nullptr && field->is_string() ? *field->get_ptr<const std::string*>() : std::string();
  }
  bool truth(const char* name) const {
    const Json* field = find(name);
    return field != nullptr && field->is_boolean() && *field->get_ptr<const bool*>();
  }
  template <class Visit>
  void each(const char* name, Visit visit) const {
    const Json* list = find(name);
    if (list == nullptr || !list->is_array()) return;
    for (size_t i = 0; i < list->size() && i < kMostListed; ++i) visit((*list)[i]);
  }

 private:
  const Json& json_;
};

// Answers come from others: what goes to the log is one line.
std::string printable(std::string text) {
  if (text.size() > kMostText) text.resize(kMostText);
  for (char& c : text)
    if (static_cast<unsigned char>(c) < ' ' || static_cast<unsigned char>(c) >= 0x7f) c = '?';
  return text;
}

bool is_url(const std::string& text) {
  if (text.size() > kMostUrl || (!text.starts_with("https://") && !text.starts_with("http://"))) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

std::optional<Standing> read_standing(const std::string& word) {
  static constexpr std::pair<std::string_view, Standing> kWords[] = {
      {"pending", Standing::kPending}, {"ready", Standing::kReady},     {"processing", Standing::kProcessing},
      {"valid", Standing::kValid},     {"invalid", Standing::kInvalid}, {"deactivated", Standing::kInvalid},
      {"expired", Standing::kInvalid}, {"revoked", Standing::kInvalid}};
  for (const auto& [name, standing] : kWords)
    if (word == name) return standing;
  return std::nullopt;
}

Problem problem_of(const Json& json) {
  const Fields fields(json);
  Problem problem;
  problem.type = printable(fields.text("type"));
  if (problem.type.starts_with(kProblemPrefix)) problem.type.erase(0, kProblemPrefix.size());
  std::string text = fields.text("detail");
  fields.each("subproblems", [&text](const Json& each) {
    const Fields sub(each);
    const Json* identifier = sub.find("identifier");
    const std::string name = identifier != nullptr ? Fields(*identifier).text("value") : std::string();
    text += "; " + name + (name.empty() ? "" : ": ") + sub.text("detail");
  });
  problem.text = printable(std::move(text));
  if (problem.text.empty()) problem.text = problem.type;
  return problem;
}

Problem error_of(const Fields& fields) {
  const Json* error = fields.find("error");
  return error != nullptr && error->is_object() ? problem_of(*error) : Problem{};
}

Unexpected<std::string> nonsense(const char* what) {
  return Unexpected{std::string("the ACME server's answer has ") + what};
}

}  // namespace

bool is_token(std::string_view text) {
  return !text.empty() && text.size() <= kMostToken && std::all_of(text.begin(), text.end(), [](char c) {
    return is_alpha(c) || is_digit(c) || c == '-' || c == '_';
  });
}

Result<Directory> read_directory(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  const Fields fields(json);
  Directory directory{fields.text("newNonce"), fields.text("newAccount"), fields.text("newOrder"), {}, false};
  for (const std::string& each : {directory.new_nonce, directory.new_account, directory.new_order})
    if (!is_url(each)) return nonsense("no directory in it");
  if (const Json* meta = fields.find("meta")) {
    directory.terms = Fields(*meta).text("termsOfService");
    if (!is_url(directory.terms)) directory.terms.clear();
    directory.external_account_required = Fields(*meta).truth("externalAccountRequired");
  }
  return directory;
}

Result<Authorization> read_authorization(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  const Fields fields(json);
  const auto standing = read_standing(fields.text("status"));
  const Json* identifier = fields.find("identifier");
  if (!standing || identifier == nullptr) return nonsense("no authorization in it");
  Authorization authorization;
  authorization.standing = *standing;
  authorization.name = lowered(Fields(*identifier).text("value"));
  fields.each("challenges", [&authorization](const Json& each) {
    const Fields of(each);
    const auto state = read_standing(of.text("status"));
    Challenge challenge;
    challenge.url = of.text("url");
    challenge.token = of.text("token");
    const std::string type = of.text("type");
    const bool known = type == to_string(ChallengeKind::kHttp) || type == to_string(ChallengeKind::kTlsAlpn);
    if (!known || !state || !is_url(challenge.url) || !is_token(challenge.token)) return;
    challenge.kind = type == to_string(ChallengeKind::kHttp) ? ChallengeKind::kHttp : ChallengeKind::kTlsAlpn;
    challenge.standing = *state;
    challenge.problem = error_of(of);
    authorization.challenges.push_back(std::move(challenge));
  });
  return authorization;
}

Result<Order> read_order(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  const Fields fields(json);
  const auto standing = read_standing(fields.text("status"));
  Order order;
  order.finalize = fields.text("finalize");
  if (!standing || !is_url(order.finalize)) return nonsense("no order in it");
  order.standing = *standing;
  order.certificate = fields.text("certificate");
  if (!is_url(order.certificate)) order.certificate.clear();
  order.problem = error_of(fields);
  fields.each("authorizations", [&order](const Json& each) {
    if (each.is_string() && is_url(*each.get_ptr<const std::string*>()))
      order.authorizations.push_back(*each.get_ptr<const std::string*>());
  });
  return order;
}

std::optional<Problem> read_problem(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || (!json.contains("type") && !json.contains("detail"))) return std::nullopt;
  return problem_of(json);
}

std::optional<int64_t> read_retry_after(std::string_view field, int64_t now) {
  if (field.empty()) return std::nullopt;
  if (const auto seconds = parse_decimal(field)) return std::min(*seconds, kWeek);
  if (is_digit(field.front())) return kWeek;  // a number without end
  tm parts{};
  const std::string date(field);
  const char* end = ::strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr) return std::nullopt;
  return std::clamp<int64_t>(static_cast<int64_t>(::timegm(&parts)) - now, 0, kWeek);
}

}  // namespace weir::acme
