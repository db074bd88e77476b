// What the control groups of a process allow it, of one kind.
#pragma once
#include <string>
#include <string_view>

namespace weir::process {

// What one group's directory says; 0: no limit.
using ReadLimit = double (*)(const std::string& directory);

// The least limit on the way from the process's own group up to the root, below the mount `root`, for the process whose
// /proc/self/cgroup text is given; 0 when there is none. `controller` is version 1's name of it.
double least_cgroup_limit(const std::string& root, const std::string& proc_self_cgroup, std::string_view controller,
                          ReadLimit version_2, ReadLimit version_1);
// /proc/self/cgroup.
std::string own_cgroups();
std::string first_line(const std::string& path);

}  // namespace weir::process
