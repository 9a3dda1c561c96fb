// What a kernel offers the recorder: each hook, member, helper and kfunc that it uses, found by
// feature in the kernel's type information and never by release, and how accurate a recording there
// can be. The list is features.def.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <string_view>

#include "tracers/kernel/btf.h"

namespace anonvma {

enum class Feature : std::uint8_t {
#define FEATURE(id, kind, of, part, without, then) id,
#define FACT(id, kind, of, part, with, without) id,
#include "tracers/kernel/features.def"
#undef FACT
#undef FEATURE
};
inline constexpr Feature kFeatures[] = {
#define FEATURE(id, kind, of, part, without, then) Feature::id,
#define FACT(id, kind, of, part, with, without) Feature::id,
#include "tracers/kernel/features.def"
#undef FACT
#undef FEATURE
};
inline constexpr std::size_t kFeatureCount = std::size(kFeatures);

// How far a recording can be trusted, from best to worst. The names are in trace headers.
enum class Tier : std::uint8_t {
  exact,                   // verify can prove it
  without_get_user_pages,  // first pages that the kernel itself makes are not seen
  own_strategy,            // exact for the strategy that the kernel itself runs, not for others
  attach_approximate,      // what was alive at the start is not exact
  unsupported,
};
std::string_view name_of(Tier tier);

struct FeatureRow {
  enum class Kind : std::uint8_t { tracepoint, member, function, helper, map, type };
  Feature id;
  Kind kind;
  std::string_view of, part;
  bool is_fact;           // tells kernels apart, and is not missed
  std::string_view with;  // of a fact
  Tier tier_without;
  std::string_view without;  // what takes its place, or is not known
};
std::span<const FeatureRow, kFeatureCount> feature_rows();
// "tracepoint exit_mmap", "mm_struct.mm_lock_seq", "helper bpf_loop"
std::string title_of(const FeatureRow& row);

struct Features {
  std::array<bool, kFeatureCount> has{};

  bool operator[](Feature feature) const { return has[static_cast<std::size_t>(feature)]; }
  friend bool operator==(const Features&, const Features&) = default;
};

Features find_features(const KernelBtf& btf);

// What the kernel alone does not tell.
struct Recording {
  // The code of __anon_vma_prepare() was found, which tells why a chain entry is allocated: BTF
  // knows no addresses.
  bool sees_touches = true;
  bool attaches = true;    // to what was alive before
  bool all_writes = true;  // records write faults, not only those that prepare a vma
};

// The worst of what is missing.
Tier accuracy_tier(const Features& features, const Recording& recording);

}  // namespace anonvma
