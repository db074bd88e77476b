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
  explicit BodyRun(ChunkPool& chunks) : chunks_(chunks), out_(chunks) {}

  bool is_on() const { return !stages_.empty(); }
  void add_stage(size_t filter) { stages_.push_back({filter, Chain(chunks_), false, false}); }
  void put(std::string_view bytes) { stages_.front().in.append(bytes); }
  void put_end() { stages_.front().end_in = true; }
  // Moves on what can be: `hook` (filter's index, piece, sink) is called until all is taken, or one of them says
  // kSuspend or kFail, which is returned.
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
    for (size_t i = 0; i < stages_.size(); ++i) {
      Stage& stage = stages_[i];
      const bool last_stage = i + 1 == stages_.size();
      while (!stage.ended) {
        const std::string_view bytes = stage.in.front();
        const bool all = bytes.size() == stage.in.size();
        const filter::Piece piece{bytes, all, all && stage.end_in};
        if (bytes.empty() && !piece.end) break;
        filter::Sink sink(last_stage ? out_ : stages_[i + 1].in);
        const filter::Verdict verdict = hook(stage.filter, piece, sink);
        if (verdict != filter::Verdict::kContinue) return verdict;
        stage.in.consume(bytes.size());
        stage.ended = piece.end;
      }
      if (stage.ended) (last_stage ? out_ended_ : stages_[i + 1].end_in) = true;
    }
    return filter::Verdict::kContinue;
  }

  ChunkPool& chunks_;
  std::vector<Stage> stages_;
  Chain out_;
  bool out_ended_ = false;
  uint64_t total_ = 0;  // that has come through
};

}  // namespace weir::proxy
