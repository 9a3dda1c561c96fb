#include "tracers/kernel/features.h"

#include <fmt/format.h>

#include <algorithm>

namespace anonvma {
namespace {

using Kind = FeatureRow::Kind;

constexpr std::array<FeatureRow, kFeatureCount> kRows{{
#define FEATURE(id, kind, of, part, tier, then) \
  {Feature::id, Kind::kind, of, part, false, "", Tier::tier, then},
#define FACT(id, kind, of, part, with, without) \
  {Feature::id, Kind::kind, of, part, true, with, Tier::exact, without},
#include "tracers/kernel/features.def"
#undef FACT
#undef FEATURE
}};

bool is_in(const KernelBtf& btf, const FeatureRow& row) {
  switch (row.kind) {
    case Kind::tracepoint:
      return row.part.empty() ? btf.tracepoint_parameters(row.of) >= 0
                              : btf.tracepoint_takes(row.of, row.part);
    case Kind::member:
      return btf.has_member(row.of, row.part);
    case Kind::function:
      return row.part.empty() ? btf.function_parameters(row.of) >= 0
                              : btf.function_takes(row.of, row.part);
    case Kind::helper:
      return btf.has_enumerator("bpf_func_id", fmt::format("BPF_FUNC_{}", row.of));
    case Kind::map:
      return btf.has_enumerator("bpf_map_type", fmt::format("BPF_MAP_TYPE_{}", row.of));
    case Kind::type:
      return btf.has_typedef(row.of);
  }
  return false;
}

}  // namespace

std::string_view name_of(Tier tier) {
  switch (tier) {
    case Tier::exact:
      return "exact";
    case Tier::without_get_user_pages:
      return "exact without get_user_pages faults";
    case Tier::own_strategy:
      return "exact for the kernel's own strategy";
    case Tier::attach_approximate:
      return "attach state approximate";
    case Tier::unsupported:
      return "unsupported";
  }
  return "";
}

std::span<const FeatureRow, kFeatureCount> feature_rows() { return kRows; }

std::string title_of(const FeatureRow& row) {
  switch (row.kind) {
    case Kind::tracepoint:
      return row.part.empty() ? fmt::format("tracepoint {}", row.of)
                              : fmt::format("tracepoint {} with {}", row.of, row.part);
    case Kind::member:
      return fmt::format("{}.{}", row.of, row.part);
    case Kind::function:
      return fmt::format("{}()", row.of);
    case Kind::helper:
      return fmt::format("helper bpf_{}()", row.of);
    case Kind::map:
      return fmt::format("BPF map {}", row.of);
    case Kind::type:
      return std::string(row.of);
  }
  return "";
}

Features find_features(const KernelBtf& btf) {
  Features features;
  for (const FeatureRow& row : kRows)
    features.has[static_cast<std::size_t>(row.id)] = is_in(btf, row);
  return features;
}

Tier accuracy_tier(const Features& features, const Recording& recording) {
  Tier tier = recording.sees_touches ? Tier::exact : Tier::without_get_user_pages;
  if (!recording.all_writes) tier = std::max(tier, Tier::own_strategy);
  for (const FeatureRow& row : kRows) {
    const bool matters = recording.attaches || row.tier_without != Tier::attach_approximate;
    if (matters && !features[row.id]) tier = std::max(tier, row.tier_without);
  }
  return tier;
}

}  // namespace anonvma
