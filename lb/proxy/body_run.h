// One body on its way through the filters that take it: each stage has what it was given and has not taken yet, in
// chunks. Nothing is allocated for a location without such filters.
#pragma once
#include <cstddef>
#include <string_view>
#include <vector>

#include "base/chunk.h"
#include "filter/filter.h"

namespace weir::proxy {

class BodyRun {
 public:
  // What one stage works through in one turn of the loop: more of it would have all other clients wait (zlib at its
  // best takes 5 ms for this much).
  static constexpr size_t kStep = 64 * 1024;

  explicit BodyRun(ChunkPool& chunks) : chunks_(chunks), out_(chunks) {}

  bool is_on() const { return !stages_.empty(); }
  void add_stage(size_t filter) { stages_.push_back({filter, Chain(chunks_), false, false}); }
  void put(std::string_view bytes) { stages_.front().in.append(bytes); }
  void put_end() { stages_.front().end_in = true; }
  // Moves on what can be: `hook` (filter's index, piece, sink) is called until all is taken, or one of them says
  // kSuspend or kFail, which is returned. kMore: the steps of this turn are done, and something is left.
  template <class Hook>
  filter::Verdict run(Hook&& hook) {
    const size_t before = out_.size();
    const filter::Verdict verdict = run_stages(hook);
    total_ += out_.size() - before;
    return verdict;
  }
  // What has come through.
  Chain& out() { return out_; }
  bool out_ended() const { return out_ended_; }
  // Whether that is, or already is more than, another length than the head says. -1: it says none.
  bool is_wrong(int64_t declared) const {
    if (declared < 0) return false;
    const auto length = static_cast<uint64_t>(declared);
    return total_ > length || (out_ended_ && total_ < length);
  }
  // Bytes that wait for a filter.
  size_t held() const {
    size_t held = 0;
    for (const Stage& stage : stages_) held += stage.in.size();
    return held;
  }
  void clear() {
    stages_.clear();
    out_.clear();
    out_ended_ = false;
    total_ = 0;
  }

 private:
  struct Stage {
    size_t filter;
    Chain in;
    bool end_in;  // nothing follows what is in `in`
    bool ended;   // the filter has had the end
  };
  template <class Hook>
  filter::Verdict run_stages(Hook& hook) {
    bool more = false;
    for (size_t i = 0; i < stages_.size(); ++i) {
      Stage& stage = stages_[i];
      Stage* const next = i + 1 == stages_.size() ? nullptr : &stages_[i + 1];
      filter::Sink sink(next == nullptr ? out_ : next->in);
      for (size_t worked = 0; !stage.ended;) {
        const std::string_view bytes = stage.in.front();
        const bool all = bytes.size() == stage.in.size();
        const filter::Piece piece{bytes, all, all && stage.end_in};
        if (bytes.empty() && !piece.end) break;
        if (worked >= kStep || (next != nullptr && next->in.size() >= kStep)) {
          more = true;
          break;
        }
        const filter::Verdict verdict = hook(stage.filter, piece, sink);
        if (verdict == filter::Verdict::kMore) {
          more = true;
          break;
        }
        if (verdict != filter::Verdict::kContinue) return verdict;
        worked += bytes.size();
        stage.in.consume(bytes.size());
        stage.ended = piece.end;
      }
      if (stage.ended) (next == nullptr ? out_ended_ : next->end_in) = true;
    }
    return more ? filter::Verdict::kMore : filter::Verdict::kContinue;
  }

  ChunkPool& chunks_;
  std::vector<Stage> stages_;
  Chain out_;
  bool out_ended_ = false;
  uint64_t total_ = 0;  // that has come through
};

}  // namespace weir::proxy
