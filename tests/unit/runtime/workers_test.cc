// Workers as control sees them: snapshots rolled out, their number changed, connections dealt, the end.
#include "runtime/workers.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <csignal>

#include "base/chunk.h"
#include "runtime/site_builder.h"
#include "unit/few_descriptors.h"
#include "unit/temp_dir.h"

namespace weir::runtime {
namespace {

class WorkersTest : public ::testing::Test {
 protected:
  WorkersTest() {
    ::signal(SIGPIPE, SIG_IGN);  // as startup does: clients here leave before they are answered
    config::ServerModel server;
    server.names = {""};
    config::ListenModel listen;
    listen.address = path_;
    server.listens.push_back(listen);
    model_.servers.push_back(server);
  }
  ~WorkersTest() override { workers_.stop(); }

  // Control's loop until `done`, or far too long.
  void turn_until(const std::function<bool()>& done) {
    control_.post([] {});
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!done() && std::chrono::steady_clock::now() < end) {
      control_.turn(false);
      ::poll(nullptr, 0, 1);
    }
    ASSERT_TRUE(done());
  }

  void roll_out(int workers, uint32_t max_connections = 1000) {
    ASSERT_TRUE(sockets_.open(plan_listens(model_), workers).empty());
    BuiltSite built = build_site({model_, ++generation_, registry_, &log_writer_, nullptr});
    ASSERT_TRUE(built.site);
    site_ = built.site;
    bool done = false;
    workers_.roll_out(built.site, workers, max_connections, Millis(0), [&done] { done = true; });
    built.site.reset();
    turn_until([&done] { return done; });
  }

  OwnedFd connect() const {
    sockaddr_storage storage{};
    const socklen_t length = path_.to_sockaddr(storage);
    OwnedFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0) fd.reset();
    return fd;
  }
  // Every server answers 404 here: no location, no content.
  static bool answered(const OwnedFd& fd, int wait_ms = 10'000) {
    const std::string_view request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    if (::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return false;
    pollfd ready{fd.get(), POLLIN, 0};
    if (::poll(&ready, 1, wait_ms) != 1) return false;
    char text[4096];
    return ::recv(fd.get(), text, sizeof text, 0) > 12 && std::string_view(text).starts_with("HTTP/1.1 404");
  }
  bool all_full() {
    bool all = true;
    workers_.each([&all](Worker& worker) { all = all && worker.seat()->full.load(); });
    return all;
  }
  static bool closed(const OwnedFd& fd) {
    pollfd ready{fd.get(), POLLIN, 0};
    char byte = 0;
    return ::poll(&ready, 1, 10'000) == 1 && ::recv(fd.get(), &byte, 1, 0) <= 0;
  }

  TempDir dir_;
  const SocketAddress path_ = SocketAddress::from_unix(dir_ / "front.sock");
  config::Model model_;
  io::Loop control_;
  observe::AccessLogWriter log_writer_;
  Registry registry_;
  ListenSockets sockets_;
  std::weak_ptr<const proxy::Site> site_;
  uint64_t generation_ = 0;
  WorkerSet workers_{control_, log_writer_, sockets_};
};

TEST_F(WorkersTest, serve_the_rolled_out_snapshot) {
  roll_out(2);
  EXPECT_EQ(workers_.count(), 2);
  EXPECT_TRUE(answered(connect()));
}

TEST_F(WorkersTest, no_descriptors_for_more_workers_change_nothing) {
  roll_out(1);
  for (const int left : {0, 3, 7}) {
    const FewDescriptors few(left);
    const Status<> refused = workers_.prepare(9, 1000);
    ASSERT_FALSE(refused) << left;
    EXPECT_NE(refused.error().find("(no event loop (too many open files))"), std::string::npos) << refused.error();
    EXPECT_EQ(workers_.count(), 1);
  }
  EXPECT_TRUE(answered(connect()));
  roll_out(3);
  EXPECT_EQ(workers_.count(), 3);
}

TEST_F(WorkersTest, no_descriptors_for_sockets_that_move_change_nothing) {
  config::ListenModel tcp;
  tcp.address = *SocketAddress::from_ip("127.0.0.1", 0);
  model_.servers.front().listens.push_back(tcp);  // a socket for each worker
  roll_out(4);
  ASSERT_TRUE(sockets_.open(plan_listens(model_), 2).empty());  // as a reload: no socket is new any more
  {
    const FewDescriptors few;
    const Status<> refused = workers_.prepare(2, 1000);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), "worker 0: no listener on 127.0.0.1:0 (no descriptors left)");
    EXPECT_TRUE(workers_.prepare(4, 1000)) << "each has its own already";
    roll_out(2);
    EXPECT_EQ(workers_.count(), 4);
  }
  EXPECT_TRUE(answered(connect()));
  roll_out(2);
  EXPECT_EQ(workers_.count(), 2);
}

TEST_F(WorkersTest, prepared_workers_that_are_not_wanted_end) {
  roll_out(1);
  ASSERT_TRUE(workers_.prepare(4, 1000));
  EXPECT_EQ(workers_.count(), 1);
  workers_.forget_prepared();
  roll_out(2);
  EXPECT_EQ(workers_.count(), 2);
  EXPECT_TRUE(answered(connect()));
}

TEST_F(WorkersTest, share_the_connections_of_one_socket_evenly) {
  roll_out(3, 4);
  std::vector<OwnedFd> clients;
  for (int i = 0; i < 12; ++i) {  // as many as all have room for
    clients.push_back(connect());
    ASSERT_TRUE(answered(clients.back())) << i;
  }
}

TEST_F(WorkersTest, leave_connections_waiting_until_a_worker_has_room) {
  roll_out(2, 2);
  std::vector<OwnedFd> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(connect());
    ASSERT_TRUE(answered(clients.back())) << i;
    ASSERT_EQ(::send(clients.back().get(), "GET", 3, MSG_NOSIGNAL), 3);  // one with half a head is not idle
  }
  turn_until([&] { return all_full(); });
  const OwnedFd waiting = connect();
  EXPECT_FALSE(answered(waiting, 0));
  clients.pop_back();
  EXPECT_TRUE(answered(waiting));
}

TEST_F(WorkersTest, close_the_longest_idle_connection_for_a_newcomer) {
  roll_out(2, 2);
  std::vector<OwnedFd> clients;
  for (int i = 0; i < 6; ++i) {
    clients.push_back(connect());
    ASSERT_TRUE(answered(clients.back())) << i;
  }
  EXPECT_TRUE(closed(clients[0]));
  EXPECT_TRUE(closed(clients[1]));
  for (size_t i = 2; i < clients.size(); ++i) EXPECT_TRUE(answered(clients[i])) << i;
}

TEST_F(WorkersTest, change_in_number_without_losing_connections) {
  roll_out(1);
  const OwnedFd kept = connect();
  ASSERT_TRUE(answered(kept));
  roll_out(3);
  EXPECT_EQ(workers_.count(), 3);
  roll_out(1);
  EXPECT_EQ(workers_.count(), 1);
  EXPECT_TRUE(answered(kept));
  EXPECT_TRUE(answered(connect()));
}

TEST_F(WorkersTest, share_the_memory_of_buffers_whatever_their_number_was) {
  model_.main.buffer_memory = 64 * 1024 * 1024;
  for (const int workers : {1, 8, 3, 1}) {
    SCOPED_TRACE(workers);
    roll_out(workers);
    turn_until([&] {
      size_t count = 0, sum = 0, least = SIZE_MAX;
      workers_.each([&](Worker& worker) {
        const size_t share = worker.seat()->buffer_memory.load();
        ++count;
        sum += share;
        least = std::min(least, share);
      });
      const size_t wanted = model_.main.buffer_memory;
      return count == static_cast<size_t>(workers) && sum <= wanted && sum + count * sizeof(Chunk) > wanted &&
             least + sizeof(Chunk) > wanted / count;
    });
  }
}

TEST_F(WorkersTest, have_the_room_of_the_last_roll_out) {
  roll_out(1, 2);
  roll_out(1, 6);
  std::vector<OwnedFd> clients;
  for (int i = 0; i < 6; ++i) {
    clients.push_back(connect());
    ASSERT_TRUE(answered(clients.back())) << i;
  }
  for (const OwnedFd& client : clients) ASSERT_TRUE(answered(client));  // none has made room
  roll_out(1, 3);
  clients.push_back(connect());
  EXPECT_TRUE(answered(clients.back()));
  for (size_t i = 0; i < 4; ++i) EXPECT_TRUE(closed(clients[i])) << i;
  for (size_t i = 4; i < clients.size(); ++i) EXPECT_TRUE(answered(clients[i])) << i;
}

TEST_F(WorkersTest, give_an_old_snapshot_back_to_control) {
  roll_out(2);
  const std::weak_ptr<const proxy::Site> old = site_;
  ASSERT_FALSE(old.expired());
  roll_out(2);
  turn_until([&old] { return old.expired(); });
}

TEST_F(WorkersTest, count_their_snapshots) {
  roll_out(2);
  const auto live = [this] {
    int sum = 0;
    workers_.each([&sum](Worker& worker) { sum += worker.live_epochs(); });
    return sum;
  };
  turn_until([&] { return live() == 2; });
  roll_out(2);
  turn_until([&] { return live() == 2; });
}

TEST_F(WorkersTest, keep_the_counts_of_ended_workers) {
  roll_out(2);
  ASSERT_TRUE(answered(connect()));
  ASSERT_TRUE(answered(connect()));
  const auto requests = [this] {
    observe::MetricTotals sum = workers_.departed();
    workers_.each([&sum](Worker& worker) { sum.add(worker.metrics()); });
    return sum.get(observe::Counter::kRequests);
  };
  turn_until([&] { return requests() == 2; });
  roll_out(1);
  int serving = 2;
  turn_until([&] {
    serving = 0;
    workers_.each([&serving](Worker&) { ++serving; });
    return serving == 1;
  });
  EXPECT_EQ(requests(), 2U);
}

TEST_F(WorkersTest, receive_down_and_draining_peers) {
  roll_out(2);
  const auto state = std::make_shared<policy::PeerState>(policy::PassiveOptions{});
  workers_.each([&state](Worker& worker) {
    worker.peer_down(state);
    worker.close_tunnels(state, 1001, Millis(0));
  });
  turn_until([&state] { return state.use_count() == 1; });  // nobody was on it: forgotten
  EXPECT_TRUE(answered(connect()));
}

TEST_F(WorkersTest, refuse_newcomers_and_end_idle_connections_when_they_drain) {
  roll_out(2);
  const OwnedFd idle = connect();
  ASSERT_TRUE(answered(idle));
  bool drained = false;
  workers_.drain(Millis(0), [&drained] { drained = true; });
  turn_until([&drained] { return drained; });
  EXPECT_TRUE(closed(idle));
  EXPECT_LT(connect().get(), 0);
  EXPECT_EQ(workers_.count(), 0);
}

TEST_F(WorkersTest, drain_that_keeps_websockets_ends_without_any) {
  roll_out(2);
  bool drained = false;
  workers_.drain(
      Millis(0), [&drained] { drained = true; }, true);
  turn_until([&drained] { return drained; });
  EXPECT_LT(connect().get(), 0);
}

TEST_F(WorkersTest, end_at_once_when_they_are_stopped) {
  roll_out(2);
  const OwnedFd idle = connect();
  ASSERT_TRUE(answered(idle));
  workers_.stop();
  EXPECT_TRUE(closed(idle));
}

}  // namespace
}  // namespace weir::runtime
