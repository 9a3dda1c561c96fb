#include "tracers/convert/cgroups.h"

#include "engine/trace/texts.h"

namespace anonvma {

Cgroups::Known Cgroups::find(std::uint64_t kernel_id) {
  const auto [entry, fresh] = ids_.try_emplace(kernel_id, ids_.size() + 1);
  Known known{entry->second, {}};
  if (!fresh) return known;
  std::string path = path_of_ ? path_of_(kernel_id) : "";
  if (path.empty()) path = "(no path: cgroup " + std::to_string(kernel_id) + ")";
  known.pieces = text_pieces(TextKind::cgroup, known.id, path);
  return known;
}

}  // namespace anonvma
