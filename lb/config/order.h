// Where the order of things decides: rules, patterns, servers with patterns for names.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/dump.h"

namespace weir::config {

// Looks into the outlines that it was made of.
using Sequence = std::vector<std::string_view>;

// What runs or is asked one after another: a block's lines, with the if{} between them.
Sequence steps_of(const Outline& block);
// The first pattern that matches is the location.
Sequence patterns_of(const Outline& block);
Sequence sequence_of(const std::vector<std::string>& names);

// A look at the cheap signs: neither steps nor patterns can differ.
bool stand_alike(const Outline& before, const Outline& after);

// The first that stands before the second now, and stood behind it. Of what came or went, once or more often, nothing
// is said. Takes time and memory as the part does that the two have not in common.
using Swap = std::pair<std::string_view, std::string_view>;
std::optional<Swap> first_swap(const Sequence& before, const Sequence& after);

}  // namespace weir::config
