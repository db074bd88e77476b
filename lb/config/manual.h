// The reference of the configuration, from the rows of the tables.
#pragma once
#include <string>
#include <string_view>

namespace weir::config {

// One directive as text, all its rows (it may mean different things in different blocks); empty: there is none of that
// name.
std::string manual_entry(std::string_view name);
// All of them, by name.
std::string manual_text();
// weir.conf(5), as troff.
std::string manual_page(std::string_view version);

}  // namespace weir::config
