// The cgroup's limit of memory.
#include "process/memory_limit.h"

#include <gtest/gtest.h>

#include "unit/temp_dir.h"

namespace weir::process {
namespace {

constexpr uint64_t kMegabyte = 1U << 20U;

TEST(MemoryLimit, least_of_max_and_high_counts) {
  const TempDir root;
  root.write("a/memory.max", "268435456\n");
  EXPECT_EQ(cgroup_memory_limit(root.path(), "0::/a\n"), 256 * kMegabyte);
  root.write("a/memory.high", "134217728\n");
  EXPECT_EQ(cgroup_memory_limit(root.path(), "0::/a\n"), 128 * kMegabyte);
}

TEST(MemoryLimit, parent_group_limits_too) {
  const TempDir root;
  root.write("memory.max", "max\n");
  root.write("a/memory.max", "134217728\n");
  root.write("a/b/memory.max", "268435456\n");
  EXPECT_EQ(cgroup_memory_limit(root.path(), "0::/a/b\n"), 128 * kMegabyte);
}

TEST(MemoryLimit, version_1_has_a_file_of_its_own) {
  const TempDir root;
  root.write("memory/x/memory.limit_in_bytes", "134217728\n");
  EXPECT_EQ(cgroup_memory_limit(root.path(), "9:memory:/x\n4:cpu,cpuacct:/x\n"), 128 * kMegabyte);
  root.write("memory/x/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(cgroup_memory_limit(root.path(), "9:memory:/x\n"), 0U);
}

TEST(MemoryLimit, missing_files_are_no_limit) {
  EXPECT_EQ(cgroup_memory_limit("/nonexistent", "0::/a\n"), 0U);
  EXPECT_EQ(cgroup_memory_limit("/nonexistent", ""), 0U);
}

}  // namespace
}  // namespace weir::process
