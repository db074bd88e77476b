// How many CPUs this process may use: the affinity mask and the cgroup's CPU quota.
#pragma once
#include <cstdint>
#include <string>

namespace weir::process {

// From cgroup files below `root`, for the process whose /proc/self/cgroup text is given; version 2 (cpu.max) and 1
// (cpu.cfs_quota_us). The least quota on the way up counts, in CPUs; 0 when there is none.
double cgroup_cpu_quota(const std::string& root, const std::string& proc_self_cgroup);

// For worker_processes auto: the CPUs of the affinity mask, or the quota rounded up if that is less. At least 1.
int usable_cpus();
int usable_cpus(int affinity, double quota);

}  // namespace weir::process
