#include "engine/report/look/words.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "engine/report/grid.h"
#include "engine/trace/abi.h"

namespace anonvma {
namespace {

constexpr std::array<std::pair<std::uint64_t, std::string_view>, 19> kFlagWords{{
    {kVmGrowsDown, "gd"}, {kVmPfnMap, "pf"},      {kVmLocked, "lo"},   {kVmIo, "io"},
    {kVmSeqRead, "sr"},   {kVmRandRead, "rr"},    {kVmDontCopy, "dc"}, {kVmDontExpand, "de"},
    {kVmAccount, "ac"},   {kVmNoReserve, "nr"},   {kVmHugeTlb, "ht"},  {kVmWipeOnFork, "wf"},
    {kVmDontDump, "dd"},  {kVmMixedMap, "mm"},    {kVmHugePage, "hg"}, {kVmNoHugePage, "nh"},
    {kVmMergeable, "mg"}, {kVmUffdMissing, "um"}, {kVmUffdWp, "uw"},
}};

}  // namespace

std::string short_size(std::uint64_t bytes) {
  const auto kib = static_cast<double>(bytes) / 1024;
  if (kib < 1024) return fmt::format("{:.0f}K", kib);
  if (kib < 10 * 1024) return fmt::format("{:.1f}M", kib / 1024);
  if (kib < 1024 * 1024) return fmt::format("{:.0f}M", kib / 1024);
  return fmt::format("{:.1f}G", kib / (1024 * 1024));
}

std::string seconds_text(std::uint64_t ns) {
  return fmt::format("{:.3f} s", static_cast<double>(ns) / 1e9);
}

std::string access_text(std::uint64_t flags) {
  std::string text = "---p";
  if (flags & kVmRead) text[0] = 'r';
  if (flags & kVmWrite) text[1] = 'w';
  if (flags & kVmExec) text[2] = 'x';
  if (flags & kVmShared) text[3] = 's';
  return text;
}

std::string flag_words(std::uint64_t flags) {
  std::string words;
  for (const auto& [flag, word] : kFlagWords)
    if (flags & flag) words += fmt::format("{}{}", words.empty() ? "" : " ", word);
  return words;
}

std::string what_text(const MappedVma& vma) {
  if (!vma.name.empty()) return fmt::format("[anon:{}]", printable(vma.name));
  switch (vma.kind) {
    case VmaKind::heap:
      return "[heap]";
    case VmaKind::stack:
      return "[stack]";
    case VmaKind::file:
      return fmt::format("file {}", vma.file);
    case VmaKind::shared_memory:
      return "shared memory";
    case VmaKind::special:
      return "special";
    case VmaKind::anonymous:
      break;
  }
  return "anonymous";
}

std::string range_text(std::uint64_t start, std::uint64_t end) {
  return fmt::format("{:012x}-{:012x}", start, end);
}

std::string_view moment_name(Scene::Why why) {
  switch (why) {
    case Scene::Why::at:
      return "at";
    case Scene::Why::peak:
      return "peak_of_sum";
    case Scene::Why::before_end:
      return "before_end";
    case Scene::Why::end:
      return "end";
  }
  return "";
}

std::string moment_text(const Scene& scene) {
  std::string_view why;
  switch (scene.why) {
    case Scene::Why::at:
      break;
    case Scene::Why::peak:
      why = ", the peak of the sum";
      break;
    case Scene::Why::before_end:
      why = ", just before its end";
      break;
    case Scene::Why::end:
      why = ", the end of the trace";
      break;
  }
  return fmt::format("at {}{}, under {}{}", seconds_text(scene.ns), why, scene.strategy,
                     scene.strategy == scene.own_strategy ? ", the recording kernel's own" : "");
}

std::string_view birth_name(Birth birth) {
  switch (birth) {
    case Birth::start:
      return "start";
    case Birth::fork:
      return "fork";
    case Birth::exec:
      return "exec";
    case Birth::found:
      return "found";
  }
  return "";
}

std::string life_text(const MmLife& mm, const MmNames& names) {
  std::string text = printable(mm_label(mm.mm, mm.comm));
  if (mm.tgid != 0) text += fmt::format(", pid {}", mm.tgid);
  const std::string when = seconds_text(mm.born_ns);
  switch (mm.birth) {
    case Birth::start:
      return text + ", alive at the start";
    case Birth::fork:
      return text + fmt::format(", forked from {} at {}", printable(names.label(mm.from)), when);
    case Birth::exec:
      return text + fmt::format(", exec at {}", when);
    case Birth::found:
      return text + fmt::format(", found at {}", when);
  }
  return text;
}

std::string_view origin_name(Origin::How how) {
  switch (how) {
    case Origin::How::unknown:
      return "unknown";
    case Origin::How::write:
      return "write";
    case Origin::How::fork:
      return "fork";
    case Origin::How::exec:
      return "exec";
    case Origin::How::start:
      return "start";
    case Origin::How::reading:
      return "reading";
  }
  return "";
}

std::string origin_text(const Origin& origin, const MmNames& names) {
  const std::string mm = printable(names.label(origin.mm));
  const std::string when = seconds_text(origin.ns);
  switch (origin.how) {
    case Origin::How::unknown:
      return "not seen";
    case Origin::How::start:
      return "at the start, " + mm;
    case Origin::How::fork:
      if (!origin.parent) return fmt::format("{}, a fork of {}", when, mm);
      return fmt::format("{}, fork of {} to {}", when, printable(names.label(origin.parent)),
                         fmt::format("mm {}", origin.mm.v));
    case Origin::How::write:
      return fmt::format("{}, {} in {}", when,
                         origin.kind == OpKind::fault ? "write" : op_kind_name(origin.kind), mm);
    case Origin::How::exec:
      return fmt::format("{}, exec of {}", when, mm);
    case Origin::How::reading:
      return fmt::format("{}, seen in {}", when, mm);
  }
  return "";
}

std::string scene_notes(const Scene& scene) {
  std::string out;
  for (const std::string& note : scene.notes)
    out += wrapped("approximate: " + printable(note), 0, 2, kLookColumns);
  if (scene.lost > 0)
    out += wrapped(fmt::format("DATA LOSS: {} were lost while recording, so this may be wrong",
                               counted(scene.lost, "event")),
                   0, 2, kLookColumns);
  if (!scene.damage.empty())
    out += wrapped("DAMAGED: " + printable(scene.damage) + "; nothing behind it is known", 0, 2,
                   kLookColumns);
  return out;
}

std::string counted(std::uint64_t n, std::string_view what) {
  if (n == 1) return fmt::format("1 {}", what);
  if (what.ends_with('y')) return fmt::format("{} {}ies", n, what.substr(0, what.size() - 1));
  return fmt::format("{} {}s", n, what);
}

}  // namespace anonvma
