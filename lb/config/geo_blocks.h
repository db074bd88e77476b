// geo{} and split_clients{}.
#pragma once
#include <memory>

#include "config/builder.h"
#include "route/map.h"

namespace weir::config {

// What the block says; faults in it are reported, and what is right is in force.
std::shared_ptr<const route::Map> make_geo(Builder& builder, const Directive& block);
std::shared_ptr<const route::Map> make_split(Builder& builder, const Directive& block);

}  // namespace weir::config
