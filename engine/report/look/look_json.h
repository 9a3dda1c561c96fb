// Parts of the JSON of all looks at a moment.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "engine/look/look.h"
#include "engine/report/json.h"

namespace anonvma {

Json anon_vma_json(std::uint64_t number);  // null for none
Json mm_json(MmId mm, const std::string& comm);
Json life_json(const MmLife& mm);
Json origin_json(const Origin& origin, const MmNames& names);
Json objs_json(const std::array<std::uint64_t, kAllCaches>& objs);
// The keys "trace" and "moment".
Json scene_json(const Scene& scene);

}  // namespace anonvma
