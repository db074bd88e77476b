// Packets between two weirs, the descriptors in them, and starting the second one.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

#include "process/handover_channel.h"
#include "process/handover_items.h"
#include "process/successor.h"
#include "unit/temp_dir.h"

namespace weir::process {
namespace {

using ::testing::HasSubstr;

struct Pair {
  Pair() : ends(*HandoverChannel::open()), old(std::move(ends.first)), fresh(std::move(ends.second)) {}
  std::pair<HandoverChannel, OwnedFd> ends;
  HandoverChannel old, fresh;
};

MonoMs soon() {
  return monotonic_ms() + 10'000;
}

bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) >= 0;
}

HandoverItem listener(const SocketAddress& address) {
  HandoverItem item;
  item.address = address;
  item.fd = OwnedFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return item;
}

TEST(HandoverChannel, carries_steps_bytes_and_descriptors) {
  Pair pair;
  int pipe_ends[2];
  ASSERT_EQ(::pipe2(pipe_ends, O_CLOEXEC), 0);
  const OwnedFd read_end(pipe_ends[0]), write_end(pipe_ends[1]);
  ASSERT_TRUE(pair.old.send(HandoverStep::kDescriptors, "what", {{write_end.get()}}, soon()));
  ASSERT_TRUE(pair.old.send(HandoverStep::kState, std::string(HandoverChannel::kMostBody, 's'), {}, soon()));
  Result<HandoverPacket> packet = pair.fresh.receive(soon());
  ASSERT_TRUE(packet) << packet.error();
  EXPECT_EQ(packet->step, HandoverStep::kDescriptors);
  EXPECT_EQ(packet->body, "what");
  ASSERT_EQ(packet->descriptors.size(), 1U);
  EXPECT_NE(::fcntl(packet->descriptors[0].get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_EQ(::write(packet->descriptors[0].get(), "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(::read(read_end.get(), &byte, 1), 1);
  packet = pair.fresh.receive(soon());
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->body.size(), HandoverChannel::kMostBody);
}

TEST(HandoverChannel, end_silence_and_cut_are_errors) {
  {
    Pair pair;
    EXPECT_EQ(pair.fresh.receive(monotonic_ms() + 1).error(), "it did not answer in time");
    pair.fresh.cut();
    EXPECT_EQ(pair.fresh.receive(kNever).error(), "it has ended");
  }
  auto ends = *HandoverChannel::open();
  ends.second.reset();
  EXPECT_EQ(ends.first.receive(kNever).error(), "it has ended");
  EXPECT_EQ(ends.first.send(HandoverStep::kGo, {}, {}, soon()).error(), "it has ended");
}

TEST(HandoverChannel, unexpected_steps_are_errors_and_failures_bring_theirs) {
  Pair pair;
  ASSERT_TRUE(pair.fresh.send(HandoverStep::kServing, {}, {}, soon()));
  EXPECT_THAT(pair.old.expect(HandoverStep::kReady, soon()).error(), HasSubstr("unexpected turn (step V)"));
  ASSERT_TRUE(pair.fresh.send(HandoverStep::kFailed, "no such file", {}, soon()));
  EXPECT_EQ(pair.old.expect(HandoverStep::kReady, soon()).error(), "no such file");
}

TEST(HandoverChannel, unknown_and_oversized_packets_are_refused) {
  auto ends = *HandoverChannel::open();
  HandoverChannel channel(std::move(ends.first));
  ASSERT_EQ(::send(ends.second.get(), "?", 1, 0), 1);
  EXPECT_THAT(channel.receive(soon()).error(), HasSubstr("kind that is not known"));
  const std::string large(HandoverChannel::kMostBody + 2, 'S');
  ASSERT_EQ(::send(ends.second.get(), large.data(), large.size(), 0), static_cast<ssize_t>(large.size()));
  EXPECT_THAT(channel.receive(soon()).error(), HasSubstr("cut short"));
  EXPECT_FALSE(channel.send(HandoverStep::kState, large, {}, soon()));
}

TEST(HandoverItems, hundreds_come_with_their_descriptions) {
  Pair pair;
  std::vector<HandoverItem> items;
  for (int i = 0; i < 300; ++i)
    items.push_back(listener(*SocketAddress::from_ip("127.0.0.1", static_cast<uint16_t>(i + 1))));
  items.push_back(listener(*SocketAddress::from_ip("2001:db8::1", 443)));
  items.push_back(listener(SocketAddress::from_unix("/run/http.sock")));
  items.back().passed = true;
  items.back().name = "weir.socket";
  items.push_back(listener({}));
  items.back().kind = HandoverItem::Kind::kNotify;
  items.back().watchdog = Millis(20'000);
  // The packets wait in the socket: both ends are this thread's.
  ASSERT_TRUE(send_items(pair.old, items, soon()));
  const Result<std::vector<HandoverItem>> came = receive_items(pair.fresh, soon());
  ASSERT_TRUE(came) << came.error();
  ASSERT_EQ(came->size(), items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    EXPECT_EQ((*came)[i].address, items[i].address);
    EXPECT_EQ((*came)[i].name, items[i].name);
    EXPECT_TRUE(is_open((*came)[i].fd.get()));
  }
  EXPECT_TRUE((*came)[301].passed);
  EXPECT_EQ(came->back().watchdog, Millis(20'000));
}

TEST(HandoverItems, descriptors_without_sense_are_closed) {
  const auto refused = [](std::string body, size_t count) {
    std::vector<OwnedFd> descriptors;
    std::vector<int> numbers;
    for (size_t i = 0; i < count; ++i) {
      descriptors.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
      numbers.push_back(descriptors.back().get());
    }
    const bool taken = static_cast<bool>(unpack_items(body, std::move(descriptors)));
    for (const int fd : numbers) EXPECT_FALSE(is_open(fd));
    return !taken;
  };
  const HandoverItem item = listener(*SocketAddress::from_ip("127.0.0.1", 80));
  const std::string good = pack_items(&item, 1);
  EXPECT_TRUE(refused(good, 2));
  EXPECT_TRUE(refused(good + good, 1));
  for (size_t size = 1; size < good.size(); ++size) EXPECT_TRUE(refused(good.substr(0, size), 1)) << size;
  const HandoverItem nowhere = listener({});
  EXPECT_TRUE(refused(pack_items(&nowhere, 1), 1)) << "a listener has an address";
  std::string newer = good;
  newer[0] = 99;
  EXPECT_FALSE(refused(newer, 1)) << "what is not known is left out";
}

TEST(Successor, is_started_with_the_channel_and_the_same_arguments) {
  const TempDir dir;
  auto ends = *HandoverChannel::open();
  const Invocation invocation{
      "/bin/sh", {"sh", "-c", "printf \"$0 $WEIR_HANDOVER $(pwd)\" > out; kill -9 $$", "word"}, dir.path()};
  const Result<pid_t> pid = start_successor(invocation, "", ends.second.get());
  ASSERT_TRUE(pid) << pid.error();
  ends.second.reset();
  EXPECT_EQ(ends.first.receive(kNever).error(), "it has ended");
  EXPECT_EQ(wait_for_end(*pid), "signal 9");
  EXPECT_EQ(dir.read("out"), "word 3 " + std::string(dir.path()));
}

TEST(Successor, binary_that_cannot_run_is_an_error) {
  auto ends = *HandoverChannel::open();
  const Invocation invocation{"", {"weir"}, "/"};
  EXPECT_THAT(start_successor(invocation, "/nonexistent/weir", ends.second.get()).error(),
              HasSubstr("exec() \"/nonexistent/weir\" failed (2: "));
  EXPECT_THAT(start_successor(invocation, "", ends.second.get()).error(), HasSubstr("--binary"));
}

TEST(Successor, hung_child_is_killed) {
  auto ends = *HandoverChannel::open();
  const Invocation invocation{"/bin/sleep", {"sleep", "60"}, "/"};
  const Result<pid_t> pid = start_successor(invocation, "", ends.second.get());
  ASSERT_TRUE(pid);
  EXPECT_EQ(end_child(*pid), "signal 9");
}

TEST(Successor, invocation_keeps_links_and_directory) {
  const char* relative[] = {"./weir", "-c", "weir.conf"};
  const Invocation by_path = take_invocation(3, relative);
  EXPECT_EQ(by_path.program, by_path.directory + "/./weir");
  EXPECT_EQ(by_path.arguments.size(), 3U);
  const char* plain[] = {"weir"};
  EXPECT_THAT(take_invocation(1, plain).program, HasSubstr("process_test")) << "found by the kernel's word";
}

TEST(Successor, handover_is_taken_once_from_the_environment) {
  EXPECT_FALSE(take_handover());
  for (const char* value : {"", "x", "0", "2", "99999", "-1"}) {
    ::setenv("WEIR_HANDOVER", value, 1);
    EXPECT_FALSE(take_handover()) << value;
    EXPECT_EQ(std::getenv("WEIR_HANDOVER"), nullptr);
  }
  auto ends = *HandoverChannel::open();
  ::setenv("WEIR_HANDOVER", std::to_string(ends.second.get()).c_str(), 1);
  std::optional<OwnedFd> channel = take_handover();
  ASSERT_TRUE(channel);
  EXPECT_EQ(channel->get(), ends.second.release());
  EXPECT_EQ(std::getenv("WEIR_HANDOVER"), nullptr);
}

}  // namespace
}  // namespace weir::process
