// Takes over address spaces with their objects: at attach, and again after records were lost.
//
//   snapshots of a set ─► mms, vmas ─► Seeder ─► anon_vmas and chains, as the kernel had them
//
// Same: vmas, links and counters are those of the snapshots. Simplified: a design that the recording
// kernel does not run gets objects of its own instead (seeder.h). Ignored: nothing.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "engine/trace/collected.h"
#include "engine/vma/layer.h"
#include "engine/vma/seeder.h"

namespace anonvma {

class Attach {
 public:
  explicit Attach(Layer& layer) : layer_(layer) {}

  // Applies all attach snapshots of a set: mms that are new to the model.
  void attach(const SnapshotSet& set);
  // Applies all snapshots after a loss. The kernel's state of these mms replaces the model's:
  // boundaries, attributes and objects. The set has whole families, so none of their objects
  // belongs to any other mm.
  void resync(const SnapshotSet& set);

  // Objects alive when recording began (attach snapshots), per cache.
  const std::array<std::uint64_t, kAllCaches>& at_start() const { return at_start_; }

 private:
  Seeder& seeder(bool counts, bool anew);
  void take_vmas(Mm& mm, const MmSnapshot& seen);
  void seed(const SnapshotSet& set);
  VmaId add_phantom();
  void remove_phantoms(const std::vector<VmaId>& phantoms);
  std::uint32_t family_by(MmId relative);
  void unite_families(const SnapshotSet& set);

  Layer& layer_;
  std::unique_ptr<Seeder> seeder_;
  // Ancestors whose processes have ended are rebuilt for a moment, in an mm without an id.
  std::optional<std::uint32_t> phantom_slot_;
  std::uint64_t phantom_pages_ = 0;
  std::array<std::uint64_t, kAllCaches> at_start_{};
};

}  // namespace anonvma
