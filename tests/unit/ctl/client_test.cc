// One request over the admin socket.
#include "ctl/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "base/owned_fd.h"
#include "base/sockaddr.h"
#include "unit/temp_dir.h"

namespace weir::ctl {
namespace {

TEST(AskWeir, silent_weir_is_given_up) {
  const TempDir dir;
  const std::string path = dir / "weir.sock";
  sockaddr_storage storage{};
  const socklen_t length = SocketAddress::from_unix(path).to_sockaddr(storage);
  const OwnedFd nobody_accepts(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(nobody_accepts.get(), reinterpret_cast<const sockaddr*>(&storage), length), 0);
  ASSERT_EQ(::listen(nobody_accepts.get(), 8), 0);
  const Result<CtlReply> reply = ask_weir(path, "GET", "/v1/status", "", Millis(1));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error(), "no answer from weir at " + path + " in 0 s (it is stopped, or very busy)");
}

}  // namespace
}  // namespace weir::ctl
