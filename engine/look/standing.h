// The model of one design, standing at one moment of a trace.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "engine/replay/driver.h"
#include "engine/result.h"
#include "engine/slab/slab_account.h"
#include "engine/strategy/registry.h"
#include "engine/trace/reader.h"
#include "engine/vma/address_spaces.h"
#include "engine/vma/watcher.h"

namespace anonvma {

class Standing {
 public:
  Standing(const Meta& meta, const StrategyChoice& strategy, const Budget& budget);

  // `watcher` observes pages from the first event on.
  void watch(Watcher* watcher) { spaces_.watch(watcher); }
  // Replays the first `events` events. To be called once. Fails where the budget is exceeded; damage
  // behind these events, or before them, ends the replay without an error.
  Status replay(TraceReader& reader, std::uint64_t events);

  const AddressSpaces& spaces() const { return spaces_; }
  const StrategyView& view() const { return spaces_.strategy(); }
  SlabAccount& slab() { return slab_; }
  const SlabAccount& slab() const { return slab_; }
  const CacheSpecs& specs() const { return specs_; }
  // The number of events up to the moment when all caches together held most.
  std::uint64_t events_to_peak() const { return slab_.peak().event + 1; }

 private:
  std::string strategy_;
  CacheSpecs specs_;
  Budget budget_;
  SlabAccount slab_;
  AddressSpaces spaces_;
  Driver driver_;
};

}  // namespace anonvma
