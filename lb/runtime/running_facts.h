// What `weir explain --running` goes by: the state of the weir that serves, looked at on control's thread and used on
// another. The request runs through a snapshot of its own with copies of the peers' states, so that nothing that serves
// is touched.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/model.h"
#include "runtime/name_question.h"
#include "runtime/overrides.h"
#include "runtime/registry.h"

namespace weir::runtime {

struct Runtime;

struct RunningFacts {
  std::shared_ptr<const config::Model> model;
  Overrides overrides;
  std::map<NameQuestion, std::vector<io::ResolvedPeer>> names;  // as the snapshot in force has them
  Registry::InUse in_use;
  MonoMs now = 0;

  ResolveName resolver() const;  // lives as long as this
  // Null: nobody knows it.
  const policy::PeerState* peer(const std::string& upstream, const policy::Peer& peer) const;
};

// Control thread.
RunningFacts running_facts(const Runtime& runtime);
// Into the peers of a snapshot that was built with another registry, and its learned sessions.
void copy_state(const RunningFacts& facts, const proxy::Site& site);

}  // namespace weir::runtime
