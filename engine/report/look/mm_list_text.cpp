#include <fmt/format.h>

#include <algorithm>

#include "engine/report/grid.h"
#include "engine/report/look/columns.h"
#include "engine/report/look/map.h"
#include "engine/report/look/words.h"
#include "engine/report/table.h"

namespace anonvma {

std::string mm_list_text(const MmList& list, const ListOptions& options) {
  std::string out = wrapped(fmt::format("{} of {} in the trace, {}", counted(list.mms.size(), "mm"),
                                        list.mms_ever, moment_text(list.scene)),
                            0, 2, kLookColumns);
  Columns table("rlrrrrr");
  table.add({"mm", "comm", "pid", "vmas", "chains", "anon_vmas", "KB"});
  const std::size_t shown = std::min(options.top, list.mms.size());
  for (std::size_t i = 0; i < shown; ++i) {
    const ListedMm& listed = list.mms[i];
    table.add({std::to_string(listed.mm.mm.v), printable(listed.mm.comm),
               std::to_string(listed.mm.tgid), number(listed.objs[kVmAreaStruct]),
               number(listed.objs[kAnonVmaChain]), number(listed.objs[kAnonVma]),
               kb(listed.bytes)});
  }
  out += '\n' + table.text();
  if (shown < list.mms.size())
    out += fmt::format("and {} more (--top N shows more)\n", list.mms.size() - shown);
  return out + scene_notes(list.scene);
}

}  // namespace anonvma
