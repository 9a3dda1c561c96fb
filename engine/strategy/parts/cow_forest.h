// The fork tree of a cow-context design. An mm has a context, which is linked to that of the mm it
// was forked from. A context lives as long as its mm or a child context.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/ids.h"

namespace anonvma {

using ContextId = Id<struct ContextTag>;  // dense and reused

class CowForest {
 public:
  ContextId make();  // for a new mm, without a parent
  // `child` has no parent yet.
  void link(ContextId child, ContextId parent);
  // The mm of `context` is gone. Returns the contexts that go with it, in this order: none, or the
  // context itself and the ancestors that it was the last to hold.
  std::vector<ContextId> drop_mm(ContextId context);

  bool alive(ContextId context) const { return nodes_[context.v].name != 0; }
  ContextId parent(ContextId context) const { return nodes_[context.v].parent; }
  std::uint64_t name(ContextId context) const { return nodes_[context.v].name; }
  // True if `ancestor` is the name of `context`, or of one it descends from.
  bool descends(ContextId context, std::uint64_t ancestor) const;
  // The number of living mms of `context` and of all its descendants. The first call after a change
  // visits the whole forest, later calls read a cache.
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
  mutable std::vector<std::uint64_t> mms_below_;  // empty: not counted since the last change
};

}  // namespace anonvma
