#include "engine/report/live_owners.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace anonvma {
namespace {

std::uint64_t key(const HolderLine& line, LiveSort sort) {
  switch (sort) {
    case LiveSort::vmas:
      return line.objs[kVmAreaStruct];
    case LiveSort::chain_entries:
      return line.objs[kAnonVmaChain];
    case LiveSort::anon_vmas:
      return line.objs[kAnonVma];
    case LiveSort::bytes:
    case LiveSort::name:
      break;
  }
  return line.bytes;
}

}  // namespace

std::string_view sort_name(LiveSort sort) {
  switch (sort) {
    case LiveSort::bytes:
      return "KB";
    case LiveSort::vmas:
      return "vmas";
    case LiveSort::chain_entries:
      return "chains";
    case LiveSort::anon_vmas:
      return "anon_vmas";
    case LiveSort::name:
      return "name";
  }
  return "";
}

LiveOwners live_owners(const LiveFrame& frame, const LiveView& view) {
  LiveOwners owners;
  if (!frame.holders) return owners;
  ReplayResult row;
  row.specs.specs = frame.now.designs.at(frame.holders->design).specs;
  Moment moment;
  moment.holders = frame.holders->holders;
  owners.lines =
      holder_lines(row, moment, {.by = view.by, .top = std::numeric_limits<std::size_t>::max()});
  owners.total = std::move(owners.lines.back());
  owners.lines.pop_back();
  std::erase_if(owners.lines, [&](const HolderLine& line) {
    return line.name.find(view.filter) == std::string::npos;
  });
  const auto before = [&](const HolderLine& a, const HolderLine& b) {
    if (view.sort == LiveSort::name) return a.name < b.name;
    return key(a, view.sort) > key(b, view.sort);
  };
  std::stable_sort(owners.lines.begin(), owners.lines.end(), before);
  if (view.reversed) std::reverse(owners.lines.begin(), owners.lines.end());
  return owners;
}

}  // namespace anonvma
