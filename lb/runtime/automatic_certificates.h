// Certificates that come by ACME: what a configuration wants of them, and how proofs reach the workers.
#pragma once
#include <vector>

#include "acme/keeper.h"
#include "config/model.h"
#include "proxy/challenges.h"

namespace weir::runtime {

acme::Plan certificate_plan(const config::Model& model);
// In the place of all that were shown. Any thread.
void show_proofs(const std::vector<acme::Proof>& proofs, proxy::Challenges& challenges);

}  // namespace weir::runtime
