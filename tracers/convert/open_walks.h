// Walks whose mms wait for their own ring records.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/trace/event.h"
#include "tracers/convert/walked.h"

namespace anonvma {

class OpenWalks {
 public:
  struct Reached {
    SnapReason reason;
    WalkedMm mm;
  };

  void add(std::uint64_t id, SnapReason reason, std::vector<WalkedMm> mms) {
    Walk& walk = walks_[id];
    walk.reason = reason;
    for (WalkedMm& mm : mms) {
      const std::uint64_t address = mm.head.mm;
      walk.mms.insert_or_assign(address, std::move(mm));
    }
  }
  void forget(std::uint64_t id) { walks_.erase(id); }
  // Returns the mm at `address`, whose ring record has come. Nothing if another task that shares
  // the mm had a record before.
  std::optional<Reached> reach(std::uint64_t id, std::uint64_t address) {
    const auto walk = walks_.find(id);
    if (walk == walks_.end()) return std::nullopt;
    auto node = walk->second.mms.extract(address);
    if (node.empty()) return std::nullopt;
    return Reached{walk->second.reason, std::move(node.mapped())};
  }

 private:
  struct Walk {
    SnapReason reason;
    std::unordered_map<std::uint64_t, WalkedMm> mms;  // by kernel address
  };
  std::map<std::uint64_t, Walk> walks_;
};

}  // namespace anonvma
