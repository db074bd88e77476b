// What `weir ctl` was asked for.
#pragma once
#include <cstdint>
#include <string>

#include "base/clock.h"

namespace weir::process {

enum class CtlVerb : uint8_t {
  kNone,
  kList,
  kStatus,
  kDrain,
  kUp,
  kDown,
  kWeight,
  kReset,
  kMaintenance,
  kReload,
  kCache,
  kMetrics
};

struct CtlLine {
  CtlVerb verb = CtlVerb::kNone;
  std::string socket;  // --socket; empty: the configuration's
  std::string zone;    // of cache purge; empty: every cache
  std::string target;  // cache: a key, PREFIX* or "all"; UPSTREAM, UPSTREAM/ADDRESS or SERVER[/LOCATION]
  std::string word;    // weight: a number or "default"; maintenance: "on", "off", "default" or empty (show); cache:
                       // "purge" or empty
  bool json = false;
  Millis wait{60'000}, spread{10'000};
  int code = 1001;
  bool no_wait = false;
  std::string why;
  // reload: the URL that weir asks itself afterwards, empty: none; and how long it may fail.
  std::string verify;
  Millis within{10'000};
};

}  // namespace weir::process
