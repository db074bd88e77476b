// A proxy_pass behind a cache: the answer comes out of a file where there is a fresh one, else a peer is asked and what
// it says is kept for the next. nginx's states: MISS, BYPASS, EXPIRED, STALE, UPDATING, REVALIDATED, HIT.
//
// While a peer is asked, the ProxyContent is the exchange's content and this one listens: it edits the request, looks
// at the answer's head, and copies the body. cache_store.cc has that, cache_answer.cc what goes to the client.
#pragma once
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/timer_wheel.h"
#include "cache/stored_head.h"
#include "cache/zone.h"
#include "io/file_reader.h"
#include "proxy/content.h"
#include "proxy/file_answer.h"
#include "route/template.h"

namespace weir::cache {
class Store;
}

namespace weir::proxy {

class Core;
class Exchange;
struct CacheOptions;

// Of a body that is fetched whole: the part that the client gets.
struct Cut {
  bool on = false;
  uint64_t skip = 0;  // bytes in front of it that are still to come
  uint64_t left = 0;  // and of it
  // Of the next piece.
  std::string_view take(std::string_view bytes) {
    const size_t before = static_cast<size_t>(std::min<uint64_t>(skip, bytes.size()));
    skip -= before;
    const std::string_view part = bytes.substr(before, static_cast<size_t>(std::min<uint64_t>(left, bytes.size())));
    left -= part.size();
    return part;
  }
};

class CacheContent final : public Content, private io::FileReader::Handler, private DeadlineHandler {
 public:
  CacheContent(Core& core, Exchange& exchange);
  ~CacheContent();
  CacheContent(const CacheContent&) = delete;
  CacheContent& operator=(const CacheContent&) = delete;

  void begin();
  // Instead of what a peer has said, or not said.
  void serve_stale();

  // --- Content
  void on_request_body(std::string_view piece) override;
  void resume() override;
  bool wants_request_body() override;
  void resume_response(const Chain& held) override;
  void abort(ErrorKind kind) override;
  void end() override;

  // --- for the ProxyContent that asks a peer
  // What is for the client's own copy is not passed on; the cache's copy has its conditions in their place.
  void edit_request(http::FieldList& fields);
  // GET where the client says HEAD.
  bool asks_get() const;
  // True: the stored answer goes out in the place of this one; serve_stale() follows.
  bool takes_answer(const http::ResponseHead& response);
  void begin_store(http::ResponseHead& response);
  // Behind that: the client may have asked for a part of the answer, which is fetched whole. The head is of that then.
  void fit_to_client(http::ResponseHead& response);
  // Keeps the bytes; those of them that the client gets.
  std::string_view take(std::string_view bytes) {
    if (store_ != nullptr) add_to_store(bytes);
    return cut_.on ? cut_.take(bytes) : bytes;
  }
  // Whether the answer is to be kept, as far as the request decides; whether this one is being kept, which ends where
  // the disk does not take it.
  bool stores() const { return stores_; }
  bool is_storing() const;
  void complete_store();
  void drop_store();
  // The same as takes_answer() where no answer has come.
  bool stands_in(ErrorKind kind);

  // Gives back what others wait for; nothing is stored any more that has not ended.
  void release();
  void end_life();

  // --- what variables ask for
  std::string_view status() const { return cache::to_string(outcome_); }
  bool is_serving() const { return step_ == Step::kServing; }
  const http::ResponseHead& head() const { return answer_.head(); }

 private:
  enum class Step : uint8_t { kIdle, kWaiting, kOpening, kServing, kPassedOn };
  // What becomes of the file that is being opened.
  enum class Purpose : uint8_t {
    kServe,  // it is fresh, or served all the same
    kKeep    // a peer is asked; it may stand in
  };

  void on_file_ready() override;
  void on_deadline(Deadline& which) override;

  const CacheOptions& options() const;
  bool is_cached_method() const;
  // False: it names one that there is not, and the request is answered.
  bool choose_zone();
  bool any_holds(const std::vector<route::Template>& conditions) const;
  int64_t wall() const;
  void look();
  void found();
  // `until`: when this kind of waiting ends, which its first time decides; 0 before.
  void wait(MonoMs& until, Millis most);
  void look_again();
  void stop_waiting();
  void open(Purpose purpose);
  void opened();
  // The head of the file that has been read; false: it is not what it should be.
  bool take_head();
  bool may_be_served_stale(bool because_of_error) const;
  bool updates_aside();
  void end_update();
  void pass_on();
  void serve(cache::Outcome outcome);
  std::string_view stored_field(std::string_view name) const;
  bool refreshes(const http::ResponseHead& response);
  cache::Freshness judge(const http::ResponseHead& response) const;
  void add_to_store(std::string_view bytes);

  Core& core_;
  Exchange& x_;
  io::FileReader reader_;
  FileAnswer answer_;
  Deadline deadline_{this};
  Step step_ = Step::kIdle;
  Purpose purpose_ = Purpose::kServe;
  bool stores_ = false;        // a peer's answer is to be kept, if it may be
  bool invalidates_ = false;   // a method that changes something: RFC 9111 4.4
  bool has_stored_ = false;    // stored_ is the head of the file that is open
  bool is_refreshed_ = false;  // by a 304
  Cut cut_;
  int looks_ = 0;
  cache::Outcome outcome_ = cache::Outcome::kNone;
  std::shared_ptr<cache::Zone> zone_;  // that the request has chosen; null: none
  std::string key_;
  cache::Zone::Found found_;
  uint64_t waiter_ = 0;
  MonoMs locked_until_ = 0;
  MonoMs writing_until_ = 0;
  int64_t asked_at_ = 0;         // the peer, in seconds since the Unix epoch
  std::string stored_bytes_;     // the head of the file that is open
  std::string refreshed_bytes_;  // or what a 304 has made of it
  cache::StoredHead stored_;     // views of either
  std::unique_ptr<cache::Store> store_;
  std::shared_ptr<CacheContent*> token_;  // for wakes of other threads
};

}  // namespace weir::proxy
