// Reads the kernel's limits on CPUs.
#include "process/cpu_quota.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string_view>
#include <vector>

namespace weir::process {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

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

void keep_least(double& least, double quota) {
  if (quota > 0 && (least == 0 || quota < least)) least = quota;
}

// From the process's own group up to the mount's root, for a parent's quota binds too. Inside a container the path
// often names what only the host sees; the root is looked at in any case.
template <class Read>
double least_upwards(const std::string& mount, std::string path, Read read) {
  double least = 0;
  while (!path.empty() && path != "/") {
    keep_least(least, read(mount + path));
    path.erase(path.rfind('/'));
  }
  keep_least(least, read(mount));
  return least;
}

bool lists(std::string_view controllers, std::string_view wanted) {
  while (!controllers.empty()) {
    const size_t comma = controllers.find(',');
    if (controllers.substr(0, comma) == wanted) return true;
    if (comma == std::string_view::npos) break;
    controllers.remove_prefix(comma + 1);
  }
  return false;
}

}  // namespace

double cgroup_cpu_quota(const std::string& root, const std::string& proc_self_cgroup) {
  double least = 0;
  std::istringstream lines(proc_self_cgroup);
  std::string line;
  while (std::getline(lines, line)) {  // "0::/path", "4:cpu,cpuacct:/path"
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (!path.empty() && path.front() != '/') continue;
    if (controllers.empty()) {
      keep_least(least, least_upwards(root, path, quota_v2));
      keep_least(least, least_upwards(root + "/unified", path, quota_v2));
    } else if (lists(controllers, "cpu")) {
      keep_least(least, least_upwards(root + "/cpu", path, quota_v1));
      std::string mount = root;
      keep_least(least, least_upwards(mount.append("/").append(controllers), path, quota_v1));
    }
  }
  return least;
}

int usable_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  const int affinity = ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  std::ifstream file("/proc/self/cgroup");
  std::ostringstream text;
  text << file.rdbuf();
  return usable_cpus(affinity, cgroup_cpu_quota("/sys/fs/cgroup", text.str()));
}

int usable_cpus(int affinity, double quota) {
  int cpus = std::max(affinity, 1);
  if (quota > 0) cpus = std::min(cpus, std::max(1, static_cast<int>(std::ceil(std::min(quota, 1e6)))));
  return cpus;
}

}  // namespace weir::process
