#include "engine/strategy/parts/cow_forest.h"

#include <algorithm>

namespace anonvma {

ContextId CowForest::make() {
  mms_below_.clear();
  ContextId made;
  if (free_.empty()) {
    made = ContextId{static_cast<std::uint32_t>(nodes_.size())};
    nodes_.emplace_back();
  } else {
    made = free_.back();
    free_.pop_back();
  }
  nodes_[made.v] = {.name = ++names_,
                    .has_mm = true,
                    .parent = {},
                    .first_child = {},
                    .prev_sibling = {},
                    .next_sibling = {}};
  return made;
}

void CowForest::link(ContextId child, ContextId parent) {
  mms_below_.clear();
  Node &c = nodes_[child.v], &p = nodes_[parent.v];
  c.parent = parent;
  c.next_sibling = p.first_child;
  if (p.first_child) nodes_[p.first_child.v].prev_sibling = child;
  p.first_child = child;
}

void CowForest::unlink(ContextId child) {
  const Node& c = nodes_[child.v];
  if (c.prev_sibling)
    nodes_[c.prev_sibling.v].next_sibling = c.next_sibling;
  else
    nodes_[c.parent.v].first_child = c.next_sibling;
  if (c.next_sibling) nodes_[c.next_sibling.v].prev_sibling = c.prev_sibling;
}

std::vector<ContextId> CowForest::drop_mm(ContextId context) {
  mms_below_.clear();
  std::vector<ContextId> gone;
  nodes_[context.v].has_mm = false;
  while (context && !nodes_[context.v].has_mm && !nodes_[context.v].first_child) {
    const ContextId above = parent(context);
    if (above) unlink(context);
    nodes_[context.v].name = 0;
    gone.push_back(context);
    free_.push_back(context);
    context = above;
  }
  return gone;
}

bool CowForest::descends(ContextId context, std::uint64_t ancestor) const {
  // Descendants have larger names than their ancestors.
  while (context && name(context) > ancestor) context = parent(context);
  return context && name(context) == ancestor;
}

std::uint64_t CowForest::mms_below(ContextId context) const {
  if (mms_below_.empty()) count_mms();
  return mms_below_[context.v];
}

// Descendants have larger names than their ancestors. From the last name to the first, each context
// adds its count to its parent.
void CowForest::count_mms() const {
  mms_below_.assign(nodes_.size(), 0);
  std::vector<std::uint32_t> order;
  for (std::uint32_t i = 0; i < nodes_.size(); ++i)
    if (nodes_[i].name != 0) order.push_back(i);
  std::sort(order.begin(), order.end(),
            [this](std::uint32_t a, std::uint32_t b) { return nodes_[a].name > nodes_[b].name; });
  for (const std::uint32_t i : order) {
    if (nodes_[i].has_mm) ++mms_below_[i];
    if (const ContextId above = nodes_[i].parent) mms_below_[above.v] += mms_below_[i];
  }
}

}  // namespace anonvma
