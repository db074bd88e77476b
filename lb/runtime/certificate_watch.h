// Certificates whose files change: what is in force reads them again, without a reload; a broken one is named and the
// old one goes on serving. The same for what weir shows to peers, and whom it trusts there: that takes another
// snapshot. Says when a certificate is about to run out. Control thread.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/timer_wheel.h"
#include "config/model.h"
#include "io/loop.h"
#include "io/tls_context.h"
#include "io/tls_peer_context.h"

namespace weir::runtime {

// The certificates of a model, each file once; those that peers are shown, too.
std::vector<io::CertificateFacts> certificates_of(const config::Model& model);

// "expires in 20 days (serial 3F)", once that is near. Empty: it is not, or it has expired.
std::string expiry_of(const io::CertificateFacts& facts, int64_t now);

class CertificateWatch final : private DeadlineHandler {
 public:
  static constexpr MonoMs kInterval = 2'000;

  // `model`: of the configuration in force; may answer null.
  using CurrentModel = std::function<std::shared_ptr<const config::Model>()>;
  // `renewed_to_peers`: a snapshot is to be built that has the TlsPeerContexts in force.
  CertificateWatch(io::Loop& loop, CurrentModel model, std::function<void()> renewed_to_peers);

  void start();
  void stop() { next_.cancel(); }
  // One look, at this wall time in seconds: for tests; start() does it in turns.
  void look(int64_t now);

 private:
  // What tells one content of the files from another.
  using Stamp = std::vector<int64_t>;
  struct Watched {
    std::weak_ptr<const void> context;
    Stamp stamp;
  };

  void on_deadline(Deadline&) override;
  static Stamp stamp_of(const std::vector<std::string>& files);
  template <class Context>  // TlsContext or TlsPeerContext
  bool is_changed(const std::shared_ptr<Context>& context);
  template <class Context>
  bool renew(Context& context, const char* otherwise);
  void look_at(const std::shared_ptr<io::TlsContext>& context);
  bool look_at(const std::shared_ptr<io::TlsPeerContext>& context);
  void note_expiry(const io::CertificateFacts& facts, int64_t now);

  io::Loop& loop_;
  CurrentModel model_;
  std::function<void()> renewed_to_peers_;
  std::map<const void*, Watched> watched_;  // by TlsContext or TlsPeerContext
  std::map<std::string, int> noted_;        // by file and serial number: the least of kWarnDays that was logged
  Deadline next_{this};
};

}  // namespace weir::runtime
