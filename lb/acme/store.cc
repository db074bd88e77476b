#include "acme/store.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <utility>

#include "acme/files.h"
#include "base/system.h"

namespace weir::acme {
namespace {

using Json = nlohmann::json;

constexpr const char* kCertificates = "certificates";
constexpr const char* kPending = "pending";
constexpr const char* kTries = "tries";
constexpr const char* kChallenges = "challenges";

std::string text_of(const Json& json, const char* name) {
  if (!json.is_object()) return {};
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? *found->get_ptr<const std::string*>() : std::string();
}
int64_t number_of(const Json& json, const char* name) {
  if (!json.is_object()) return 0;
  const auto found = json.find(name);
  return found != json.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
}
std::string dumped(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string proof_name(const Proof& proof) {
  return proof.token + "." + to_string(proof.kind);
}

}  // namespace

std::string memory_to_json(const Memory& memory) {
  return dumped({{"failures", memory.tries.failures},
                 {"next_try", memory.tries.next_try},
                 {"order", memory.order},
                 {"error", memory.error}});
}

Memory memory_from_json(const std::string& text) {
  constexpr int64_t kMostFailures = 1000;
  const Json json = Json::parse(text, nullptr, false);
  Memory memory;
  memory.tries.failures = static_cast<int>(std::clamp<int64_t>(number_of(json, "failures"), 0, kMostFailures));
  memory.tries.next_try = number_of(json, "next_try");
  memory.order = text_of(json, "order");
  memory.error = text_of(json, "error");
  return memory;
}

std::string proof_to_json(const Proof& proof) {
  return dumped({{"kind", to_string(proof.kind)},
                 {"name", proof.name},
                 {"token", proof.token},
                 {"key_authorization", proof.key_authorization}});
}

std::optional<Proof> proof_from_json(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  const std::string kind = text_of(json, "kind");
  Proof proof{ChallengeKind::kHttp, text_of(json, "name"), text_of(json, "token"), text_of(json, "key_authorization")};
  if (kind == to_string(ChallengeKind::kTlsAlpn)) proof.kind = ChallengeKind::kTlsAlpn;
  if (kind != to_string(proof.kind) || !is_token(proof.token) ||
      !proof.key_authorization.starts_with(proof.token + "."))
    return std::nullopt;
  return proof;
}

Status<> Store::prepare() const {
  for (const char* folder : {kCertificates, kPending, kTries, kChallenges})
    if (Status<> made = make_directories(directory_ + "/" + folder); !made) return made;
  if (::access(directory_.c_str(), R_OK | W_OK | X_OK) != 0)
    return Unexpected{call_failed("access() \"" + directory_ + "\"", errno)};
  return Void{};
}

Result<io::SigningKey> Store::account_key() const {
  const std::string file = directory_ + "/account.key";
  if (::access(file.c_str(), F_OK) == 0) {
    const auto text = read_file(file);
    if (!text) return Unexpected{text.error()};
    auto key = io::SigningKey::from_pem(*text);
    if (!key) return Unexpected{"account key \"" + file + "\": " + key.error()};
    return key;
  }
  auto key = io::SigningKey::make();
  if (!key) return key;
  if (const Status<> saved = replace_file(file, key->pem()); !saved) return Unexpected{saved.error()};
  return key;
}

std::string Store::account() const {
  const auto text = read_file(directory_ + "/account.json");
  return text ? text_of(Json::parse(*text, nullptr, false), "url") : std::string();
}

Status<> Store::save_account(const std::string& url) const {
  return replace_file(directory_ + "/account.json", dumped({{"url", url}}));
}

Result<io::SigningKey> Store::pending_key(const std::string& stem) const {
  const std::string file = path(kPending, stem + ".key");
  if (const auto text = read_file(file)) {
    auto known = io::SigningKey::from_pem(*text);
    if (known) return known;
  }
  auto key = io::SigningKey::make();
  if (!key) return key;
  if (const Status<> saved = replace_file(file, key->pem()); !saved) return Unexpected{saved.error()};
  return key;
}

Memory Store::memory(const std::string& stem) const {
  const auto text = read_file(path(kTries, stem + ".json"));
  return text ? memory_from_json(*text) : Memory{};
}

Status<> Store::remember(const std::string& stem, const Memory& memory) const {
  const std::string file = path(kTries, stem + ".json");
  if (!(memory == Memory{})) return replace_file(file, memory_to_json(memory));
  if (::unlink(file.c_str()) != 0 && errno != ENOENT)
    return Unexpected{call_failed("unlink() \"" + file + "\"", errno)};
  return Void{};
}

std::optional<io::CertificateFacts> Store::installed(const std::string& stem) const {
  const std::string file = path(kCertificates, stem + ".pem");
  const auto text = read_file(file);
  if (!text) return std::nullopt;
  const auto key = io::SigningKey::from_pem(*text);
  if (!key || !key->belongs_to(*text)) return std::nullopt;
  auto facts = io::certificate_facts_of_pem(*text, file);
  if (!facts) return std::nullopt;
  return std::move(*facts);
}

Status<> Store::install(const std::string& stem, const std::string& chain, const io::SigningKey& key) const {
  Status<> done =
      replace_file(path(kCertificates, stem + ".pem"), chain + (chain.ends_with('\n') ? "" : "\n") + key.pem());
  if (done) ::unlink(path(kPending, stem + ".key").c_str());
  return done;
}

Status<> Store::publish(const Proof& proof) const {
  return replace_file(path(kChallenges, proof_name(proof)), proof_to_json(proof));
}

void Store::withdraw(const Proof& proof) const {
  ::unlink(path(kChallenges, proof_name(proof)).c_str());
}

std::vector<Proof> Store::proofs() const {
  std::vector<Proof> all;
  for (const std::string& name : list_directory(directory_ + "/" + kChallenges)) {
    const auto text = read_file(path(kChallenges, name));
    if (!text) continue;
    if (auto proof = proof_from_json(*text)) all.push_back(std::move(*proof));
  }
  return all;
}

void Store::withdraw_all() const {
  for (const std::string& name : list_directory(directory_ + "/" + kChallenges))
    ::unlink(path(kChallenges, name).c_str());
}

}  // namespace weir::acme
