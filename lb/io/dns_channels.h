// c-ares channels by their lists of servers, turned with poll(2) on a thread that may block. Private to io/.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "io/dns_query.h"

namespace weir::io {

class DnsChannels {
 public:
  DnsChannels() = default;
  ~DnsChannels() { clear(); }
  DnsChannels(const DnsChannels&) = delete;
  DnsChannels& operator=(const DnsChannels&) = delete;

  // Null: it cannot be set up.
  ares_channel of(const std::vector<std::string>& servers);
  // Every question that is left ends with an error, told in here. Whoever asks next is given new channels, which know
  // the system's servers of that time.
  void clear();
  // Waits up to `most` for the sockets of all channels, and for `wake` (a descriptor, -1: none) to be readable; then
  // whatever c-ares makes of it: answers are told in here.
  void turn(MonoMs most, int wake = -1);

 private:
  std::map<std::vector<std::string>, ares_channel> channels_;
};

}  // namespace weir::io
