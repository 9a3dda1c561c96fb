#include "engine/trace/check_findings.h"

#include <fmt/format.h>

#include <bit>
#include <cstddef>
#include <utility>

namespace anonvma {
namespace {

constexpr std::uint64_t kLossKnownNs = 10'000'000'000;
constexpr std::size_t kMostHeld = 65536;

}  // namespace

CheckFindings::CheckFindings(std::uint64_t page_size, Report report)
    : page_mask_((std::has_single_bit(page_size) ? page_size : 4096) - 1),
      report_(std::move(report)) {}

void CheckFindings::chunk_at(std::uint64_t chunk, std::uint64_t offset) {
  chunk_ = chunk;
  offset_ = offset;
}

void CheckFindings::find(FindingKind kind, std::string what) {
  Finding finding{kind, chunk_, offset_, events_, std::move(what)};
  if (info_of(kind).level != FindingLevel::event_or_loss) return report_(std::move(finding));
  if (behind_loss_)
    ++softened_;
  else
    hold(std::move(finding));
}

void CheckFindings::check_page(std::string_view name, std::uint64_t address) {
  if ((address & page_mask_) != 0)
    find(FindingKind::alignment, fmt::format("{} {:#x}", name, address));
}

void CheckFindings::hold(Finding finding) {
  if (held_.size() == kMostHeld) release_held();
  if (held_.empty()) held_since_ns_ = newest_ns_;
  held_.push_back(std::move(finding));
}

void CheckFindings::release_held() {
  for (Finding& finding : std::exchange(held_, {})) report_(std::move(finding));
}

void CheckFindings::next_event() {
  if (!held_.empty() && newest_ns_ - held_since_ns_ > kLossKnownNs) release_held();
  ++events_;
}

void CheckFindings::gap() {
  behind_loss_ = true;
  softened_ += held_.size();
  held_.clear();
}

void CheckFindings::finish(bool is_cut) {
  if (!is_cut) return release_held();
  undecided_ = held_.size();
  held_.clear();
}

}  // namespace anonvma
