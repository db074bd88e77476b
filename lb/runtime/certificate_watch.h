// Certificates whose files change: what is in force reads them again, without a reload; a broken one is named and the
// old one goes on serving. Says when one is about to run out. Control thread.
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

namespace weir::runtime {

// The certificates of a model, each file once.
std::vector<io::CertificateFacts> certificates_of(const config::Model& model);

class CertificateWatch final : private DeadlineHandler {
 public:
  static constexpr MonoMs kInterval = 2'000;

  // `model`: of the configuration in force; may answer null.
  using CurrentModel = std::function<std::shared_ptr<const config::Model>()>;
  CertificateWatch(io::Loop& loop, CurrentModel model);

  void start();
  void stop() { next_.cancel(); }
  // One look, at this wall time in seconds: for tests; start() does it in turns.
  void look(int64_t now);

 private:
  // What tells one content of the files from another.
  using Stamp = std::vector<int64_t>;
  struct Watched {
    std::weak_ptr<io::TlsContext> context;
    Stamp stamp;
  };

  void on_deadline(Deadline&) override;
  void look_at(const std::shared_ptr<io::TlsContext>& context);
  void note_expiry(const io::CertificateFacts& facts, int64_t now);

  io::Loop& loop_;
  CurrentModel model_;
  std::map<const io::TlsContext*, Watched> watched_;
  std::map<std::string, int> noted_;  // by file and serial number: the least of kWarnDays that was logged
  Deadline next_{this};
};

}  // namespace weir::runtime
