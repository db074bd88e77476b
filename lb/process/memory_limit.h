// How much memory this process may use: the cgroup's limit and RLIMIT_AS.
#pragma once
#include <cstdint>
#include <string>

namespace weir::process {

// From cgroup files below `root`, as cgroup_cpu_quota(); version 2 (memory.max, memory.high) and 1
// (memory.limit_in_bytes). Bytes; 0: no limit.
uint64_t cgroup_memory_limit(const std::string& root, const std::string& proc_self_cgroup);

// The least of what binds this process, in bytes; 0: no limit.
uint64_t memory_limit();

}  // namespace weir::process
