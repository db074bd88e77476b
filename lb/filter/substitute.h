// sub_filter: texts in answers that are replaced by others, wherever the pieces of a body are cut.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "filter/content_types.h"
#include "filter/filter.h"
#include "route/template.h"

namespace weir::filter {

struct Substitution {
  route::Template from;  // letters in any case; empty: none
  route::Template to;
};

struct SubstituteOptions {
  std::vector<Substitution> list;             // where several begin at one place, the first that matches counts
  bool once = true;                           // each of them once in a body
  bool keep_last_modified = false;            // sub_filter_last_modified; ETag becomes a weak one then
  std::shared_ptr<const ContentTypes> types;  // null: text/html
};

std::shared_ptr<const Filter> make_substitute(SubstituteOptions options);

}  // namespace weir::filter
