// The address spaces of a moment with the objects that each holds, and the choice of one of them by a
// word: its number, a pid, or a comm.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/look/look.h"

namespace anonvma {

struct ListedMm {
  MmLife mm;
  std::array<std::uint64_t, kAllCaches> objs{};  // that it holds, as in `--by mm`
  std::uint64_t bytes = 0;
  friend bool operator==(const ListedMm&, const ListedMm&) = default;
};
struct MmList {
  Scene scene;
  std::vector<ListedMm> mms;   // most bytes first
  std::uint64_t mms_ever = 0;  // in the whole trace
  friend bool operator==(const MmList&, const MmList&) = default;
};
MmList list_mms(const Scene& scene, const Look::Stand& stand, const Survey& survey);

// The mm that `word` names. A number is that of an mm, or else a pid; "pid:7" is always a pid. If a
// pid or comm fits several, those count that live after `events` events. The error names all that
// fit, or says how to find one.
Result<MmLife> choose_mm(const Lives& lives, std::string_view word, std::uint64_t events);

}  // namespace anonvma
