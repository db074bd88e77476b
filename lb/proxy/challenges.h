// What CAs that prove a name are shown (ACME): for http-01 a text under /.well-known/acme-challenge/, for tls-alpn-01 a
// handshake. Written by the thread that orders certificates, read by all workers.
#pragma once
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace weir::io {
class TlsContext;
}

namespace weir::proxy {

class ContentHandler;

class Challenges {
 public:
  using Texts = std::map<std::string, std::string, std::less<>>;                               // by token
  using Contexts = std::map<std::string, std::shared_ptr<const io::TlsContext>, std::less<>>;  // by name, lower case

  // In the place of all before.
  void set(Texts texts, Contexts contexts);

  // Whether a path (normalised) asks for one of the texts.
  bool has_http(std::string_view path) const {
    return any_.load(std::memory_order_acquire) && !find_http(path).empty();
  }
  // Empty: none.
  std::string find_http(std::string_view path) const;
  // Null: none.
  std::shared_ptr<const io::TlsContext> find_tls(std::string_view name) const;

 private:
  std::atomic<bool> any_ = false;
  mutable std::mutex mutex_;
  Texts texts_;
  Contexts contexts_;
};

// Answers a path that has_http(), or 404.
std::shared_ptr<const ContentHandler> make_challenge_content(std::shared_ptr<const Challenges> challenges);

}  // namespace weir::proxy
