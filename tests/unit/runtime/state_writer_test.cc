// The state file written beside the loop: a write that hangs, one that fails, and who is told.
#include "runtime/state_writer.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <condition_variable>
#include <mutex>
#include <vector>

#include "io/loop.h"

namespace weir::runtime {
namespace {

// A disk that takes a write when it is told to.
class Disk {
 public:
  Status<> write(const std::string& path, const Overrides& overrides) {
    std::unique_lock lock(mutex_);
    ++begun_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return allowed_ > 0; });
    --allowed_;
    if (!error_.empty()) return Unexpected{error_};
    paths_.push_back(path);
    secrets_.push_back(overrides.sticky_secret);
    return Void{};
  }
  void allow(int writes) {
    const std::lock_guard lock(mutex_);
    allowed_ += writes;
    changed_.notify_all();
  }
  void fail_with(const std::string& error) {
    const std::lock_guard lock(mutex_);
    error_ = error;
  }
  void wait_begun(int writes) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return begun_ >= writes; });
  }
  std::vector<std::string> secrets() {
    const std::lock_guard lock(mutex_);
    return secrets_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int begun_ = 0, allowed_ = 0;
  std::string error_;
  std::vector<std::string> paths_, secrets_;
};

class StateWriterTest : public testing::Test {
 protected:
  std::unique_ptr<StateWriter> writer(Millis patience = Millis(600'000)) {
    return std::make_unique<StateWriter>(
        loop_, [disk = disk_](const std::string& path, const Overrides& all) { return disk->write(path, all); },
        patience);
  }
  static Overrides named(const std::string& name) {
    Overrides overrides;
    overrides.sticky_secret = name;
    return overrides;
  }
  StateWriter::Done told(const std::string& name) {
    return [this, name](const Status<>& saved) { told_.push_back(name + (saved ? "" : ": " + saved.error())); };
  }
  void turn_until(size_t told) {
    while (told_.size() < told) {
      loop_.turn(false);
      ::poll(nullptr, 0, 1);
    }
  }

  io::Loop loop_;
  const std::shared_ptr<Disk> disk_ = std::make_shared<Disk>();  // shared with a thread that hangs in it
  std::vector<std::string> told_;
};

TEST_F(StateWriterTest, hung_write_blocks_no_caller) {
  const auto state = writer();
  state->save("/state", named("a"), told("a"));
  disk_->wait_begun(1);
  state->save("/state", named("b"), told("b"));  // returns, as the first has
  state->save("/state", named("c"), told("c"));
  loop_.turn(false);
  EXPECT_TRUE(told_.empty());
  EXPECT_TRUE(state->counts().pending);
  disk_->allow(2);
  turn_until(3);
  EXPECT_EQ(told_, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(disk_->secrets(), (std::vector<std::string>{"a", "c"})) << "only the newest counts";
  EXPECT_EQ(state->counts().written, 2u);
  EXPECT_FALSE(state->counts().pending);
}

TEST_F(StateWriterTest, failed_write_is_reported_and_counted) {
  const auto state = writer();
  disk_->fail_with("No space left on device");
  disk_->allow(1);
  state->save("/state", named("a"), told("a"));
  turn_until(1);
  EXPECT_EQ(told_.front(), "a: No space left on device");
  EXPECT_EQ(state->counts().failed, 1u);
}

TEST_F(StateWriterTest, end_waits_for_the_last_write) {
  auto state = writer();
  state->save("/state", named("a"));
  disk_->wait_begun(1);
  state->save("/state", named("b"));
  disk_->allow(2);
  state.reset();
  EXPECT_EQ(disk_->secrets(), (std::vector<std::string>{"a", "b"}));
}

TEST_F(StateWriterTest, end_leaves_a_hung_write_to_itself) {
  auto state = writer(Millis(0));
  state->save("/state", named("a"), told("a"));
  disk_->wait_begun(1);
  state.reset();
  loop_.turn(false);
  EXPECT_TRUE(told_.empty()) << "there is nobody to be told any more";
  disk_->allow(1);  // the thread ends
}

TEST_F(StateWriterTest, state_without_a_file_is_saved_at_once) {
  const auto state = writer();
  state->save("", named("a"), told("a"));
  turn_until(1);
  EXPECT_EQ(state->counts().written, 0u);
  EXPECT_FALSE(state->counts().pending);
}

}  // namespace
}  // namespace weir::runtime
