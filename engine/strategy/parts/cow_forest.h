// Who forked from whom, as a cow-context design keeps it: a context per mm, linked to that of the
// mm it was forked from, and alive as long as its mm or a child of it.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/ids.h"

namespace anonvma {

using ContextId = Id<struct ContextTag>;  // dense, and given out again

class CowForest {
 public:
  ContextId make();  // for a new mm, without a parent
  // `child` has no parent yet.
  void link(ContextId child, ContextId parent);
  // The mm of `context` is gone. What goes with it: nothing, or itself and those of its ancestors
  // that it was the last to hold, in this order.
  std::vector<ContextId> drop_mm(ContextId context);

  bool alive(ContextId context) const { return nodes_[context.v].name != 0; }
  ContextId parent(ContextId context) const { return nodes_[context.v].parent; }
  std::uint64_t name(ContextId context) const { return nodes_[context.v].name; }
  // Is `ancestor` the name of `context`, or of one it descends from?
  bool descends(ContextId context, std::uint64_t ancestor) const;
  // Living mms of `context` and of all that descend from it. The first call after a change goes
  // through the whole forest, the next ones through nothing.
  std::uint64_t mms_below(ContextId context) const;

 private:
  struct Node {
    std::uint64_t name = 0;  // never used twice; 0: freed
    bool has_mm = false;
    ContextId parent;
    ContextId first_child, prev_sibling, next_sibling;
  };
  void unlink(ContextId child);

  void count_mms() const;

  std::vector<Node> nodes_;
  std::vector<ContextId> free_;
  std::uint64_t names_ = 0;
  mutable std::vector<std::uint64_t> mms_below_;  // empty: to be counted
};

}  // namespace anonvma
