// nginx's smooth weighted round robin over one list of peers (SEMANTICS 2.1), and what is known of them between picks.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "policy/eligibility.h"

namespace weir::policy {

class SmoothList : public PeerList {
 public:
  struct Options {
    bool ignore_passive = false;
    bool ramps = false;  // slow_start applies
    bool loads = false;  // conns() is asked for
  };
  SmoothList(const std::vector<Peer>& peers, Options options);

  // Notes the fitness of every peer for next() and noted(); says which there are (a tried peer may be among them with
  // its health). Cheap while no peer changes: see ChangeStamp. A peer that is fit but ramps up (slow_start) is noted as
  // kNever in all but its share of the surveys.
  FitnessSet survey(MonoMs now, const TriedSet* tried);
  // The peers that rest may be had after all: nobody else can. False when there are none.
  bool wake();
  // Peers that ramp up, at the last survey.
  struct Ramp {
    uint32_t peer;
    uint32_t share;  // of its weight, in thousandths; 1 to 1000
    MonoMs from, length;
  };
  std::span<const Ramp> ramps() const { return ramps_; }
  // Moves when ramps() have changed.
  uint32_t ramps_version() const { return ramps_version_; }
  // Until the next survey.
  void note(size_t i, Fitness fitness) {
    noted_.data()[i] = static_cast<int32_t>(fitness);
    differs_ = true;
  }
  Fitness noted(size_t i) const { return static_cast<Fitness>(noted_.data()[i]); }
  // Columns of padded(size()) for loops over all peers (lanes.h): Fitness as noted, kNever in the padding; with
  // Options::loads the requests in flight when they were noted.
  const int32_t* notes() const { return noted_.data(); }
  const int32_t* conns_noted() const { return conns_.data(); }

  // Of the peers that configuration, checks and operator leave (tried and full ones too): how many are passively in?
  struct Count {
    size_t left = 0, in = 0;
    bool most_are_out() const { return in * 2 < left; }
  };
  Count count(MonoMs now);

  // One turn among the peers noted as `worst` or better: whose turn it is, kNone when there are none.
  size_t next(Fitness worst);
  // The same among the peers of the least load: a padded column with NaN for who cannot be had. One alone takes no
  // turn.
  size_t next_of_least(const double* load, double least);
  // The same among these peers alone.
  size_t next_of(std::span<const uint32_t> peers, Fitness worst);

  // An attempt on the peer failed: its effective weight falls and grows back turn by turn.
  void failed(size_t i);
  // Goes on where `former` is; peers that it has not begin as the average of the others. False when it has none of
  // these peers.
  bool inherit(const SmoothList& former);
  // Begins `start` (in 2^-32) and worker / workers of the sequence behind its first pick, so that neither all workers
  // nor all starts send their first request to the same peer.
  void begin(uint32_t start, int worker, int workers);

 private:
  void look_again(MonoMs now);
  void read_loads();
  bool any_at_limit() const;
  FitnessSet note_limits(const TriedSet* tried);
  void rest(MonoMs now);
  // `In::at(i)`: which of the four peers from i on take part. `kGrows`: some effective weights may be lowered.
  template <bool kGrows, class In>
  size_t turn(In in);
  template <class In>
  size_t turn(In in) {
    return lowered_ ? turn<true>(in) : turn<false>(in);
  }
  template <bool kGrows>
  size_t turn_of_few(const int32_t* in);
  void grow(size_t i);

  // Columns, padded to whole lanes with peers that are never picked.
  std::vector<int32_t> current_, effective_, weight_;
  std::vector<int32_t> noted_;   // Fitness, for this pick
  std::vector<int32_t> health_;  // Fitness without load and tries, at the last look
  std::vector<int32_t> conns_;   // empty when nobody asks
  std::vector<int32_t> limit_;   // max_conns; empty when nobody has one
  int32_t sum_ = 0;              // of weight_
  bool lowered_ = false;         // some effective weight may be below its weight
  bool all_fit_ = false;         // every note is kFit
  bool differs_ = false;         // notes may differ from health_

  std::vector<uint32_t> slow_starters_;  // peers with slow_start
  std::vector<uint32_t> credit_;         // what they have saved for their next turn, in thousandths
  std::vector<Ramp> ramps_;
  uint32_t ramps_version_ = 0;
  MonoMs ramped_at_ = 0;           // when the shares were reckoned
  std::vector<uint32_t> resting_;  // those that the last survey noted as kNever
  FitnessSet seen_;
  Count count_;
  uint64_t stamp_ = 0;  // what ChangeStamp was at the last look
  MonoMs looked_at_ = 0;
  MonoMs good_until_ = 0;
};

}  // namespace weir::policy
