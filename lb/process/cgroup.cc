// Walks the kernel's tree of groups.
#include "process/cgroup.h"

#include <fstream>
#include <sstream>

namespace weir::process {
namespace {

void keep_least(double& least, double limit) {
  if (limit > 0 && (least == 0 || limit < least)) least = limit;
}

// From the process's own group up to the mount's root, for a parent's limit binds too. Inside a container the path
// often names what only the host sees; the root is looked at in any case.
double least_upwards(const std::string& mount, std::string path, ReadLimit read) {
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

double least_cgroup_limit(const std::string& root, const std::string& proc_self_cgroup, std::string_view controller,
                          ReadLimit version_2, ReadLimit version_1) {
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
      keep_least(least, least_upwards(root, path, version_2));
      keep_least(least, least_upwards(root + "/unified", path, version_2));
    } else if (lists(controllers, controller)) {
      std::string mount = root;
      keep_least(least, least_upwards(mount.append("/").append(controller), path, version_1));
      mount = root;
      keep_least(least, least_upwards(mount.append("/").append(controllers), path, version_1));
    }
  }
  return least;
}

std::string own_cgroups() {
  std::ifstream file("/proc/self/cgroup");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

}  // namespace weir::process
