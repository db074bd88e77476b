// Certificates whose files change: what is in force reads them again, without a reload; a broken one is named and the
// old one goes on serving. The same for what weir shows to peers, and whom it trusts there: that takes another
// snapshot. Says when a certificate is about to run out. Files are looked at and read beside the loop, which a disk
// that hangs holds up neither in its turns nor at its end. Control thread.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/timer_wheel.h"
#include "config/model.h"
#include "io/disk_thread.h"
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
  static constexpr MonoMs kSlow = 10'000;  // after which a look that is not done is logged

  // `model`: of the configuration in force; may answer null.
  using CurrentModel = std::function<std::shared_ptr<const config::Model>()>;
  // `renewed_to_peers`: a snapshot is to be built that has the TlsPeerContexts in force. `read`: called beside the
  // loop, another one in tests. `patience`: of the destructor, for a look that is under way.
  CertificateWatch(io::Loop& loop, CurrentModel model, std::function<void()> renewed_to_peers,
                   io::TlsContext::ReadFile read = {}, Millis patience = Millis(1'000));

  void start();
  void stop();
  // That snapshot could not be built: it is asked for again with the next look.
  void peers_not_told() { peers_wait_ = true; }
  // One look, at this wall time in seconds: for tests; start() does it in turns. None begins while one is under way.
  void look(int64_t now);
  bool is_looking() const { return disk_.is_busy(); }

 private:
  // What tells one content of the files from another.
  using Stamp = std::vector<int64_t>;
  struct Watched {
    std::weak_ptr<const void> context;
    Stamp stamp;
  };
  template <class Context>  // TlsContext or TlsPeerContext
  struct Seen;
  struct Look;

  void on_deadline(Deadline&) override;
  static Stamp stamp_of(const std::vector<std::string>& files);
  template <class Context>
  Seen<Context> to_see(const std::shared_ptr<Context>& context) const;
  template <class Context>
  void keep_stamp(Seen<Context>& seen);
  void looked(Look& look, int64_t now);
  void note_held_up(const char* why);
  void note_expiries(int64_t now);
  void note_expiry(const io::CertificateFacts& facts, int64_t now);

  io::Loop& loop_;
  CurrentModel model_;
  std::function<void()> renewed_to_peers_;
  const io::TlsContext::ReadFile read_;
  std::map<const void*, Watched> watched_;  // by TlsContext or TlsPeerContext
  std::map<std::string, int> noted_;        // by file and serial number: the least of kWarnDays that was logged
  MonoMs began_at_ = 0;                     // the look that is under way
  bool held_up_ = false;                    // and logged
  bool peers_wait_ = false;                 // renewed_to_peers_ is to be called once more
  bool stopped_ = false;
  Deadline next_{this};
  io::DiskThread disk_;
};

}  // namespace weir::runtime
