// Spans to a collector and into a file: what is counted when that fails.
#include "runtime/span_exporter.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <condition_variable>
#include <csignal>
#include <deque>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/owned_fd.h"
#include "unit/no_threads.h"
#include "unit/temp_dir.h"

namespace weir::runtime {
namespace {

using observe::Span;
using observe::SpanExport;
using observe::SpanQueue;

// What it has been asked, and answers.
struct Collector {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<fetch::Request> asked;
  std::deque<Result<fetch::Answer>> first;                      // of the first questions
  Result<fetch::Answer> answer = fetch::Answer{200, {}, "{}"};  // of all others
  int doors = 0;

  void wait_for(size_t count) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return asked.size() >= count; });
  }
};

class Door final : public fetch::HttpDoor {
 public:
  explicit Door(Collector& collector) : collector_(collector) {}
  Result<fetch::Answer> ask(const fetch::Request& request) override {
    const std::lock_guard lock(collector_.mutex);
    collector_.asked.push_back(request);
    collector_.changed.notify_all();
    if (collector_.first.empty()) return collector_.answer;
    Result<fetch::Answer> answer = std::move(collector_.first.front());
    collector_.first.pop_front();
    return answer;
  }

 private:
  Collector& collector_;
};

constexpr Millis kLong{600'000};  // nothing here waits for it

class SpanExporterTest : public testing::Test {
 protected:
  SpanExporterTest() {
    options_.endpoint = "http://collector.test:4318/v1/traces";
    options_.interval = kLong;
    options_.batch_size = 2;
  }
  // Its end is in no hurry: the thread may be kept from running.
  std::unique_ptr<SpanExporter> exporter(Millis patience = kLong, Millis wait = Millis(0)) {
    return std::make_unique<SpanExporter>(
        queue_,
        [this](const SpanExport&) {
          ++collector_.doors;
          return std::make_unique<Door>(collector_);
        },
        patience, SpanRetry{.first = wait, .most = wait});
  }
  static std::vector<Span> spans(size_t count) { return std::vector<Span>(count); }

  const std::shared_ptr<SpanQueue> queue_ = std::make_shared<SpanQueue>();
  Collector collector_;
  SpanExport options_;
};

TEST_F(SpanExporterTest, full_batch_is_posted_at_once) {
  const auto sender = exporter();
  options_.fields = {{"Authorization", "Bearer x"}};
  sender->configure(options_);
  queue_->push(spans(2));
  collector_.wait_for(1);
  sender->stop();
  ASSERT_EQ(collector_.asked.size(), 1u);
  const fetch::Request& request = collector_.asked.front();
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.url, options_.endpoint);
  EXPECT_EQ(request.content_type, "application/json");
  EXPECT_EQ(request.fields, options_.fields);
  EXPECT_TRUE(nlohmann::json::parse(request.body).contains("resourceSpans"));
  EXPECT_EQ(sender->counts().sent, 2u);
}

TEST_F(SpanExporterTest, rest_is_sent_at_the_end) {
  const auto sender = exporter();
  sender->configure(options_);
  queue_->push(spans(1));
  sender->stop();
  EXPECT_EQ(collector_.asked.size(), 1u);
  EXPECT_EQ(sender->counts().sent, 1u);
}

TEST_F(SpanExporterTest, batch_is_sent_again_to_a_busy_collector) {
  const auto sender = exporter();
  collector_.first = {Unexpected{std::string("Could not connect to server")}, fetch::Answer{503, {}, ""},
                      fetch::Answer{429, {}, ""}};
  sender->configure(options_);
  queue_->push(spans(2));
  collector_.wait_for(4);
  sender->stop();
  ASSERT_EQ(collector_.asked.size(), 4u);
  for (const fetch::Request& each : collector_.asked) EXPECT_EQ(each.body, collector_.asked.front().body);
  EXPECT_EQ(sender->counts().sent, 2u);
  EXPECT_EQ(sender->counts().failed, 0u);
}

TEST_F(SpanExporterTest, lost_spans_are_counted) {
  const auto sender = exporter();
  collector_.answer = fetch::Answer{503, {}, ""};
  collector_.first = {fetch::Answer{400, {}, ""}};
  sender->configure(options_);
  queue_->push(spans(2));
  collector_.wait_for(1);  // no second try
  queue_->push(spans(2));
  collector_.wait_for(1 + static_cast<size_t>(SpanRetry().tries));
  sender->stop();
  EXPECT_EQ(collector_.asked.size(), 1u + static_cast<size_t>(SpanRetry().tries));
  EXPECT_EQ(sender->counts().failed, 4u);
  EXPECT_EQ(sender->counts().sent, 0u);
}

TEST_F(SpanExporterTest, spans_behind_a_waiting_batch_are_bounded) {
  const auto sender = exporter(kLong, kLong);
  collector_.answer = fetch::Answer{503, {}, ""};
  options_.batch_count = 1;
  sender->configure(options_);
  queue_->push(spans(2));
  collector_.wait_for(1);
  EXPECT_TRUE(queue_->push(spans(2)));
  EXPECT_FALSE(queue_->push(spans(3)));
  EXPECT_EQ(sender->counts().dropped, 3u);
  EXPECT_EQ(sender->counts().waiting, 2u);
  sender->stop();
  EXPECT_EQ(sender->counts().failed, 4u);
}

TEST_F(SpanExporterTest, end_is_one_more_try) {
  const auto sender = exporter(kLong, kLong);
  collector_.answer = fetch::Answer{503, {{"retry-after", "300"}}, ""};
  sender->configure(options_);
  queue_->push(spans(2));
  collector_.wait_for(1);
  sender->stop();
  EXPECT_EQ(collector_.asked.size(), 2u);
  EXPECT_EQ(sender->counts().failed, 2u);
}

TEST_F(SpanExporterTest, waiting_batch_goes_to_a_new_collector_at_once) {
  const auto sender = exporter(kLong, kLong);
  collector_.first = {fetch::Answer{503, {}, ""}};
  sender->configure(options_);
  queue_->push(spans(2));
  collector_.wait_for(1);
  options_.endpoint = "http://other.test:4318/v1/traces";
  sender->configure(options_);
  collector_.wait_for(2);
  sender->stop();
  ASSERT_EQ(collector_.asked.size(), 2u);
  EXPECT_EQ(collector_.asked.back().url, options_.endpoint);
  EXPECT_EQ(sender->counts().sent, 2u);
}

TEST_F(SpanExporterTest, reloads_use_up_no_tries) {
  const auto sender = exporter(kLong, kLong);
  collector_.first.assign(2 * static_cast<size_t>(SpanRetry().tries), fetch::Answer{503, {}, ""});
  sender->configure(options_);
  queue_->push(spans(2));
  for (size_t asked = 1; asked <= 2 * static_cast<size_t>(SpanRetry().tries); ++asked) {
    collector_.wait_for(asked);
    sender->configure(options_);
  }
  collector_.wait_for(2 * static_cast<size_t>(SpanRetry().tries) + 1);
  sender->stop();
  EXPECT_EQ(sender->counts().sent, 2u);
}

TEST_F(SpanExporterTest, refused_spans_are_counted_apart) {
  const auto sender = exporter();
  collector_.answer = fetch::Answer{200, {}, R"({"partialSuccess":{"rejectedSpans":"1"}})"};
  sender->configure(options_);
  queue_->push(spans(2));
  sender->stop();
  EXPECT_EQ(sender->counts().failed, 1u);
  EXPECT_EQ(sender->counts().sent, 1u);
}

TEST_F(SpanExporterTest, file_gets_one_message_a_line) {
  const TempDir dir;
  const auto sender = exporter();
  options_.endpoint = "file:" + dir.path() + "/spans.json";
  sender->configure(options_);
  queue_->push(spans(3));
  sender->stop();
  std::ifstream file(dir.path() + "/spans.json");
  size_t lines = 0, count = 0;
  for (std::string line; std::getline(file, line); ++lines)
    count += nlohmann::json::parse(line).at("/resourceSpans/0/scopeSpans/0/spans"_json_pointer).size();
  EXPECT_EQ(lines, 2u);
  EXPECT_EQ(count, 3u);
  EXPECT_EQ(collector_.doors, 0);
}

TEST_F(SpanExporterTest, unwritable_file_costs_spans_only) {
  const auto sender = exporter();
  options_.endpoint = "file:/nowhere/at/all/spans.json";
  sender->configure(options_);
  queue_->push(spans(1));
  sender->stop();
  EXPECT_EQ(sender->counts().failed, 1u);
}

TEST_F(SpanExporterTest, fifo_without_a_reader_costs_spans_only) {
  const TempDir dir;
  const std::string fifo = dir / "spans";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const auto sender = exporter();
  options_.endpoint = "file:" + fifo;
  sender->configure(options_);
  queue_->push(spans(1));
  sender->stop();
  EXPECT_EQ(sender->counts().failed, 1u);
}

TEST_F(SpanExporterTest, full_fifo_is_given_up_at_the_end) {
  const TempDir dir;
  const std::string fifo = dir / "spans";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const OwnedFd reader(::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  ASSERT_GE(reader.get(), 0);
  ASSERT_NE(::signal(SIGPIPE, SIG_IGN), SIG_ERR);
  const auto sender = exporter(Millis(500));  // the thread looks every 50 ms, and is joined within 750
  options_.endpoint = "file:" + fifo;
  sender->configure(options_);
  auto large = spans(1);
  large.front().name.assign(1 << 20, 'x');  // more than a pipe holds
  queue_->push(std::move(large));
  sender->stop();
  EXPECT_EQ(sender->counts().sent, 0u);
}

// A disk, or a collector, that does not come back.
class HungDoor final : public fetch::HttpDoor {
 public:
  struct Hold {
    std::mutex mutex;
    std::condition_variable changed;
    bool begun = false, goes_on = false;
  };
  explicit HungDoor(std::shared_ptr<Hold> hold) : hold_(std::move(hold)) {}
  Result<fetch::Answer> ask(const fetch::Request&) override {
    std::unique_lock lock(hold_->mutex);
    hold_->begun = true;
    hold_->changed.notify_all();
    hold_->changed.wait(lock, [this] { return hold_->goes_on; });
    return fetch::Answer{200, {}, "{}"};
  }

 private:
  const std::shared_ptr<Hold> hold_;
};

TEST_F(SpanExporterTest, end_leaves_a_hung_thread_to_itself) {
  const auto hold = std::make_shared<HungDoor::Hold>();
  auto sender = std::make_unique<SpanExporter>(
      queue_, [hold](const SpanExport&) { return std::make_unique<HungDoor>(hold); }, Millis(0));
  sender->configure(options_);
  queue_->push(spans(2));
  {
    std::unique_lock lock(hold->mutex);
    hold->changed.wait(lock, [&] { return hold->begun; });
  }
  sender->stop();
  EXPECT_EQ(sender->counts().sent, 0u);
  sender.reset();
  const std::lock_guard lock(hold->mutex);
  hold->goes_on = true;  // the thread ends
  hold->changed.notify_all();
}

TEST_F(SpanExporterTest, want_of_a_thread_costs_spans_only) {
  const auto sender = exporter();
  {
    const NoThreads none;
    ASSERT_TRUE(none.good());
    sender->configure(options_);
  }
  EXPECT_FALSE(queue_->is_on());
  sender->configure(options_);
  queue_->push(spans(1));
  sender->stop();
  EXPECT_EQ(sender->counts().sent, 1u);
}

TEST_F(SpanExporterTest, thread_begins_with_the_first_endpoint) {
  const auto sender = exporter();
  options_.endpoint.clear();
  sender->configure(options_);
  EXPECT_FALSE(queue_->is_on());
  sender->stop();
}

}  // namespace
}  // namespace weir::runtime
