// nginx's smooth weighted round robin over one list of peers (SEMANTICS 2.1), and what is known of them between picks.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "policy/eligibility.h"

namespace weir::policy {

class SmoothList : public PeerList {
 public:
  // `ramps`: slow_start applies.
  SmoothList(const std::vector<Peer>& peers, bool ignore_passive, bool ramps);

  // Notes the standing of every peer for next() and noted(); says which there are (a tried peer may be among them with
  // its health). Cheap while no peer changes: see ChangeStamp. A peer that is fit but ramps up (slow_start) is noted as
  // kNever in all but its share of the surveys.
  StandingSet survey(MonoMs now, const TriedSet* tried);
  // The peers that rest may be had after all: nobody else can. False when there are none.
  bool wake();
  // Peers that ramp up, at the last survey.
  struct Ramp {
    uint32_t peer;
    uint32_t share;  // of its weight, in thousandths; 1 to 1000
  };
  std::span<const Ramp> ramps() const { return ramps_; }
  void note(size_t i, Standing standing) { noted_.data()[i] = static_cast<int32_t>(standing); }
  Standing noted(size_t i) const { return static_cast<Standing>(noted_.data()[i]); }
  // The end of a pick: peers that it was not to have are peers like others again.
  void unmark_tried(const TriedSet& tried);

  // Of the peers that configuration, checks and operator leave (tried and full ones too): how many are passively in?
  struct Count {
    size_t left = 0, in = 0;
    bool most_are_out() const { return in * 2 < left; }
  };
  Count count(MonoMs now);

  // One turn among the peers noted as `worst` or better: whose turn it is, kNone when there are none.
  size_t next(Standing worst) { return next(noted_, worst); }
  // The same by other notes than survey()'s; as many as blank_notes() has.
  size_t next(const std::vector<int32_t>& notes, Standing worst);
  std::vector<int32_t> blank_notes() const;
  // The same among these peers alone.
  size_t next_of(std::span<const uint32_t> peers, Standing worst);

  // An attempt on the peer failed: its effective weight falls and grows back turn by turn.
  void failed(size_t i);
  // Starts where `worker` of `workers` should, so that workers do not all send their first request to the same peer.
  void stagger(int worker, int workers);

 private:
  void look_again(MonoMs now);
  void rest(MonoMs now);

  // Columns, padded to whole lanes with peers that are never picked.
  std::vector<int32_t> current_, effective_, weight_;
  std::vector<int32_t> noted_;   // Standing, for this pick
  std::vector<int32_t> health_;  // Standing without load and tries, at the last look

  std::vector<uint32_t> limited_;        // peers with max_conns: their load is looked at in every pick
  std::vector<uint32_t> slow_starters_;  // peers with slow_start
  std::vector<uint32_t> credit_;         // what they have saved for their next turn, in thousandths
  std::vector<Ramp> ramps_;
  std::vector<uint32_t> resting_;  // those that the last survey noted as kNever
  StandingSet seen_;
  Count count_;
  uint64_t stamp_ = 0;  // what ChangeStamp was at the last look
  MonoMs looked_at_ = 0;
  MonoMs good_until_ = 0;
};

}  // namespace weir::policy
