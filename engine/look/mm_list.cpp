#include "engine/look/mm_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "engine/replay/observe.h"

namespace anonvma {
namespace {

std::optional<std::uint64_t> as_number(std::string_view word) {
  std::uint64_t value = 0;
  const char* const end = word.data() + word.size();
  const auto parsed = std::from_chars(word.data(), end, value);
  if (word.empty() || parsed.ec != std::errc{} || parsed.ptr != end) return {};
  return value;
}

template <class Fits>
std::vector<const MmLife*> fitting(const Lives& lives, const Fits& fits) {
  std::vector<const MmLife*> found;
  for (const MmLife* life : lives.all())
    if (fits(*life)) found.push_back(life);
  return found;
}

double seconds(std::uint64_t ns) { return static_cast<double>(ns) / 1e9; }

std::string span_text(const MmLife& life) {
  if (life.end_event == MmLife::kAlive) return fmt::format("from {:.3f} s", seconds(life.born_ns));
  return fmt::format("{:.3f} to {:.3f} s", seconds(life.born_ns), seconds(life.end_ns));
}

Error ambiguous(std::string_view word, const std::vector<const MmLife*>& found) {
  constexpr std::size_t kNamed = 4;
  std::string names;
  for (std::size_t i = 0; i < std::min(found.size(), kNamed); ++i)
    names += fmt::format("{}{}, {}", i == 0 ? "" : "; ", mm_label(found[i]->mm, found[i]->comm),
                         span_text(*found[i]));
  if (found.size() > kNamed) names += fmt::format("; and {} more", found.size() - kNamed);
  return {
      ErrorCode::usage,
      fmt::format("--mm {}: {} mms fit ({}); give the number of one", word, found.size(), names),
      Error::kNoOffset};
}

}  // namespace

MmList list_mms(const Scene& scene, const Look::Stand& stand, const Survey& survey) {
  const Standing& model = *stand.model;
  std::map<MmId, ListedMm> by_mm;
  for (const Holder& holder : observe(model.spaces(), model.slab()).holders) {
    const MmLife* const life = holder.mm ? survey.lives.find(holder.mm) : nullptr;
    if (life == nullptr) continue;
    ListedMm& listed = by_mm[holder.mm];
    listed.mm = *life;
    for (std::size_t c = 0; c < kAllCaches; ++c) {
      listed.objs[c] += holder.objs[c];
      listed.bytes += holder.objs[c] * model.specs()[c].objsize;
    }
  }
  MmList list{.scene = scene, .mms = {}, .mms_ever = survey.lives.size()};
  for (auto& [mm, listed] : by_mm) list.mms.push_back(std::move(listed));
  std::stable_sort(list.mms.begin(), list.mms.end(),
                   [](const ListedMm& a, const ListedMm& b) { return a.bytes > b.bytes; });
  return list;
}

Result<MmLife> choose_mm(const Lives& lives, std::string_view word, std::uint64_t events) {
  constexpr std::string_view kPid = "pid:";
  const bool by_pid = word.starts_with(kPid);
  const std::string_view rest = by_pid ? word.substr(kPid.size()) : word;
  const std::optional<std::uint64_t> number = as_number(rest);
  if (number && !by_pid && *number < MmId::kNone)
    if (const MmLife* life = lives.find(MmId{static_cast<std::uint32_t>(*number)})) return *life;
  std::vector<const MmLife*> found = fitting(lives, [&](const MmLife& life) {
    return number ? life.tgid == *number && *number != 0 : !by_pid && life.comm == rest;
  });
  if (found.size() > 1) {
    std::vector<const MmLife*> alive = found;
    std::erase_if(alive, [&](const MmLife* life) { return !life->alive_after(events); });
    if (!alive.empty()) found = std::move(alive);
  }
  if (found.empty())
    return Error{ErrorCode::usage,
                 fmt::format("--mm {}: no mm has this number, pid or comm; without --mm all are "
                             "listed",
                             word),
                 Error::kNoOffset};
  if (found.size() > 1) return ambiguous(word, found);
  return *found.front();
}

}  // namespace anonvma
