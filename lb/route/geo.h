// geo{}: a value by an address (nginx's ngx_http_geo_module): the most specific network, or the range, that holds it.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/sockaddr.h"
#include "route/finder.h"

namespace weir::route {

class Geo final : public Finder {
 public:
  // Network byte order, so that they compare as numbers; of IPv4 the last four bytes count, the rest is 0.
  using Number = std::array<uint8_t, 16>;

  void set_default(std::string value) { default_ = add_value(std::move(value)); }
  // A later one of the same network takes its place; true: there was one.
  Result<bool> add_network(std::string_view network, std::string value);
  // False: there is none.
  Result<bool> remove_network(std::string_view network);
  // "10.0.0.1-10.0.0.9", IPv4. One inside another takes its part; one that crosses another's border is an error.
  Status<> add_range(std::string_view range, std::string value);
  Status<> remove_range(std::string_view range);
  // Behind these the client is the last address in `forwarded`, a field that each proxy appends to.
  Status<> add_proxy(std::string_view network);
  void set_forwarded(Template forwarded) { forwarded_ = std::move(forwarded); }
  void set_recursive() { recursive_ = true; }
  bool has_proxies() const { return !proxies_.empty(); }
  // When all is added.
  void freeze();

  // `text`: an address. One that is none has the default.
  std::string_view find(std::string_view text, const VariableSource& source, Arena& arena) const override;
  const Template* beside() const override { return has_proxies() ? &forwarded_ : nullptr; }

 private:
  struct Network {
    Number first, last;
    int bits;
  };
  struct Less {
    bool operator()(const Network& a, const Network& b) const {
      return a.bits != b.bits ? a.bits < b.bits : a.first < b.first;
    }
  };
  // What holds from an address on, until the next of its kind.
  struct Step {
    Number from;
    int value;
  };
  using Steps = std::map<Number, int>;
  static constexpr int kDefault = -1;

  static Result<Network> parse_network(std::string_view text, bool& is_ipv6);
  static Result<Network> parse_range(std::string_view text);
  static void paint(Steps& steps, const Number& first, const Number& last, int value);
  int add_value(std::string value);
  std::string_view value_of(const SocketAddress& address) const;
  SocketAddress client(const SocketAddress& address, const VariableSource& source, Arena& arena) const;

  std::vector<std::string> values_;
  std::map<std::string, int> value_index_;
  int default_ = kDefault;
  std::map<Network, int, Less> networks4_, networks6_;  // less specific ones first
  Steps ranges_;
  std::vector<Step> steps4_, steps6_;  // frozen
  std::vector<Cidr> proxies_;
  Template forwarded_;
  bool recursive_ = false;
};

}  // namespace weir::route
