// geoip2{}: variables by what a database says of an address.
#pragma once
#include "config/builder.h"

namespace weir::config {

// Declares the variables of a `geoip2 FILE { ... }`; faults are reported.
void declare_geoip(Builder& builder, const Directive& block);

}  // namespace weir::config
