// Reads the kernel's limits on CPUs.
#include "process/cpu_quota.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "process/cgroup.h"

namespace weir::process {
namespace {

double quota_of(double quota, double period) {
  return quota > 0 && period > 0 ? quota / period : 0;
}

// "max 100000", "150000 100000".
double quota_v2(const std::string& directory) {
  std::istringstream words(first_line(directory + "/cpu.max"));
  double quota = 0, period = 0;
  if (!(words >> quota >> period)) return 0;
  return quota_of(quota, period);
}

double quota_v1(const std::string& directory) {
  std::istringstream quota_text(first_line(directory + "/cpu.cfs_quota_us"));
  std::istringstream period_text(first_line(directory + "/cpu.cfs_period_us"));
  double quota = 0, period = 0;
  if (!(quota_text >> quota) || !(period_text >> period)) return 0;
  return quota_of(quota, period);
}

}  // namespace

double cgroup_cpu_quota(const std::string& root, const std::string& proc_self_cgroup) {
  return least_cgroup_limit(root, proc_self_cgroup, "cpu", quota_v2, quota_v1);
}

int usable_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  const int affinity = ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  return usable_cpus(affinity, cgroup_cpu_quota("/sys/fs/cgroup", own_cgroups()));
}

int usable_cpus(int affinity, double quota) {
  int cpus = std::max(affinity, 1);
  if (quota > 0) cpus = std::min(cpus, std::max(1, static_cast<int>(std::ceil(std::min(quota, 1e6)))));
  return cpus;
}

}  // namespace weir::process
