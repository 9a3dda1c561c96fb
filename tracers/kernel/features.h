// The features of a kernel (hooks, members, helpers, kfuncs) that the recorder uses, and the
// accuracy of a recording that follows from them. They are found in the kernel's type information,
// never by release. The list is features.def.
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

inline constexpr std::string_view kRingLockSleeps =
    "with PREEMPT_RT the BPF ring buffers of this kernel take a lock that sleeps, and a recording "
    "could "
    "stop the machine: record on a newer kernel";

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

// The accuracy of a recording, from best to worst. The names are in trace headers.
enum class Tier : std::uint8_t {
  exact,                   // verify can prove it
  without_get_user_pages,  // first pages that the kernel itself makes are not recorded
  own_strategy,            // exact for the strategy that the kernel itself runs, not for others
  attach_approximate,      // the state at the start is not exact
  unsupported,
};
std::string_view name_of(Tier tier);

struct FeatureRow {
  enum class Kind : std::uint8_t { tracepoint, member, function, helper, map, type };
  Feature id;
  Kind kind;
  std::string_view of, part;
  bool is_fact;           // tells kernels apart, but changes no tier
  std::string_view with;  // facts only: text if the kernel has it
  Tier tier_without;
  std::string_view without;  // the replacement, or what is not known
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

// Properties of a recording that do not follow from the kernel's features.
struct Recording {
  // The address of __anon_vma_prepare() was found: it shows why a chain entry is allocated. BTF
  // has no addresses.
  bool sees_touches = true;
  bool attaches = true;    // records processes that already run
  bool all_writes = true;  // records write faults, not only those that prepare a vma
};

// The worst tier that a missing feature or the recording itself implies.
Tier accuracy_tier(const Features& features, const Recording& recording);

}  // namespace anonvma
