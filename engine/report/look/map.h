// Pictures of one address space, and lists of them. Pure: equal values give equal bytes.
#pragma once

#include <cstddef>
#include <string>

#include "engine/look/mm_list.h"
#include "engine/look/space_map.h"

namespace anonvma {

struct MapOptions {
  bool all = false;  // also a line for each vma that nothing was written to
};

// Text of at most 80 columns for usual traces.
std::string map_text(const SpaceMap& map, const MapOptions& options);
// Two designs of one mm and moment, vma by vma.
std::string map_diff_text(const SpaceMap& first, const SpaceMap& second, const MapOptions& options);
// `second` may be null. The schema is "anonvma.map/1".
std::string map_json(const SpaceMap& first, const SpaceMap* second);
// One picture, or one below the other.
std::string map_svg(const SpaceMap& first, const SpaceMap* second, const MapOptions& options);

struct ListOptions {
  std::size_t top = 20;
};
std::string mm_list_text(const MmList& list, const ListOptions& options);
// The schema is "anonvma.mms/1".
std::string mm_list_json(const MmList& list);

}  // namespace anonvma
