#include "engine/look/explanation.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "engine/look/carriers.h"

namespace anonvma {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::array<std::uint64_t, 5> kAges{kSecond / 10, kSecond, 10 * kSecond, 60 * kSecond, 0};

// One standing model, and what can be said of its objects.
class Explainer {
 public:
  Explainer(const Look& look, const Scene& scene, const Look::Stand& stand)
      : look_(look), scene_(scene), stand_(stand) {
    for (const auto& [number, entry] : census().anon_vmas) all_.push_back(held(number, entry));
    std::stable_sort(all_.begin(), all_.end(),
                     [](const HeldAnonVma& a, const HeldAnonVma& b) { return a.bytes > b.bytes; });
  }

  // All anon_vmas, those with most bytes first.
  const std::vector<HeldAnonVma>& all() const { return all_; }
  std::vector<HeldAnonVma> linked_to(MmId mm) const {
    std::vector<HeldAnonVma> out = all_;
    std::erase_if(out, [&](const HeldAnonVma& one) {
      const auto& links = census().anon_vmas.at(one.number).links;
      return std::none_of(links.begin(), links.end(),
                          [mm](const VmaLink& link) { return link.mm == mm; });
    });
    return out;
  }

  AnonVmaLife life(const HeldAnonVma& one) const {
    const AnonVmaCensus& entry = census().anon_vmas.at(one.number);
    AnonVmaLife life{.anon_vma = one, .carriers = {}, .holders = {}, .children = {}};
    for (const VmaLink& link : entry.links)
      life.holders.push_back({link.mm, mapped_vma(stand_, look_.survey(), link.vma), link.own});
    for (const auto& [number, other] : census().anon_vmas)
      if (other.parent == one.number && number != one.number) life.children.push_back(number);
    const std::span<const Carried> forks = stand_.origins->carried(one.number);
    life.forks = forks.size();
    life.carriers = carriers(entry, forks, look_.survey().lives, scene_.events);
    return life;
  }

  void add_totals(Explanation& out, std::size_t most) const {
    const CacheSpecs& specs = stand_.model->specs();
    out.anon_vmas = census().anon_vmas.size();
    out.chain_entries = census().chain_entries;
    out.anon_vma_bytes = out.anon_vmas * specs[kAnonVma].objsize;
    out.chain_bytes = out.chain_entries * specs[kAnonVmaChain].objsize;
    out.without_anon_vma = census().without_anon_vma;
    add_abandoned(out, most);
    add_deepest(out, most);
  }

 private:
  const Census& census() const { return stand_.census; }

  HeldAnonVma held(std::uint64_t number, const AnonVmaCensus& entry) const {
    const CacheSpecs& specs = stand_.model->specs();
    HeldAnonVma out{.number = number,
                    .root = entry.root,
                    .parent = entry.parent,
                    .num_children = entry.num_children,
                    .num_active_vmas = entry.num_active_vmas,
                    .descendants = entry.descendants,
                    .own_vmas = entry.own_vmas,
                    .linked_vmas = entry.links.size(),
                    .origin = entry.origin};
    MmId last;
    for (const VmaLink& link : entry.links) out.mms += std::exchange(last, link.mm) != link.mm;
    // A design without chains has links that are no objects.
    const std::uint64_t entries = census().chain_entries > 0 ? out.linked_vmas : 0;
    out.bytes = specs[kAnonVma].objsize + entries * specs[kAnonVmaChain].objsize;
    out.age_ns = scene_.ns - std::min(scene_.ns, entry.origin.ns);
    return out;
  }

  void add_abandoned(Explanation& out, std::size_t most) const {
    for (const std::uint64_t below : kAges) out.abandoned_ages.push_back({.below_ns = below});
    const CacheSpecs& specs = stand_.model->specs();
    for (const HeldAnonVma& one : all_) {
      if (one.own_vmas > 0) continue;
      if (out.abandoned.size() < most) out.abandoned.push_back(one);
      const bool old = one.origin.how == Origin::How::start;
      const auto span = std::find_if(
          out.abandoned_ages.begin(), out.abandoned_ages.end(), [&](const AgeSpan& ages) {
            return ages.below_ns == 0 || (!old && one.age_ns < ages.below_ns);
          });
      ++span->anon_vmas;
      span->bytes += one.bytes;
      span->chain_entries += (one.bytes - specs[kAnonVma].objsize) / specs[kAnonVmaChain].objsize;
    }
  }

  void add_deepest(Explanation& out, std::size_t most) const {
    struct Found {
      std::size_t length;
      MmId mm;
      VmaId vma;
    };
    std::vector<Found> found;
    const AddressSpaces& spaces = stand_.model->spaces();
    for (const MmId mm : spaces.mms())
      for (const VmaId vma : spaces.vmas(mm))
        if (const std::size_t length = stand_.model->view().chain_links(vma).size(); length > 1)
          found.push_back({length, mm, vma});
    std::stable_sort(found.begin(), found.end(),
                     [](const Found& a, const Found& b) { return a.length > b.length; });
    found.resize(std::min(found.size(), most));
    for (const Found& one : found)
      out.deepest.push_back({one.mm, mapped_vma(stand_, look_.survey(), one.vma), false});
  }

  const Look& look_;
  const Scene& scene_;
  const Look::Stand& stand_;
  std::vector<HeldAnonVma> all_;
};

Error no_such_anon_vma(std::uint64_t number, const Look::Stand& stand) {
  std::string why = "was freed before";
  if (!stand.origins->name(number)) why = "was not made until then";
  return {ErrorCode::usage,
          fmt::format("--anon-vma {}: it {}; --largest 10 shows which are alive", number, why),
          Error::kNoOffset};
}

std::vector<std::uint64_t> chosen(const Explainer& explainer, const ExplainQuestion& question) {
  std::vector<std::uint64_t> numbers;
  const std::vector<HeldAnonVma> from =
      question.mm ? explainer.linked_to(question.mm->mm) : explainer.all();
  const std::size_t count = question.mm && question.largest == 0 ? 1 : question.largest;
  for (std::size_t i = 0; i < std::min(count, from.size()); ++i) numbers.push_back(from[i].number);
  return numbers;
}

void name_mms(const Lives& lives, Explanation& out) {
  const auto add_origin = [&](const HeldAnonVma& one) {
    out.names.add(lives, one.origin.mm);
    out.names.add(lives, one.origin.parent);
  };
  if (out.of_mm) out.names.add(lives, out.of_mm->from);
  for (const auto* list : {&out.of_its, &out.abandoned})
    for (const HeldAnonVma& one : *list) add_origin(one);
  for (const AnonVmaLife& life : out.lives) {
    add_origin(life.anon_vma);
    for (const HoldingVma& holder : life.holders) out.names.add(lives, holder.mm);
  }
  for (const HoldingVma& holder : out.deepest) out.names.add(lives, holder.mm);
}

}  // namespace

Result<Explanation> explain(const Look& look, const Scene& scene, const ExplainQuestion& question) {
  std::vector<std::uint64_t> numbers;
  if (question.anon_vma) numbers.push_back(*question.anon_vma);
  Result<Look::Stand> stand = look.stand(scene, numbers);
  if (!stand) return stand.error();
  if (question.anon_vma && !stand->census.anon_vmas.contains(*question.anon_vma))
    return no_such_anon_vma(*question.anon_vma, *stand);
  if (!question.anon_vma) numbers = chosen(Explainer(look, scene, *stand), question);
  if (!question.anon_vma && !numbers.empty()) stand = look.stand(scene, numbers);
  if (!stand) return stand.error();
  const Explainer explainer(look, scene, *stand);
  Explanation out;
  out.scene = scene;
  out.of_mm = question.mm;
  if (question.mm) out.of_its = explainer.linked_to(question.mm->mm);
  for (const std::uint64_t number : numbers) {
    const auto one = std::find_if(explainer.all().begin(), explainer.all().end(),
                                  [number](const HeldAnonVma& a) { return a.number == number; });
    out.lives.push_back(explainer.life(*one));
  }
  explainer.add_totals(out, question.most);
  name_mms(look.survey().lives, out);
  return out;
}

}  // namespace anonvma
