// The map as a drawing: vmas on the left by address, anon_vmas on the right with the roots outermost,
// and a curve for each chain entry. The thick one leads to the vma's own anon_vma.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "engine/report/look/map.h"
#include "engine/report/look/map_parts.h"
#include "engine/report/look/svg.h"
#include "engine/report/look/words.h"

namespace anonvma {
namespace {

constexpr double kMargin = 20, kRow = 24, kVmaWidth = 440, kHead = 100;
constexpr double kObjectX = 560, kObjectWidth = 170, kObjectHeight = 38, kObjectGap = 12;
constexpr double kDepthStep = 210;
constexpr std::size_t kMostDepth = 5;  // deeper ones are drawn in the innermost column

std::size_t column_of(const MappedAnonVma& entry) { return std::min(entry.depth, kMostDepth); }

class MapDrawing {
 public:
  MapDrawing(Svg& svg, const SpaceMap& map, const MapOptions& options, double top)
      : svg_(svg), map_(map), targets_(map), runs_(vma_runs(map, options.all)), top_(top) {
    for (const MappedAnonVma& entry : map.anon_vmas) {
      deepest_ = std::max(deepest_, column_of(entry));
      by_number_.emplace(entry.number, &entry);
    }
    place_vmas();
    place_objects();
  }
  void draw() {
    head();
    for (const MappedAnonVma& entry : map_.anon_vmas) parent_link(entry);
    for (const MappedVma& vma : map_.vmas) chain(vma);
    for (const VmaRun& run : runs_) vma_box(run);
    for (const MappedAnonVma& entry : map_.anon_vmas) object_box(entry);
  }
  double width() const {
    return kObjectX + static_cast<double>(deepest_) * kDepthStep + kObjectWidth + kMargin;
  }
  double bottom() const { return bottom_ + kMargin; }

 private:
  void place_vmas() {
    double y = top_ + kHead;
    for (const VmaRun& run : runs_) {
      for (std::size_t i = run.first; i < run.first + run.count; ++i) row_[map_.vmas[i].start] = y;
      y += kRow;
    }
    bottom_ = y;
  }
  // Each object at the mean of the rows that it is linked to, and below the one above it in its column.
  void place_objects() {
    std::map<std::uint64_t, std::pair<double, double>> rows;  // sum and count, by number
    for (const MappedVma& vma : map_.vmas)
      for (const std::uint64_t number : linked_to(vma)) {
        rows[number].first += row_.at(vma.start);
        rows[number].second += 1;
      }
    const auto wanted = [&](const MappedAnonVma& entry) {
      const auto found = rows.find(entry.number);
      return found == rows.end() ? top_ + kHead : found->second.first / found->second.second;
    };
    std::vector<const MappedAnonVma*> order;
    for (const MappedAnonVma& entry : map_.anon_vmas) order.push_back(&entry);
    std::stable_sort(order.begin(), order.end(),
                     [&](const auto* a, const auto* b) { return wanted(*a) < wanted(*b); });
    std::map<std::size_t, double> free;  // the first free y of each column
    for (const MappedAnonVma* entry : order) {
      double& next = free.try_emplace(column_of(*entry), top_ + kHead).first->second;
      const double y = std::max(next, wanted(*entry));
      object_[entry->number] = y;
      next = y + kObjectHeight + kObjectGap;
      bottom_ = std::max(bottom_, next);
    }
  }
  static std::vector<std::uint64_t> linked_to(const MappedVma& vma) {
    if (vma.chain.empty() && vma.anon_vma != 0) return {vma.anon_vma};
    return vma.chain;
  }
  double object_x(const MappedAnonVma& entry) const {
    return kObjectX + static_cast<double>(deepest_ - column_of(entry)) * kDepthStep;
  }
  const MappedAnonVma* find(std::uint64_t number) const {
    const auto found = by_number_.find(number);
    return found == by_number_.end() ? nullptr : found->second;
  }

  void head() {
    svg_.text(kMargin, top_ + 24, life_text(map_.mm, map_.names), "head");
    svg_.text(kMargin, top_ + 44, moment_text(map_.scene), "dim");
    svg_.text(kMargin, top_ + 60, totals_text(map_), "dim");
    std::string legend = lacks_text(map_, targets_);
    if (legend.empty())
      legend = "thick: the vma's own anon_vma; thin: its other chain entries; dotted: the parent";
    svg_.text(kMargin, top_ + 76, legend, "dim");
  }
  void vma_box(const VmaRun& run) {
    const MappedVma& vma = map_.vmas[run.first];
    const double y = row_.at(vma.start);
    if (run.folded) return svg_.text(kMargin + 8, y + 15, folded_text(map_, run), "dim");
    svg_.rect(kMargin, y, kVmaWidth, kRow - 4, vma.faulted ? "faulted" : "box");
    std::string text = fmt::format("{} {} {}", range_text(vma.start, vma.end),
                                   access_text(vma.flags), what_text(vma));
    if (vma.faulted && vma.anon_vma == 0) text += fmt::format(" {}", targets_.chain_text(vma, 16));
    svg_.text(kMargin + 8, y + 14, text, "vma",
              fmt::format("{} {}, walk {}, chain {}", short_size(vma.end - vma.start),
                          flag_words(vma.flags), vma.walk, targets_.chain_text(vma, 200)));
  }
  void chain(const MappedVma& vma) {
    const double y = row_.at(vma.start) + (kRow - 4) / 2;
    for (const std::uint64_t number : linked_to(vma)) {
      const MappedAnonVma* const entry = find(number);
      if (entry == nullptr) continue;
      svg_.curve(kMargin + kVmaWidth, y, object_x(*entry), object_.at(number) + kObjectHeight / 2,
                 number == vma.anon_vma ? "own" : "link");
    }
  }
  void parent_link(const MappedAnonVma& entry) {
    const MappedAnonVma* const parent = find(entry.parent);
    if (parent == nullptr || parent == &entry || column_of(*parent) == column_of(entry)) return;
    svg_.curve(object_x(entry) + kObjectWidth, object_.at(entry.number) + kObjectHeight / 2,
               object_x(*parent), object_.at(parent->number) + kObjectHeight / 2, "parent");
  }
  void object_box(const MappedAnonVma& entry) {
    const double x = object_x(entry), y = object_.at(entry.number);
    svg_.rect(x, y, kObjectWidth, kObjectHeight, entry.own_here > 0 ? "object" : "other");
    svg_.text(
        x + 8, y + 15,
        fmt::format("anon_vma {}{}", entry.number, entry.root == entry.number ? " (root)" : ""),
        "vma", fmt::format("made {}", origin_text(entry.origin, map_.names)));
    svg_.text(x + 8, y + 31,
              fmt::format("linked {}{}", entry.linked_here,
                          entry.others.empty() ? std::string(" here only")
                                               : fmt::format(" + {} of {}", entry.linked_elsewhere,
                                                             counted(entry.others.size(), "mm"))),
              "dim");
  }

  Svg& svg_;
  const SpaceMap& map_;
  Targets targets_;
  std::vector<VmaRun> runs_;
  double top_, bottom_ = 0;
  std::size_t deepest_ = 0;
  std::map<std::uint64_t, const MappedAnonVma*> by_number_;
  std::map<std::uint64_t, double> row_;     // y, by start
  std::map<std::uint64_t, double> object_;  // y, by number
};

}  // namespace

std::string map_svg(const SpaceMap& first, const SpaceMap* second, const MapOptions& options) {
  Svg svg;
  MapDrawing upper(svg, first, options, 0);
  upper.draw();
  double width = upper.width(), height = upper.bottom();
  if (second != nullptr) {
    svg.line(kMargin, height, width - kMargin, height, "link");
    MapDrawing lower(svg, *second, options, height);
    lower.draw();
    width = std::max(width, lower.width());
    height = lower.bottom();
  }
  constexpr double kHeadingWidth = 900;
  return svg.document(std::max(width, kHeadingWidth), height,
                      life_text(first.mm, first.names) + ", " + moment_text(first.scene));
}

}  // namespace anonvma
