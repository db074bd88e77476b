// What one configuration says otherwise than another, as lines for an operator.
#pragma once
#include <string>
#include <vector>

#include "config/model.h"

namespace weir::config {

// By their effective settings, so that a line may have moved, a file been split or a default been written out without a
// difference:
//   + upstream myapp: server 10.0.0.4:13000
//   - server app.example: location /old/
//   ~ upstream myapp: server 10.0.0.1:13000 weight=2 (was weight=1)
//   ~ proxy_read_timeout 30s (was 60s): server app.example, location / and 3 more
//   ~ server app.example, location /: deny all is now before allow 10.0.0.0/8
// Of an order, where it decides, the first change is told: of rules, of locations that are patterns, of the servers of
// an address, whose first is its default. What dump_effective() does not show (maps, log formats) is not compared.
std::vector<std::string> differences(const Model& before, const Model& after);
// The same of two texts that dump_effective() with defaults has made.
std::vector<std::string> differences(const std::string& before, const std::string& after);

}  // namespace weir::config
