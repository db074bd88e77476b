// otel_trace and its kin: which requests of a location become spans, and what peers are told of it (lb/design/0041).
#pragma once
#include <string>
#include <vector>

#include "route/template.h"

namespace weir::proxy {

struct TraceOptions {
  // A client's traceparent: whether its trace goes on here, and whether peers get one of weir's.
  enum class Propagation : uint8_t { kIgnore = 0, kExtract = 1, kInject = 2, kPropagate = 3 };
  bool extracts() const { return (static_cast<int>(context) & 1) != 0; }
  bool injects() const { return (static_cast<int>(context) & 2) != 0; }
  // Whose trace it is, is for otel_* to say.
  bool is_set() const { return on || context != Propagation::kIgnore; }

  bool on = false;  // `when` says for each request whether there are spans of it
  Propagation context = Propagation::kIgnore;
  route::Template when;  // "on" and "1" are yes
  route::Template name;  // of the span; empty: the location's
  struct Attribute {
    std::string key;
    route::Template value;
  };
  std::vector<Attribute> attributes;
};

}  // namespace weir::proxy
