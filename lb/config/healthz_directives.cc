// healthz: a location that says whether this weir should be sent requests.
#include "config/builder.h"
#include "config/fields.h"

namespace weir::config {
namespace {

void apply_healthz(Call& call) {
  proxy::Location& location = call.scope.level->location;
  if (location.pass) call.error("\"healthz\" and \"proxy_pass\" cannot both answer in one location");
  if (location.returns) call.warning("\"healthz\" is without effect beside \"return\", which answers before it");
  proxy::Healthz healthz;
  for (size_t i = 0; i < call.count(); ++i) {
    const int index = call.builder.find_upstream(call.arg(i), false);
    if (index < 0)
      call.error_at(i, "no upstream is named \"" + call.arg(i) + "\"");
    else
      healthz.clusters.push_back(index);
  }
  location.healthz = std::move(healthz);
}

std::vector<std::string> show_healthz(const Scope& scope) {
  const auto& healthz = scope.level->location.healthz;
  if (!healthz || scope.model == nullptr) return {};
  std::string names;
  for (const int index : healthz->clusters)
    names += (names.empty() ? "" : " ") + quote_word(scope.model->upstreams[static_cast<size_t>(index)].name);
  return {names};
}

const Row kRows[] = {
    {
        .name = "healthz",
        .contexts = kLocation,
        .kind =
            {.form = "[UPSTREAM ...]", .least_args = 0, .most_args = -1, .apply = apply_healthz, .show = show_healthz},
        .help = "Answers 200 while weir accepts and each of these upstreams has a peer that takes requests, else 503: "
                "for whoever stands in front of several weirs. 503 too while weir drains.",
        .turn = Turn::kWhole,
    },
};

}  // namespace

std::span<const Row> healthz_rows() {
  return kRows;
}

}  // namespace weir::config
