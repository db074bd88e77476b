// weir's retry rule, row by row; what the client gets and what counts against the peer (SEMANTICS 2.6).
#include "policy/retry.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace weir::policy {

void PrintTo(RetryDecision decision, std::ostream* out) {
  const char* const names[] = {"no", "yes", "free", "budget"};
  *out << names[static_cast<int>(decision)];
}

namespace {

constexpr RetryDecision kNo = RetryDecision::kNo;
constexpr RetryDecision kYes = RetryDecision::kYes;
constexpr RetryDecision kFree = RetryDecision::kFree;
constexpr RetryDecision kBudget = RetryDecision::kBudget;

AttemptFacts failed(ErrorKind kind, uint64_t sent = 100) {
  AttemptFacts facts;
  facts.error = kind;
  facts.bytes_accepted = sent;
  facts.reused_connection = kind == ErrorKind::kReusedClosed;
  return facts;
}

AttemptFacts answered(int status) {
  AttemptFacts facts;
  facts.status = status;
  facts.bytes_accepted = 100;
  facts.response_started = true;
  return facts;
}

RetryConditions every_condition() {
  RetryConditions on;
  on.invalid_header = on.http_500 = on.http_502 = on.http_503 = on.http_504 = on.http_403 = on.http_404 = on.http_429 =
      true;
  return on;
}

RetryConditions no_condition() {
  RetryConditions on;
  on.error = on.timeout = false;
  return on;
}

// One kind of failure: the decision for an idempotent request, for a POST of which bytes were sent, for a POST of which
// none was, and for an upgrade.
struct Row {
  ErrorKind kind;
  RetryDecision get, post_sent, post_unsent, upgrade;
};

void check(const RetryConditions& on, const std::vector<Row>& rows) {
  RetryOptions options;
  options.on = on;
  for (const Row& row : rows) {
    SCOPED_TRACE(traits(row.kind).reason);
    const bool connecting = traits(row.kind).retry == RetryClass::kConnect;
    AttemptFacts facts = failed(row.kind, connecting ? 0 : 100);
    EXPECT_EQ(decide_retry(options, facts), row.get);
    facts.upgrade = true;
    EXPECT_EQ(decide_retry(options, facts), row.upgrade);
    facts.upgrade = false;
    facts.idempotent = false;
    EXPECT_EQ(decide_retry(options, facts), row.post_sent);
    facts.bytes_accepted = 0;
    EXPECT_EQ(decide_retry(options, facts), row.post_unsent);
  }
}

const std::vector<Row> kWithDefaults = {
    {ErrorKind::kConnectRefused, kYes, kYes, kYes, kYes},
    {ErrorKind::kConnectTimeout, kYes, kYes, kYes, kYes},
    {ErrorKind::kConnectFailed, kYes, kYes, kYes, kYes},
    {ErrorKind::kTlsFailed, kYes, kYes, kYes, kYes},
    {ErrorKind::kTlsUnverified, kYes, kYes, kYes, kYes},
    {ErrorKind::kLocalError, kYes, kYes, kYes, kYes},
    {ErrorKind::kReusedClosed, kFree, kNo, kFree, kNo},
    {ErrorKind::kResetBeforeResponse, kYes, kNo, kYes, kNo},
    {ErrorKind::kHeaderTimeout, kBudget, kNo, kBudget, kNo},
    {ErrorKind::kSendTimeout, kBudget, kNo, kBudget, kNo},
    {ErrorKind::kInvalidResponse, kNo, kNo, kNo, kNo},
    {ErrorKind::kNotHttp, kNo, kNo, kNo, kNo},
    {ErrorKind::kDeclaredDown, kYes, kNo, kYes, kNo},
    {ErrorKind::kNotReady, kYes, kYes, kYes, kYes},
    {ErrorKind::kBodyTimeout, kNo, kNo, kNo, kNo},
    {ErrorKind::kResetMidResponse, kNo, kNo, kNo, kNo},
    {ErrorKind::kClientClosed, kNo, kNo, kNo, kNo},
    {ErrorKind::kClientTimeout, kNo, kNo, kNo, kNo},
    {ErrorKind::kClientReadStall, kNo, kNo, kNo, kNo},
    {ErrorKind::kNoPeer, kNo, kNo, kNo, kNo},
    {ErrorKind::kQueueTimeout, kNo, kNo, kNo, kNo},
    {ErrorKind::kQueueFull, kNo, kNo, kNo, kNo},
    {ErrorKind::kOverloaded, kNo, kNo, kNo, kNo},
    {ErrorKind::kRetryBudget, kNo, kNo, kNo, kNo},
};

TEST(Retry, by_default_asks_another_peer_after_error_and_timeout) {
  check(RetryConditions(), kWithDefaults);
}

TEST(Retry, failed_connect_and_stale_reuse_need_no_listing) {
  check(no_condition(), {{ErrorKind::kConnectRefused, kYes, kYes, kYes, kYes},
                         {ErrorKind::kConnectTimeout, kYes, kYes, kYes, kYes},
                         {ErrorKind::kReusedClosed, kFree, kNo, kFree, kNo},
                         {ErrorKind::kResetBeforeResponse, kNo, kNo, kNo, kNo},
                         {ErrorKind::kHeaderTimeout, kNo, kNo, kNo, kNo},
                         {ErrorKind::kSendTimeout, kNo, kNo, kNo, kNo}});
}

TEST(Retry, down_and_not_ready_peers_need_no_listing) {
  check(no_condition(),
        {{ErrorKind::kDeclaredDown, kYes, kNo, kYes, kNo}, {ErrorKind::kNotReady, kYes, kYes, kYes, kYes}});
}

TEST(Retry, down_and_not_ready_peers_cost_a_try) {
  for (const ErrorKind kind : {ErrorKind::kDeclaredDown, ErrorKind::kNotReady}) {
    SCOPED_TRACE(traits(kind).reason);
    AttemptFacts facts = failed(kind);
    facts.tries_made = 3;
    EXPECT_EQ(decide_retry({}, facts), kNo);
    facts.tries_made = 2;
    EXPECT_EQ(decide_retry({}, facts), kYes);
    facts.now = 10'000;
    EXPECT_EQ(decide_retry({}, facts), kNo);
    facts.now = 9'999;
    facts.request_held = false;
    EXPECT_EQ(decide_retry({}, facts), kNo);
    facts.request_held = facts.client_answered = true;
    EXPECT_EQ(decide_retry({}, facts), kNo);
  }
}

TEST(Retry, unsent_upgrade_to_a_down_peer_is_safe) {
  AttemptFacts facts = failed(ErrorKind::kDeclaredDown, 0);
  facts.upgrade = true;
  EXPECT_EQ(decide_retry({}, facts), kYes);
}

TEST(Retry, sends_a_post_again_where_non_idempotent_is_listed) {
  RetryConditions on = every_condition();
  on.non_idempotent = true;
  check(on, {{ErrorKind::kReusedClosed, kFree, kFree, kFree, kNo},
             {ErrorKind::kResetBeforeResponse, kYes, kYes, kYes, kNo},
             {ErrorKind::kHeaderTimeout, kBudget, kBudget, kBudget, kNo},
             {ErrorKind::kInvalidResponse, kYes, kYes, kYes, kNo},
             {ErrorKind::kResetMidResponse, kNo, kNo, kNo, kNo}});
}

TEST(Retry, off_forbids_everything) {
  RetryConditions on = every_condition();
  on.off = on.non_idempotent = true;
  std::vector<Row> rows = kWithDefaults;
  for (Row& row : rows) row = {row.kind, kNo, kNo, kNo, kNo};
  check(on, rows);
  EXPECT_EQ(decide_retry({on, 3, Millis{0}}, answered(503)), kNo);
}

TEST(Retry, listed_status_costs_budget) {
  RetryOptions options;
  for (const int status : {500, 502, 503, 504, 403, 404, 429}) {
    options.on = RetryConditions();
    EXPECT_EQ(decide_retry(options, answered(status)), kNo) << status;
    options.on = every_condition();
    EXPECT_EQ(decide_retry(options, answered(status)), kBudget) << status;
    AttemptFacts post = answered(status);
    post.idempotent = false;
    EXPECT_EQ(decide_retry(options, post), kNo) << status;
  }
  EXPECT_EQ(decide_retry(options, answered(200)), kNo);
  EXPECT_EQ(decide_retry(options, answered(501)), kNo);
}

TEST(Retry, each_status_condition_lists_its_own_status) {
  const int statuses[] = {500, 502, 503, 504, 403, 404, 429};
  bool RetryConditions::*const words[] = {
      &RetryConditions::http_500, &RetryConditions::http_502, &RetryConditions::http_503, &RetryConditions::http_504,
      &RetryConditions::http_403, &RetryConditions::http_404, &RetryConditions::http_429};
  for (size_t word = 0; word < std::size(words); ++word) {
    RetryConditions on;
    on.*words[word] = true;
    for (size_t i = 0; i < std::size(statuses); ++i) EXPECT_EQ(on.lists_status(statuses[i]), i == word);
  }
}

TEST(Retry, never_once_the_client_has_a_byte) {
  for (AttemptFacts facts : {failed(ErrorKind::kConnectRefused, 0), failed(ErrorKind::kReusedClosed), answered(503)}) {
    facts.client_answered = true;
    EXPECT_EQ(decide_retry({every_condition(), 3, Millis{0}}, facts), kNo);
  }
}

TEST(Retry, needs_the_request_held_or_unsent) {
  AttemptFacts facts = failed(ErrorKind::kResetBeforeResponse);
  facts.request_held = false;
  EXPECT_EQ(decide_retry({}, facts), kNo);
  facts = failed(ErrorKind::kConnectRefused, 0);
  facts.request_held = false;
  EXPECT_EQ(decide_retry({}, facts), kYes);
}

TEST(Retry, stops_when_the_tries_are_used_up) {
  RetryOptions options;
  AttemptFacts facts = failed(ErrorKind::kConnectRefused, 0);
  facts.tries_made = 2;
  EXPECT_EQ(decide_retry(options, facts), kYes);
  facts.tries_made = 3;
  EXPECT_EQ(decide_retry(options, facts), kNo);
  options.tries = 0;
  facts.tries_made = 30;
  EXPECT_EQ(decide_retry(options, facts), kYes);
}

TEST(Retry, reused_connection_gives_back_the_last_try) {
  RetryOptions options;
  options.tries = 1;
  EXPECT_EQ(decide_retry(options, failed(ErrorKind::kReusedClosed)), kFree);
  EXPECT_EQ(decide_retry(options, failed(ErrorKind::kResetBeforeResponse)), kNo);
}

TEST(Retry, takes_a_reset_of_a_reused_connection_as_reused) {
  AttemptFacts facts = failed(ErrorKind::kResetBeforeResponse);
  facts.reused_connection = true;
  EXPECT_EQ(decide_retry({no_condition(), 1, Millis{0}}, facts), kFree);
  facts.response_started = true;  // it was alive when the request came
  EXPECT_EQ(decide_retry({no_condition(), 3, Millis{0}}, facts), kNo);
  EXPECT_EQ(decide_retry({}, facts), kYes);
}

TEST(Retry, stops_when_the_time_is_over) {
  RetryOptions options;
  AttemptFacts facts = failed(ErrorKind::kConnectRefused, 0);
  facts.first_started = 1'000;
  facts.now = 10'999;
  EXPECT_EQ(decide_retry(options, facts), kYes);
  facts.now = 11'000;
  EXPECT_EQ(decide_retry(options, facts), kNo);
  options.timeout = Millis{0};
  EXPECT_EQ(decide_retry(options, facts), kYes);
}

TEST(Retry, last_answer_reaches_the_client_when_tries_end) {
  for (const int status : {500, 503, 504, 403, 404, 429}) EXPECT_EQ(exhausted_status(answered(status)), status);
  EXPECT_EQ(exhausted_status(answered(502)), 502);
  for (const ErrorKind kind : {ErrorKind::kConnectTimeout, ErrorKind::kHeaderTimeout, ErrorKind::kSendTimeout})
    EXPECT_EQ(exhausted_status(failed(kind)), 504);
  for (const ErrorKind kind :
       {ErrorKind::kConnectRefused, ErrorKind::kConnectFailed, ErrorKind::kTlsFailed, ErrorKind::kReusedClosed,
        ErrorKind::kResetBeforeResponse, ErrorKind::kInvalidResponse, ErrorKind::kLocalError})
    EXPECT_EQ(exhausted_status(failed(kind)), 502);
  EXPECT_EQ(exhausted_status(failed(ErrorKind::kNoPeer)), 503);
  EXPECT_EQ(exhausted_status(failed(ErrorKind::kDeclaredDown)), 504);
  AttemptFacts not_ready = failed(ErrorKind::kNotReady);
  EXPECT_EQ(exhausted_status(not_ready), 503);
  not_ready.status = 502;
  EXPECT_EQ(exhausted_status(not_ready), 502);
}

TEST(Blame, errors_and_timeouts_always_count) {
  for (const RetryConditions& on : {RetryConditions(), no_condition()})
    for (const ErrorKind kind : {ErrorKind::kConnectRefused, ErrorKind::kConnectTimeout, ErrorKind::kConnectFailed,
                                 ErrorKind::kTlsFailed, ErrorKind::kTlsUnverified, ErrorKind::kResetBeforeResponse,
                                 ErrorKind::kHeaderTimeout, ErrorKind::kSendTimeout, ErrorKind::kBodyTimeout,
                                 ErrorKind::kResetMidResponse, ErrorKind::kNotHttp, ErrorKind::kNotReady})
      EXPECT_TRUE(counts_as_failure({on, 3, Millis{0}}, failed(kind))) << traits(kind).reason;
}

TEST(Blame, closed_reused_connections_clients_and_this_machine_never_count) {
  for (const ErrorKind kind :
       {ErrorKind::kDeclaredDown, ErrorKind::kReusedClosed, ErrorKind::kClientClosed, ErrorKind::kClientTimeout,
        ErrorKind::kLocalError, ErrorKind::kNoPeer, ErrorKind::kQueueFull, ErrorKind::kRetryBudget})
    EXPECT_FALSE(counts_as_failure({every_condition(), 3, Millis{0}}, failed(kind))) << traits(kind).reason;
  AttemptFacts reset = failed(ErrorKind::kResetBeforeResponse);
  reset.reused_connection = true;
  EXPECT_FALSE(counts_as_failure({}, reset));
}

TEST(Blame, statuses_count_when_listed_but_403_and_404_never) {
  for (const int status : {500, 502, 503, 504, 429}) {
    EXPECT_TRUE(counts_as_failure({every_condition(), 3, Millis{0}}, answered(status)));
    EXPECT_FALSE(counts_as_failure({}, answered(status)));
  }
  for (const int status : {403, 404, 200})
    EXPECT_FALSE(counts_as_failure({every_condition(), 3, Millis{0}}, answered(status)));
}

TEST(Blame, a_socket_closed_during_an_upgrade_does_not_count) {
  AttemptFacts facts = failed(ErrorKind::kResetBeforeResponse);
  facts.upgrade = true;
  EXPECT_FALSE(counts_as_failure({}, facts));
  facts.error = ErrorKind::kConnectRefused;
  EXPECT_TRUE(counts_as_failure({}, facts));
}

TEST(RetryBudget, allows_a_share_of_inflight_and_a_minimum) {
  RetryBudget budget(20, 3);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(budget.take(1));
  EXPECT_FALSE(budget.take(1));
  EXPECT_FALSE(budget.take(19));
  EXPECT_TRUE(budget.take(20));
  EXPECT_FALSE(budget.take(20));
  budget.give();
  EXPECT_TRUE(budget.take(20));
}

TEST(RetryBudget, holds_its_limit_among_threads) {
  RetryBudget budget(20, 5);
  std::atomic<int> taken{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) taken += budget.take(0);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken.load(), 5);
}

}  // namespace
}  // namespace weir::policy
