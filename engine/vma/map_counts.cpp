#include "engine/vma/map_counts.h"

#include <array>
#include <utility>
#include <variant>

#include "engine/vma/layer.h"

namespace anonvma {

bool MapCounts::compare(Layer& layer, const Event& event, std::uint64_t index) {
  if (event.head.map_count == 0) return true;
  Mm* mm = layer.mms.find(event.head.mm);
  if (mm == nullptr || mm->tainted) return true;
  // One snapshot shows the work of several unseen writers in a row.
  if (std::holds_alternative<UnknownWrite>(event.body) && std::exchange(mm->unread, true))
    return true;
  ++compared_;
  const bool equal = mm->list.size() == event.head.map_count;
  if (!equal && layer.setting.own()) mm->drifted = true;
  if (mm->drifted) ++layer.anomalies[Anomaly::drifted];
  if (equal) return true;
  ++mismatches_;
  if (first_) return false;
  std::array<char, 16> storage{};
  first_ = Mismatch{index,
                    event.head.time_ns,
                    event.head.mm.v,
                    std::string(comm_view(mm->comm, storage)),
                    std::string(name_of(type_of(event.body))),
                    event.head.map_count,
                    mm->list.size()};
  return false;
}

}  // namespace anonvma
