#include "process/memory_limit.h"

#include <sys/resource.h>

#include <algorithm>

#include "base/bytes.h"
#include "process/cgroup.h"

namespace weir::process {
namespace {

// "max", "268435456".
double bytes_in(const std::string& file) {
  return static_cast<double>(parse_decimal(first_line(file)).value_or(0));
}

// Above `high` the kernel slows the process down, which for a proxy is as bad as the end.
double limit_v2(const std::string& directory) {
  const double most = bytes_in(directory + "/memory.max"), high = bytes_in(directory + "/memory.high");
  return most == 0 || high == 0 ? std::max(most, high) : std::min(most, high);
}

// Without a limit it is the largest number of whole pages.
double limit_v1(const std::string& directory) {
  constexpr double kNone = 1LL << 60;
  const double limit = bytes_in(directory + "/memory.limit_in_bytes");
  return limit < kNone ? limit : 0;
}

}  // namespace

uint64_t cgroup_memory_limit(const std::string& root, const std::string& proc_self_cgroup) {
  return static_cast<uint64_t>(least_cgroup_limit(root, proc_self_cgroup, "memory", limit_v2, limit_v1));
}

uint64_t memory_limit() {
  uint64_t limit = cgroup_memory_limit("/sys/fs/cgroup", own_cgroups());
  rlimit address_space{};
  if (::getrlimit(RLIMIT_AS, &address_space) == 0 && address_space.rlim_cur != RLIM_INFINITY)
    limit = limit == 0 ? address_space.rlim_cur : std::min<uint64_t>(limit, address_space.rlim_cur);
  return limit;
}

}  // namespace weir::process
