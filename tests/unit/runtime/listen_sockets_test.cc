// Listening sockets over starts and reloads, on an address of loopback that no other process has.
#include "runtime/listen_sockets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <set>
#include <string>

#include "unit/temp_dir.h"

namespace weir::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// 127.64.0.0/10: one for each number that a process can have.
std::string own_address() {
  const auto id = static_cast<uint32_t>(::getpid());
  return "127." + std::to_string(64 + (id >> 16 & 63)) + "." + std::to_string(id >> 8 & 255) + "." +
         std::to_string(id & 255);
}

// A port that was free a moment ago, and each time another one; its holder keeps others of this test away from it.
// Other processes, which take ports of 127.0.0.1 for their clients too, cannot have taken it since.
struct FreePort {
  explicit FreePort(const std::string& on = own_address()) {
    static std::set<uint16_t> given;
    do {
      fd = OwnedFd(*io::open_listener(*SocketAddress::from_ip(on, 0), {}));
      address = io::bound_address(fd.get());
    } while (!given.insert(address.port()).second);
  }
  SocketAddress release() {
    fd.reset();
    return address;
  }
  OwnedFd fd;
  SocketAddress address;
};

ListenPlan plan(const SocketAddress& address) {
  ListenPlan out{address, {}};
  out.options.reuse_port = !address.is_unix();
  return out;
}

std::set<uint64_t> ids(const std::vector<WorkerSocket>& sockets) {
  std::set<uint64_t> out;
  for (const WorkerSocket& socket : sockets) out.insert(socket.id);
  return out;
}

bool connects(const SocketAddress& address) {
  sockaddr_storage storage{};
  const socklen_t length = address.to_sockaddr(storage);
  const OwnedFd fd(::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) == 0;
}

TEST(ListenSockets, gives_each_worker_a_socket_of_its_own) {
  const SocketAddress at = FreePort().release();
  ListenSockets sockets;
  ASSERT_THAT(sockets.open({plan(at)}, 3), IsEmpty());
  std::set<uint64_t> all;
  for (int worker = 0; worker < 3; ++worker) all.merge(ids(sockets.of_worker(worker, 3)));
  EXPECT_EQ(all.size(), 3U);
  EXPECT_TRUE(connects(at));
}

TEST(ListenSockets, keeps_sockets_of_unchanged_addresses) {
  const SocketAddress at = FreePort().release();
  ListenSockets sockets;
  ASSERT_THAT(sockets.open({plan(at)}, 1), IsEmpty());
  const auto before = ids(sockets.of_worker(0, 1));
  ASSERT_THAT(sockets.open({plan(at)}, 1), IsEmpty());
  EXPECT_EQ(ids(sockets.of_worker(0, 1)), before);
}

TEST(ListenSockets, adds_and_hands_on_sockets_when_workers_change) {
  const SocketAddress at = FreePort().release();
  ListenSockets sockets;
  ASSERT_THAT(sockets.open({plan(at)}, 1), IsEmpty());
  const auto first = ids(sockets.of_worker(0, 1));
  ASSERT_THAT(sockets.open({plan(at)}, 2), IsEmpty());
  EXPECT_EQ(ids(sockets.of_worker(0, 2)), first);
  const auto second = ids(sockets.of_worker(1, 2));
  EXPECT_EQ(second.size(), 1U);
  ASSERT_THAT(sockets.open({plan(at)}, 1), IsEmpty());
  EXPECT_EQ(ids(sockets.of_worker(0, 1)).size(), 2U);
}

TEST(ListenSockets, closes_a_removed_address_only_on_request) {
  const SocketAddress kept = FreePort().release(), removed = FreePort().release();
  ListenSockets sockets;
  ASSERT_THAT(sockets.open({plan(kept), plan(removed)}, 1), IsEmpty());
  ASSERT_THAT(sockets.open({plan(kept)}, 1), IsEmpty());
  EXPECT_EQ(sockets.of_worker(0, 1).size(), 1U);
  EXPECT_TRUE(connects(removed));
  sockets.close_removed();
  EXPECT_FALSE(connects(removed));
  EXPECT_TRUE(connects(kept));
}

TEST(ListenSockets, changes_nothing_when_an_address_is_taken) {
  FreePort taken, other_taken;
  const SocketAddress mine = FreePort().release(), wanted = FreePort().release();
  ListenSockets sockets;
  ASSERT_THAT(sockets.open({plan(mine)}, 1), IsEmpty());
  const auto errors = sockets.open({plan(taken.address), plan(wanted), plan(other_taken.address)}, 2);
  EXPECT_THAT(errors, ElementsAre(HasSubstr("failed (98: Address already in use)"),
                                  HasSubstr("failed (98: Address already in use)")));
  EXPECT_EQ(sockets.addresses(), 1U);
  EXPECT_EQ(sockets.of_worker(0, 1).size(), 1U);
  EXPECT_TRUE(connects(mine));
  EXPECT_FALSE(connects(wanted));
}

TEST(ListenSockets, undoes_an_open_that_was_not_put_in_force) {
  const SocketAddress mine = FreePort().release(), other = FreePort().release();
  ListenSockets sockets;
  ASSERT_THAT(sockets.open({plan(mine)}, 1), IsEmpty());
  ASSERT_THAT(sockets.open({plan(other)}, 2), IsEmpty());
  sockets.forget_opened();
  EXPECT_FALSE(connects(other));
  EXPECT_TRUE(connects(mine));
  EXPECT_EQ(sockets.of_worker(0, 1).size(), 1U);
}

TEST(ListenSockets, takes_the_wildcard_of_a_held_port) {
  const SocketAddress wildcard = FreePort("0.0.0.0").release();
  ListenSockets sockets;
  ASSERT_THAT(sockets.open({plan(*SocketAddress::from_ip(own_address(), wildcard.port()))}, 1), IsEmpty());
  EXPECT_THAT(sockets.open({plan(wildcard)}, 1), IsEmpty());
}

TEST(ListenSockets, gives_a_unix_socket_to_worker_0_alone) {
  const TempDir dir;
  const SocketAddress at = SocketAddress::from_unix(dir / "weir.sock");
  {
    ListenSockets sockets;
    ASSERT_THAT(sockets.open({plan(at)}, 2), IsEmpty());
    ASSERT_EQ(sockets.of_worker(0, 2).size(), 1U);
    EXPECT_TRUE(sockets.of_worker(0, 2)[0].shared);
    EXPECT_THAT(sockets.of_worker(1, 2), IsEmpty());
    EXPECT_TRUE(connects(at));
    ListenSockets second;
    EXPECT_THAT(second.open({plan(at)}, 1), ElementsAre(HasSubstr("Address already in use")));
  }
  EXPECT_FALSE(dir.exists("weir.sock"));
}

TEST(ListenSockets, reload_changes_the_options_of_kept_sockets) {
  ListenPlan with = plan(FreePort().release());
  ListenSockets sockets;
  ASSERT_THAT(sockets.open({with}, 1), IsEmpty());
  const auto before = ids(sockets.of_worker(0, 1));
  with.options.keepalive = true;
  with.options.receive_buffer = 8192;
  ASSERT_THAT(sockets.open({with}, 1), IsEmpty());
  const std::vector<WorkerSocket> after = sockets.of_worker(0, 1);
  EXPECT_EQ(ids(after), before);
  int value = 0;
  socklen_t length = sizeof value;
  ASSERT_EQ(::getsockopt(after[0].fd.get(), SOL_SOCKET, SO_KEEPALIVE, &value, &length), 0);
  EXPECT_EQ(value, 1);
  ASSERT_EQ(::getsockopt(after[0].fd.get(), SOL_SOCKET, SO_RCVBUF, &value, &length), 0);
  EXPECT_EQ(value, 2 * 8192);  // the kernel doubles it
}

// One that a supervisor hands over, and what the supervisor keeps of it.
struct Passed {
  explicit Passed(const SocketAddress& address) {
    io::ListenOptions options;
    options.reuse_port = false;
    kept = OwnedFd(*io::open_listener(address, options));
  }
  std::vector<process::PassedSocket> hand_over(const std::string& name = "") const {
    std::vector<process::PassedSocket> sockets;
    sockets.push_back({kept.duplicate(), name, io::bound_address(kept.get())});
    return sockets;
  }
  OwnedFd kept;
};

TEST(PassedSockets, socket_serves_all_workers_of_its_address) {
  const SocketAddress address = FreePort().release();
  const Passed passed(address);
  ListenSockets sockets;
  sockets.adopt(passed.hand_over());
  ASSERT_THAT(sockets.open({plan(address)}, 3), IsEmpty());
  const auto first = sockets.of_worker(0, 3);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_TRUE(first[0].shared);
  EXPECT_THAT(sockets.of_worker(1, 3), IsEmpty());
  EXPECT_THAT(sockets.unused_passed(), IsEmpty());
  ASSERT_THAT(sockets.open({plan(address)}, 5), IsEmpty());
  EXPECT_EQ(ids(sockets.of_worker(0, 5)), ids(first));
}

TEST(PassedSockets, unused_one_is_named_and_kept) {
  const SocketAddress address = FreePort().release(), other = FreePort().release();
  const Passed passed(address);
  ListenSockets sockets;
  sockets.adopt(passed.hand_over("weir.socket"));
  ASSERT_THAT(sockets.open({plan(other)}, 1), IsEmpty());
  EXPECT_THAT(sockets.unused_passed(), ElementsAre(address.to_string() + " (weir.socket)"));
  sockets.close_removed();
  ASSERT_THAT(sockets.open({plan(address)}, 1), IsEmpty()) << "its address cannot be bound";
  EXPECT_EQ(sockets.of_worker(0, 1).size(), 1U);
}

TEST(PassedSockets, failed_open_leaves_them) {
  const SocketAddress address = FreePort().release();
  const Passed passed(address);
  const FreePort taken;
  ListenSockets sockets;
  sockets.adopt(passed.hand_over());
  EXPECT_FALSE(sockets.open({plan(address), plan(taken.address)}, 1).empty());
  ASSERT_THAT(sockets.open({plan(address)}, 1), IsEmpty());
}

TEST(PassedSockets, unix_path_stays_at_the_end) {
  const TempDir dir;
  const SocketAddress address = SocketAddress::from_unix(dir / "front.sock");
  const Passed passed(address);
  ListenSockets sockets;
  sockets.adopt(passed.hand_over());
  ASSERT_THAT(sockets.open({plan(address)}, 1), IsEmpty());
  sockets.close_all();
  EXPECT_TRUE(dir.exists("front.sock"));
}

TEST(ListenPlans, merge_the_options_of_equal_addresses) {
  config::Model model;
  config::ListenModel listen;
  listen.address = *SocketAddress::from_ip("127.0.0.1", 80);
  model.servers.resize(2);
  model.servers[0].listens = {listen};
  listen.backlog = 7;
  listen.so_keepalive = true;
  model.servers[1].listens = {listen};
  const auto plans = plan_listens(model);
  ASSERT_EQ(plans.size(), 1U);
  EXPECT_EQ(plans[0].options.backlog, 7);
  EXPECT_TRUE(plans[0].options.keepalive);
  EXPECT_TRUE(plans[0].options.reuse_port);
}

std::vector<HandedSocket> handed(const ListenSockets& from) {
  return from.duplicates();
}

TEST(ListenSockets, inherited_sockets_are_added_to_only_after_the_takeover) {
  const SocketAddress at = FreePort().release();
  ListenSockets before, after;
  ASSERT_THAT(before.open({plan(at)}, 2), IsEmpty());
  after.inherit(handed(before));
  ASSERT_THAT(after.open({plan(at)}, 4), IsEmpty());
  size_t count = 0;
  for (int worker = 0; worker < 4; ++worker) count += after.of_worker(worker, 4).size();
  EXPECT_EQ(count, 2U) << "a third queue would be lost with a process that fails";
  ASSERT_THAT(after.take_over({plan(at)}, 4), IsEmpty());
  for (int worker = 0; worker < 4; ++worker) EXPECT_EQ(after.of_worker(worker, 4).size(), 1U);
  before.hand_over();
  before.close_all();
  EXPECT_TRUE(connects(at));
}

TEST(ListenSockets, inherited_unix_path_stays_until_the_last_owner_closes) {
  const TempDir dir;
  const SocketAddress at = SocketAddress::from_unix(dir / "http.sock");
  ListenSockets before;
  ASSERT_THAT(before.open({plan(at)}, 2), IsEmpty());
  {
    ListenSockets failed;
    failed.inherit(handed(before));
    ASSERT_THAT(failed.open({plan(at)}, 2), IsEmpty());
  }
  EXPECT_TRUE(connects(at)) << "a successor that failed leaves the file";
  ListenSockets after;
  after.inherit(handed(before));
  ASSERT_THAT(after.open({plan(at)}, 2), IsEmpty());
  ASSERT_THAT(after.take_over({plan(at)}, 2), IsEmpty());
  before.hand_over();
  before.close_all();
  EXPECT_TRUE(connects(at));
  EXPECT_TRUE(after.of_worker(0, 2).front().shared);
  after.close_all();
  EXPECT_FALSE(dir.exists("http.sock"));
}

TEST(ListenSockets, inherited_address_without_a_listen_is_closed) {
  const SocketAddress at = FreePort().release(), other = FreePort().release();
  ListenSockets before, after;
  ASSERT_THAT(before.open({plan(at)}, 1), IsEmpty());
  after.inherit(handed(before));
  ASSERT_THAT(after.open({plan(other)}, 1), IsEmpty());
  ASSERT_THAT(after.take_over({plan(other)}, 1), IsEmpty());
  before.close_all();
  after.close_removed();
  EXPECT_FALSE(connects(at));
  EXPECT_TRUE(connects(other));
}

}  // namespace
}  // namespace weir::runtime
