// The cgroup's CPU quota, and what "auto" makes of it.
#include "process/cpu_quota.h"

#include <gtest/gtest.h>

#include "unit/temp_dir.h"

namespace weir::process {
namespace {

TEST(CpuQuota, version_2_is_quota_over_period) {
  const TempDir root;
  root.write("a/b/cpu.max", "150000 100000\n");
  EXPECT_DOUBLE_EQ(cgroup_cpu_quota(root.path(), "0::/a/b\n"), 1.5);
}

TEST(CpuQuota, version_2_may_have_none) {
  const TempDir root;
  root.write("a/cpu.max", "max 100000\n");
  EXPECT_DOUBLE_EQ(cgroup_cpu_quota(root.path(), "0::/a\n"), 0);
}

TEST(CpuQuota, parent_group_limits_too) {
  const TempDir root;
  root.write("a/cpu.max", "100000 100000\n");
  root.write("a/b/cpu.max", "400000 100000\n");
  EXPECT_DOUBLE_EQ(cgroup_cpu_quota(root.path(), "0::/a/b\n"), 1.0);
}

TEST(CpuQuota, container_reads_it_at_the_root) {
  const TempDir root;
  root.write("cpu.max", "250000 100000\n");
  EXPECT_DOUBLE_EQ(cgroup_cpu_quota(root.path(), "0::/kubepods/pod1\n"), 2.5);
}

TEST(CpuQuota, version_1_is_in_two_files) {
  const TempDir root;
  root.write("cpu,cpuacct/x/cpu.cfs_quota_us", "200000\n");
  root.write("cpu,cpuacct/x/cpu.cfs_period_us", "100000\n");
  EXPECT_DOUBLE_EQ(cgroup_cpu_quota(root.path(), "9:memory:/x\n4:cpu,cpuacct:/x\n"), 2.0);
}

TEST(CpuQuota, version_1_may_have_none) {
  const TempDir root;
  root.write("cpu/cpu.cfs_quota_us", "-1\n");
  root.write("cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_DOUBLE_EQ(cgroup_cpu_quota(root.path(), "4:cpu:/\n"), 0);
}

TEST(CpuQuota, ignores_invalid_files) {
  const TempDir root;
  root.write("cpu.max", "what\n");
  EXPECT_DOUBLE_EQ(cgroup_cpu_quota(root.path(), "nonsense\n0::/\n\n::\n"), 0);
  EXPECT_DOUBLE_EQ(cgroup_cpu_quota("/nonexistent", "0::/a\n"), 0);
}

TEST(UsableCpus, equal_the_mask_without_a_quota) {
  EXPECT_EQ(usable_cpus(8, 0), 8);
  EXPECT_EQ(usable_cpus(0, 0), 1);
}

TEST(UsableCpus, equal_the_quota_rounded_up) {
  EXPECT_EQ(usable_cpus(8, 2.5), 3);
  EXPECT_EQ(usable_cpus(8, 0.1), 1);
  EXPECT_EQ(usable_cpus(2, 64), 2);
}

}  // namespace
}  // namespace weir::process
