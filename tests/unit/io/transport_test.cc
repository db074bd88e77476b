// Transport over TCP and unix sockets: bytes both ways, endings told apart, back-pressure, and closing from every
// callback.
#include "io/transport.h"

#include <gtest/gtest.h>

#include <csignal>

#include "unit/io/harness.h"
#include "unit/temp_dir.h"

namespace weir::io::test {
namespace {

const bool kSigpipeIgnored = std::signal(SIGPIPE, SIG_IGN) != SIG_ERR;

std::string pattern(size_t n) {
  std::string out(n, '\0');
  for (size_t i = 0; i < n; ++i) out[i] = static_cast<char>('a' + (i * 31 + i / 251) % 26);
  return out;
}

class TransportTest : public testing::TestWithParam<bool> {
 protected:
  TransportTest() {
    auto [ours, theirs] = socket_pair(GetParam());
    bound_buffers(ours, theirs);
    peer_ = std::move(theirs);
    transport_ = make_transport(loop_, ours.release());
    transport_->set_handler(&recorder_);
  }
  bool until(const std::function<bool()>& done) { return test::until(loop_, done); }

  Loop loop_;
  Fd peer_;
  std::unique_ptr<Transport> transport_;
  Recorder recorder_;
};
INSTANTIATE_TEST_SUITE_P(Sockets, TransportTest, testing::Bool(),
                         [](const auto& kind) { return std::string(kind.param ? "tcp" : "unix"); });

TEST_P(TransportTest, echoes) {
  recorder_.when_read = [&] { EXPECT_EQ(send(*transport_, recorder_.bytes), 0); };
  transport_->want_read(true);
  peer_.write("hello");
  std::string back;
  EXPECT_TRUE(until([&] { return recorder_.reads > 0; }));
  back = peer_.read_some();
  EXPECT_EQ(back, "hello");
  EXPECT_EQ(transport_->bytes_sent(), 5U);
  EXPECT_EQ(recorder_.sents, 0);
}

TEST_P(TransportTest, reads_only_while_wanted) {
  peer_.write("early");
  loop_.turn(false);
  EXPECT_EQ(recorder_.reads, 0);
  transport_->want_read(true);
  transport_->want_read(true);
  EXPECT_TRUE(until([&] { return recorder_.bytes == "early"; }));
  transport_->want_read(false);
  peer_.write("later");
  loop_.turn(false);
  loop_.turn(false);
  EXPECT_EQ(recorder_.bytes, "early");
  transport_->want_read(true);
  EXPECT_TRUE(until([&] { return recorder_.bytes == "earlylater"; }));
}

TEST_P(TransportTest, wanting_no_more_inside_on_read_ends_the_burst) {
  auto [ours, theirs] = socket_pair(GetParam());
  const int big = 4 << 20;
  ::setsockopt(ours.get(), SOL_SOCKET, SO_RCVBUF, &big, sizeof big);
  ::setsockopt(theirs.get(), SOL_SOCKET, SO_SNDBUF, &big, sizeof big);
  ::fcntl(theirs.get(), F_SETFL, O_NONBLOCK);
  const std::string much = pattern(1 << 20);
  ssize_t wrote = 0;
  while ((wrote = ::write(theirs.get(), much.data(), much.size())) > 0) {
  }
  transport_ = make_transport(loop_, ours.release());
  transport_->set_handler(&recorder_);
  recorder_.when_read = [&] { transport_->want_read(false); };
  transport_->want_read(true);
  EXPECT_TRUE(until([&] { return recorder_.reads > 0; }));
  loop_.turn(false);
  EXPECT_EQ(recorder_.reads, 1);
}

TEST_P(TransportTest, turn_reads_a_slab_in_pieces_of_the_handler) {
  constexpr size_t kAll = 2 << 20;
  for (const size_t wanted : {TransportHandler::kUsualRead, TransportHandler::kMostRead, size_t{100'000}}) {
    auto [ours, theirs] = socket_pair(GetParam());
    const int big = 4 << 20;
    ::setsockopt(ours.get(), SOL_SOCKET, SO_RCVBUF, &big, sizeof big);
    ::setsockopt(theirs.get(), SOL_SOCKET, SO_SNDBUF, &big, sizeof big);
    auto writer = make_transport(loop_, theirs.release());
    transport_ = make_transport(loop_, ours.release());
    Recorder reader;
    reader.wanted = wanted;
    transport_->set_handler(&reader);
    EXPECT_EQ(send(*writer, pattern(kAll)), 0);
    transport_->want_read(true);
    size_t most_in_a_turn = 0;
    for (size_t before = 0; before < kAll; before = reader.bytes.size()) {
      loop_.turn(true);
      most_in_a_turn = std::max(most_in_a_turn, reader.bytes.size() - before);
    }
    EXPECT_EQ(reader.bytes, pattern(kAll));
    EXPECT_LE(reader.most_read, wanted);
    EXPECT_LE(most_in_a_turn, Loop::kSlabBytes) << wanted;
    transport_.reset();
  }
}

TEST_P(TransportTest, sends_many_pieces_as_one_stream) {
  std::vector<std::string> words;
  std::vector<std::string_view> pieces;
  for (int i = 0; i < 200; ++i) words.push_back(i % 7 == 0 ? "" : std::to_string(i));
  std::string all;
  for (const std::string& word : words) {
    pieces.push_back(word);
    all += word;
  }
  size_t accepted = 0;
  EXPECT_EQ(transport_->send(pieces.data(), static_cast<int>(pieces.size()), &accepted), 0);
  EXPECT_EQ(accepted, all.size());
  EXPECT_EQ(transport_->queued(), 0U);
  EXPECT_EQ(peer_.read_some(), all);
}

TEST_P(TransportTest, empty_send_does_nothing) {
  EXPECT_EQ(transport_->send(nullptr, 0), 0);
  EXPECT_EQ(send(*transport_, ""), 0);
  EXPECT_EQ(transport_->queued(), 0U);
}

TEST_P(TransportTest, sends_a_large_body_to_a_slow_reader) {
  const std::string body = pattern(8 << 20);
  constexpr size_t kHigh = 128 << 10;
  constexpr size_t kPiece = 16000;
  size_t offered = 0;
  size_t most = 0;
  const auto fill = [&] {
    while (offered < body.size() && transport_->queued() < kHigh) {
      const std::string_view piece = std::string_view(body).substr(offered, kPiece);
      ASSERT_EQ(send(*transport_, piece), 0);
      offered += piece.size();
      most = std::max(most, transport_->queued());
    }
  };
  recorder_.when_sent = fill;
  fill();
  std::string got;
  while (got.size() < body.size()) {
    loop_.turn(false);
    EXPECT_EQ(transport_->bytes_sent() + transport_->queued(), offered);
    got += peer_.read_some(50'000);
  }
  EXPECT_TRUE(got == body);
  EXPECT_LE(most, kHigh + kPiece);
  loop_.turn(false);
  EXPECT_EQ(transport_->queued(), 0U);
  EXPECT_EQ(transport_->bytes_sent(), body.size());
  EXPECT_EQ(loop_.chunks().outstanding(), 0U);
  EXPECT_EQ(recorder_.errors, 0);
}

// A part of a file, sent as send_file() says; how much of it was taken.
struct SentFile {
  SentFile(Transport& transport, int fd) : transport_(transport), fd_(fd) {}
  size_t operator()(std::string_view head, int64_t offset, size_t size) {
    size_t taken = 1;
    error = transport_.send_file(&head, 1, {fd_, offset, size}, &taken);
    return taken;
  }
  int error = 0;

 private:
  Transport& transport_;
  int fd_;
};

TEST_P(TransportTest, file_goes_behind_its_head) {
  TempDir dir;
  dir.write("file", "0123456789");
  const Fd file(::open((dir / "file").c_str(), O_RDONLY));
  SentFile send_file(*transport_, file.get());
  ASSERT_TRUE(transport_->sends_files());
  EXPECT_EQ(send_file("head ", 2, 5), 5U);
  EXPECT_EQ(send_file("", 7, 100), 3U) << "the file ends there";
  EXPECT_EQ(send_file("", 10, 1), 0U);
  EXPECT_EQ(send_file.error, 0);
  EXPECT_EQ(send(*transport_, " end"), 0);
  EXPECT_EQ(peer_.read_some(), "head 23456789 end");
  EXPECT_EQ(transport_->bytes_sent(), 17U);
  EXPECT_EQ(transport_->queued(), 0U);
}

TEST_P(TransportTest, file_is_not_sent_past_a_queue) {
  TempDir dir;
  const std::string body = pattern(8 << 20);
  dir.write("file", body);
  const Fd file(::open((dir / "file").c_str(), O_RDONLY));
  SentFile send_file(*transport_, file.get());
  const size_t taken = send_file("head ", 0, body.size());
  EXPECT_GT(taken, 0U);
  ASSERT_LT(taken, body.size()) << "nobody reads";
  EXPECT_EQ(transport_->queued(), 0U);
  const std::string rest = body.substr(taken);
  EXPECT_EQ(send(*transport_, rest), 0);
  ASSERT_GT(transport_->queued(), 0U);
  EXPECT_EQ(send_file(" next", 0, body.size()), 0U);
  EXPECT_EQ(send_file.error, 0);
  std::string got;
  while (got.size() < body.size() + 10) {
    loop_.turn(false);
    got += peer_.read_some();
  }
  EXPECT_TRUE(got == "head " + body + " next");
}

TEST_P(TransportTest, file_on_a_broken_connection_is_not_taken) {
  TempDir dir;
  dir.write("file", "0123456789");
  const Fd file(::open((dir / "file").c_str(), O_RDONLY));
  SentFile send_file(*transport_, file.get());
  peer_.reset();
  while (send(*transport_, "x") == 0) {
  }
  EXPECT_EQ(send_file("", 0, 10), 0U);
  EXPECT_LT(send_file.error, 0);
  const uint64_t sent = transport_->bytes_sent();
  transport_->close();
  EXPECT_EQ(send_file("", 0, 10), 0U);
  EXPECT_LT(send_file.error, 0);
  EXPECT_EQ(transport_->bytes_sent(), sent);
}

TEST_P(TransportTest, keeps_the_order_of_sends_behind_a_queue) {
  const std::string first = pattern(4 << 20);
  EXPECT_EQ(send(*transport_, first), 0);
  ASSERT_GT(transport_->queued(), 0U);
  size_t accepted = 1;
  const std::string_view tail = "tail";
  EXPECT_EQ(transport_->send(&tail, 1, &accepted), 0);
  EXPECT_EQ(accepted, 0U);
  std::string got;
  while (got.size() < first.size() + 4) {
    loop_.turn(false);
    got += peer_.read_some();
  }
  EXPECT_TRUE(got == first + "tail");
}

TEST_P(TransportTest, distinguishes_end_from_error) {
  transport_->want_read(true);
  peer_.write("bye");
  peer_.close();
  EXPECT_TRUE(until([&] { return recorder_.eofs > 0; }));
  EXPECT_EQ(recorder_.bytes, "bye");
  EXPECT_EQ(recorder_.errors, 0);
  transport_->want_read(false);
  transport_->want_read(true);
  loop_.turn(false);
  EXPECT_EQ(recorder_.eofs, 1);
}

TEST_P(TransportTest, can_send_after_the_other_side_has_ended) {
  transport_->want_read(true);
  ::shutdown(peer_.get(), SHUT_WR);
  EXPECT_TRUE(until([&] { return recorder_.eofs > 0; }));
  EXPECT_EQ(send(*transport_, "still here"), 0);
  EXPECT_EQ(peer_.read_some(), "still here");
}

TEST_P(TransportTest, shuts_down_writing_once_the_queue_is_empty) {
  const std::string body = pattern(4 << 20);
  EXPECT_EQ(send(*transport_, body), 0);
  ASSERT_GT(transport_->queued(), 0U);
  transport_->shutdown_write();
  EXPECT_EQ(send(*transport_, "x"), -EPIPE);
  std::string got;
  while (got.size() < body.size()) {
    loop_.turn(false);
    got += peer_.read_some();
  }
  EXPECT_TRUE(until([&] { return peer_.at_end(); }));
  EXPECT_TRUE(got == body);
  peer_.write("and back");
  transport_->want_read(true);
  EXPECT_TRUE(until([&] { return recorder_.bytes == "and back"; }));
}

TEST_P(TransportTest, shuts_down_at_once_when_nothing_is_queued) {
  transport_->shutdown_write();
  transport_->shutdown_write();
  EXPECT_TRUE(peer_.at_end());
}

TEST_P(TransportTest, send_to_a_closed_peer_returns_the_error) {
  peer_.close();
  int status = 0;
  for (int i = 0; i < 1000 && status == 0; ++i) status = send(*transport_, "x");
  EXPECT_TRUE(status == -EPIPE || status == -ECONNRESET) << status;
  EXPECT_EQ(send(*transport_, "x"), status);
  loop_.turn(false);
  EXPECT_EQ(recorder_.errors, 0);
}

TEST_P(TransportTest, failed_queued_write_is_reported_once) {
  EXPECT_EQ(send(*transport_, pattern(4 << 20)), 0);
  ASSERT_GT(transport_->queued(), 0U);
  loop_.turn(false);
  peer_.close();
  int sents = 0;  // what the kernel took while it could
  recorder_.when_error = [&] { sents = recorder_.sents; };
  EXPECT_TRUE(until([&] { return recorder_.errors > 0; }));
  EXPECT_TRUE(recorder_.code == -EPIPE || recorder_.code == -ECONNRESET) << recorder_.code;
  EXPECT_EQ(transport_->queued(), 0U);
  EXPECT_EQ(send(*transport_, "x"), recorder_.code);
  transport_->want_read(true);
  loop_.turn(false);
  EXPECT_EQ(recorder_.order, std::vector<std::string>{"error"});
  EXPECT_EQ(recorder_.sents, sents);
}

TEST_P(TransportTest, early_answer_is_read_before_the_write_error) {
  EXPECT_EQ(send(*transport_, pattern(4 << 20)), 0);
  ASSERT_GT(transport_->queued(), 0U);
  peer_.write("413");
  peer_.close();
  transport_->want_read(true);
  EXPECT_TRUE(until([&] { return recorder_.errors > 0; }));
  EXPECT_EQ(recorder_.bytes, "413");
  std::erase(recorder_.order, "eof");  // before the reset, where the other end's kernel had nothing unread yet
  EXPECT_EQ(recorder_.order, (std::vector<std::string>{"read", "error"}));
}

TEST_P(TransportTest, closing_is_idempotent_and_silences_the_handler) {
  EXPECT_EQ(send(*transport_, pattern(4 << 20)), 0);
  const uint64_t sent = transport_->bytes_sent();
  transport_->want_read(true);
  peer_.write("unheard");
  transport_->close();
  transport_->close();
  EXPECT_TRUE(transport_->closed());
  EXPECT_EQ(transport_->queued(), 0U);
  EXPECT_EQ(transport_->bytes_sent(), sent);
  EXPECT_TRUE(transport_->peer_address().empty());
  transport_->shutdown_write();
  transport_->reset();
  loop_.turn(false);
  loop_.turn(false);
  EXPECT_EQ(recorder_.events(), 0);
  EXPECT_EQ(loop_.chunks().outstanding(), 0U);
}

TEST_P(TransportTest, outlives_its_loop) {
  std::unique_ptr<Transport> left;
  {
    Loop loop;
    auto [ours, theirs] = socket_pair(GetParam());
    left = make_transport(loop, ours.release());
    left->set_handler(&recorder_);
    left->want_read(true);
    EXPECT_EQ(send(*left, "said"), 0);
  }
  EXPECT_TRUE(left->closed());
  EXPECT_EQ(left->bytes_sent(), 4u);
  EXPECT_EQ(left->queued(), 0u);
  EXPECT_EQ(send(*left, "more"), -ENOTCONN);
  left->close();
  left.reset();
  EXPECT_EQ(recorder_.events(), 0);
}

TEST_P(TransportTest, drops_events_without_a_handler) {
  transport_->set_handler(nullptr);
  transport_->want_read(true);
  peer_.write("x");
  loop_.turn(true);
  peer_.close();
  loop_.turn(true);
  EXPECT_EQ(recorder_.events(), 0);
}

// Every callback, every way to end inside it: no further event, nothing leaks, nothing is used after it was freed.
TEST_P(TransportTest, may_be_ended_inside_every_callback) {
  const std::vector<std::function<void(std::unique_ptr<Transport>&)>> ends = {
      [](auto& t) { t->close(); },
      [](auto& t) { t->reset(); },
      [](auto& t) { t.reset(); },
  };
  for (const auto& end : ends) {
    for (const char* event : {"read", "eof", "error", "sent"}) {
      SCOPED_TRACE(event);
      auto [ours, theirs] = socket_pair(GetParam());
      bound_buffers(ours, theirs);
      Recorder recorder;
      transport_ = make_transport(loop_, ours.release());
      transport_->set_handler(&recorder);
      bool ended = false;
      const auto do_end = [&] {
        end(transport_);
        ended = true;
      };
      const std::string_view what = event;
      if (what == "read") recorder.when_read = do_end;
      if (what == "eof") recorder.when_eof = do_end;
      if (what == "error") recorder.when_error = do_end;
      if (what == "sent") recorder.when_sent = do_end;
      if (what == "sent" || what == "error") {
        EXPECT_EQ(send(*transport_, pattern(4 << 20)), 0);
      }
      if (what == "read") theirs.write("x");
      if (what == "read" || what == "eof") transport_->want_read(true);
      if (what == "eof" || what == "error") theirs.close();
      if (what == "sent")
        while (!ended) {
          loop_.turn(false);
          theirs.read_some();
        }
      EXPECT_TRUE(until([&] { return ended; }));
      const int events = recorder.events();
      loop_.turn(false);
      loop_.turn(false);
      EXPECT_EQ(recorder.events(), events);
      EXPECT_EQ(loop_.chunks().outstanding(), 0U);
    }
  }
}

TEST(TcpTransport, distinguishes_reset_from_end) {
  Loop loop;
  auto [ours, theirs] = socket_pair(true);
  Recorder recorder;
  auto transport = make_transport(loop, ours.release());
  transport->set_handler(&recorder);
  transport->want_read(true);
  theirs.reset();
  EXPECT_TRUE(until(loop, [&] { return recorder.errors > 0; }));
  EXPECT_EQ(recorder.code, -ECONNRESET);
  EXPECT_EQ(recorder.eofs, 0);
}

TEST(TcpTransport, a_reset_behind_the_last_bytes_is_no_end) {
  Loop loop;
  auto [ours, theirs] = socket_pair(true);
  Recorder recorder;
  auto transport = make_transport(loop, ours.release());
  transport->set_handler(&recorder);
  transport->want_read(true);
  theirs.write("half an answ");
  theirs.reset();
  EXPECT_TRUE(until(loop, [&] { return recorder.errors + recorder.eofs > 0; }));
  EXPECT_EQ(recorder.order, (std::vector<std::string>{"read", "error"}));
  EXPECT_EQ(recorder.code, -ECONNRESET);
}

TEST(TcpTransport, resets_so_that_the_peer_sees_it) {
  Loop loop;
  auto [ours, theirs] = socket_pair(true);
  auto transport = make_transport(loop, ours.release());
  transport->reset();
  EXPECT_EQ(theirs.read_error(), ECONNRESET);
}

TEST(TcpTransport, knows_both_addresses) {
  Loop loop;
  auto [ours, theirs] = socket_pair(true);
  const SocketAddress peer = bound_address(theirs.get());
  const SocketAddress local = bound_address(ours.get());
  auto transport = make_transport(loop, ours.release());
  EXPECT_EQ(transport->peer_address(), peer);
  EXPECT_EQ(transport->local_address(), local);
}

TEST(TcpTransport, peer_process_is_known_of_unix_sockets_alone) {
  Loop loop;
  auto [ours, theirs] = socket_pair(false);
  auto transport = make_transport(loop, ours.release());
  EXPECT_EQ(transport->peer_process(), "uid " + std::to_string(::getuid()) + ", pid " + std::to_string(::getpid()));
  transport->close();
  EXPECT_EQ(transport->peer_process(), "");
  auto [tcp, other] = socket_pair(true);
  EXPECT_EQ(make_transport(loop, tcp.release())->peer_process(), "");
}

TEST(TcpTransport, refuses_a_descriptor_that_is_no_socket) {
  Loop loop;
  EXPECT_EQ(make_transport(loop, -1), nullptr);
  EXPECT_EQ(make_transport(loop, ::open("/dev/null", O_RDONLY | O_CLOEXEC)), nullptr);
}

}  // namespace
}  // namespace weir::io::test
