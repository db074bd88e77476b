// split_clients{}: a value by the hash of a text (nginx's ngx_http_split_clients_module).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "route/finder.h"

namespace weir::route {

// MurmurHash2 (Appleby) with the seed 0, as nginx has it.
uint32_t murmur2(std::string_view bytes);

class Split final : public Finder {
 public:
  // In hundredths of a percent; 0: all that is left. False: more than 100 % in all.
  bool add(uint32_t hundredths, std::string value);
  std::string_view find(std::string_view text, const VariableSource& source, Arena& arena) const override;

 private:
  struct Part {
    uint32_t below;  // hashes; 0: all
    std::string value;
  };
  std::vector<Part> parts_;
  uint32_t sum_ = 0;
  uint32_t last_ = 0;
};

}  // namespace weir::route
