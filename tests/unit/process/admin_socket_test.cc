// The admin socket's file: where, with which mode, and who may replace or remove it.
#include "process/admin_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sockaddr.h"
#include "unit/temp_dir.h"

namespace weir::process {
namespace {

using ::testing::HasSubstr;

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

TEST(AdminSocketPath, stands_beside_the_pid_file) {
  config::MainConfig main;
  EXPECT_EQ(admin_socket_path(main), "/run/weir.sock");
  main.pid = "/var/run/x";
  EXPECT_EQ(admin_socket_path(main), "/var/run/x.sock");
  main.admin = "unix:/tmp/a.sock";
  EXPECT_EQ(admin_socket_path(main), "/tmp/a.sock");
  main.admin = "off";
  EXPECT_EQ(admin_socket_path(main), "");
}

TEST(AdminSocket, allows_its_owner_alone_and_is_removed) {
  TempDir dir;
  const std::string path = dir / "a.sock";
  {
    OwnedFd fd;
    Result<AdminSocket> opened = AdminSocket::open(path, fd);
    ASSERT_TRUE(opened) << opened.error();
    struct stat info {};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0600u);
    EXPECT_TRUE(S_ISSOCK(info.st_mode));
    EXPECT_GE(fd.get(), 0);
  }
  EXPECT_FALSE(exists(path));
}

TEST(AdminSocket, replaces_the_file_of_a_killed_process) {
  TempDir dir;
  const std::string path = dir / "a.sock";
  sockaddr_storage storage{};
  const socklen_t length = SocketAddress::from_unix(path).to_sockaddr(storage);
  {
    const OwnedFd dead(::socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(::bind(dead.get(), reinterpret_cast<sockaddr*>(&storage), length), 0);
  }
  ASSERT_TRUE(exists(path));
  OwnedFd fd;
  EXPECT_TRUE(AdminSocket::open(path, fd));
}

TEST(AdminSocket, keeps_a_live_socket_and_other_files) {
  TempDir dir;
  const std::string path = dir / "a.sock", file = dir / "file";
  OwnedFd fd, second;
  const Result<AdminSocket> first = AdminSocket::open(path, fd);
  ASSERT_TRUE(first);
  const auto refused = AdminSocket::open(path, second);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error(), HasSubstr("Address already in use"));
  EXPECT_TRUE(exists(path));
  ::close(::creat(file.c_str(), 0600));
  EXPECT_FALSE(AdminSocket::open(file, second));
  EXPECT_TRUE(exists(file));
}

TEST(AdminSocket, does_not_remove_a_foreign_file) {
  TempDir dir;
  const std::string path = dir / "a.sock";
  {
    OwnedFd fd;
    Result<AdminSocket> opened = AdminSocket::open(path, fd);
    ASSERT_TRUE(opened);
    // Both at once, so that the number of the file cannot be the same.
    ::close(::creat((dir / "other").c_str(), 0600));
    ::rename((dir / "other").c_str(), path.c_str());
  }
  EXPECT_TRUE(exists(path));
}

TEST(AdminSocket, reports_the_fault_of_a_path) {
  OwnedFd fd;
  const auto missing = AdminSocket::open("/nonexistent/weir.sock", fd);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error(), HasSubstr("No such file or directory"));
  EXPECT_FALSE(AdminSocket::open("/" + std::string(200, 'x'), fd));
}

}  // namespace
}  // namespace weir::process
