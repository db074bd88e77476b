// The place of a subrequest in a list: of its parent's, of the Core's.
#pragma once
#include "base/intrusive_list.h"

namespace weir::proxy {

class Subrequest;

struct SubrequestLink final : ListNode {
  explicit SubrequestLink(Subrequest& of) : subrequest(of) {}
  Subrequest& subrequest;
};

}  // namespace weir::proxy
