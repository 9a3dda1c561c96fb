#include "engine/verify/state.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/verify/words.h"

namespace anonvma {
namespace {

// The userfaultfd of a child has a context of its own, which the model does not know.
bool same_context(std::uint64_t kernel, std::uint64_t model) {
  return kernel == model || (kernel & model & SnapVma::kFollowsFork) != 0;
}

std::string with_name(std::string text, std::uint64_t vma_name) {
  return vma_name == 0 ? text : fmt::format("{} name {}", text, vma_name);
}

std::string describe(const SnapVma& vma) {
  return with_name(
      fmt::format("{:#x}-{:#x} flags {:#x} pgoff {:#x} file {} anon_vma {}", vma.start, vma.end,
                  vma.vm_flags, vma.pgoff, vma.file,
                  vma.anon_vma ? fmt::format("{}", vma.anon_vma.v) : std::string("none")),
      vma.vma_name);
}

std::string_view reason_name(SnapReason reason) {
  switch (reason) {
    case SnapReason::attach:
      return "snapshot at attach";
    case SnapReason::exec:
      return "snapshot at exec";
    case SnapReason::unknown_write:
      return "snapshot after an unseen writer";
    case SnapReason::end:
      return "walk";
    case SnapReason::exit:
      return "snapshot at exit";
    case SnapReason::resync:
      return "snapshot after a loss";
  }
  return "snapshot";
}

bool same_counters(const SnapChain& kernel, const Strategy::ChainLink& model) {
  return kernel.num_children == model.num_children &&
         kernel.num_active_vmas == model.num_active_vmas;
}

// The model takes over the chains of the start, so only those of later walks can be compared.
bool compares_chains(const MmSnapshot& snapshot) { return snapshot.reason() == SnapReason::end; }

// A reading blocks writers, but no faults.
bool races_with_faults(const MmSnapshot& snapshot) {
  return snapshot.reason() == SnapReason::end || snapshot.reason() == SnapReason::unknown_write;
}

}  // namespace

std::string StateComparer::where(const MmSnapshot& snapshot) const {
  return place(spaces_, snapshot.head, snapshot.event, reason_name(snapshot.reason()));
}

std::string StateComparer::describe(VmaId model) const {
  const Vma& vma = spaces_.vma(model);
  const std::uint64_t name = spaces_.strategy().anon_vma_name(model);
  return with_name(fmt::format("{:#x}-{:#x} flags {:#x} pgoff {:#x} file {} anon_vma {}", vma.start,
                               vma.end, vma.flags, vma.pgoff, vma.file,
                               name != 0 ? fmt::format("{:#x}", name) : std::string("none")),
                   vma.name);
}

std::string StateComparer::difference(const MmSnapshot& snapshot, const std::string& kernel,
                                      const std::string& model) const {
  const std::string_view rule = spaces_.last_rule(snapshot.head.mm);
  return fmt::format("{}: kernel {}, model {} (last rule applied: {})", where(snapshot), kernel,
                     model, rule.empty() ? "none" : rule);
}

bool StateComparer::same_mapping(const SnapVma& kernel, VmaId model) {
  const Vma& m = spaces_.vma(model);
  return kernel.start == m.start && kernel.end == m.end && kernel.pgoff == m.pgoff &&
         names_.same_file(kernel.file, m.file) && kernel.policy == m.policy &&
         same_context(kernel.context, m.context) && kernel.vma_name == m.name &&
         ((kernel.vm_flags ^ m.flags) & ~spaces_.rules().ignored_by_merge()) == 0;
}

bool StateComparer::faults_late(const MmSnapshot& snapshot, const SnapVma& vma) const {
  const EventHead& head = snapshot.head;
  return objects_.returned_behind(head.mm, head.time_ns) ||
         objects_.prepares().in_flight(head, vma.start, vma.end,
                                       snapshot.reason() == SnapReason::unknown_write);
}

void StateComparer::compare(const MmSnapshot& snapshot) {
  const MmId mm = snapshot.head.mm;
  if (spaces_.tainted(mm)) return;  // records of it are missing
  // Without the truth lane it is not known when the address of an anon_vma is reused.
  if (!objects_.compares()) names_.forget_anon_vmas();
  const std::vector<VmaId> model = spaces_.vmas(mm);
  steps_ += 16 * (model.size() + snapshot.vmas.size());
  const auto differ = [&](const std::string& kernel_side, const std::string& model_side) {
    lanes_.compare(Lanes::kVmas, false,
                   [&] { return difference(snapshot, kernel_side, model_side); });
  };
  std::size_t m = 0;
  for (const VmaSnapshot& kernel : snapshot.vmas) {
    const std::uint64_t start = kernel.vma.start;
    for (; m < model.size() && spaces_.vma(model[m]).start < start; ++m)
      differ("nothing", describe(model[m]));
    if (m == model.size() || spaces_.vma(model[m]).start != start)
      differ(anonvma::describe(kernel.vma), "nothing");
    else
      compare_vma(snapshot, kernel, model[m++]);
  }
  for (; m < model.size(); ++m) differ("nothing", describe(model[m]));
}

void StateComparer::compare_vma(const MmSnapshot& snapshot, const VmaSnapshot& kernel,
                                VmaId model) {
  const Strategy& strategy = spaces_.strategy();
  const SnapVma& vma = kernel.vma;
  const auto differs = [&] {
    return difference(snapshot, anonvma::describe(vma), describe(model));
  };
  const bool mapping = same_mapping(vma, model);
  if (const bool faulted = strategy.faulted(model);
      mapping && races_with_faults(snapshot) && faulted != static_cast<bool>(vma.anon_vma)) {
    if (!faulted) return late_.wait_for_fault(snapshot, vma.start, differs());
    if (faults_late(snapshot, vma)) return;
  }
  lanes_.compare(Lanes::kVmas,
                 mapping && names_.same_anon_vma(vma.anon_vma, strategy.anon_vma_name(model)),
                 differs);
  if (compares_chains(snapshot)) compare_chain(snapshot, kernel, model);
}

void StateComparer::compare_chain(const MmSnapshot& snapshot, const VmaSnapshot& kernel,
                                  VmaId model) {
  const std::vector<Strategy::ChainLink> links = spaces_.strategy().chain_links(model);
  const std::size_t both = std::min(links.size(), kernel.chain.size());
  const std::size_t most = std::max(links.size(), kernel.chain.size());
  steps_ += 16 * most;
  for (std::size_t i = 0; i < both; ++i) compare_entry(snapshot, kernel, i, links[i]);
  for (std::size_t i = both; i < most; ++i)
    lanes_.compare(Lanes::kChains, false, [&] {
      return fmt::format("{}: the chain at {:#x} has {} entries in the kernel, {} in the model",
                         where(snapshot), kernel.vma.start, kernel.chain.size(), links.size());
    });
}

void StateComparer::compare_entry(const MmSnapshot& snapshot, const VmaSnapshot& kernel,
                                  std::size_t entry, const Strategy::ChainLink& model) {
  const SnapChain& k = kernel.chain[entry];
  const auto difference = [&] {
    return fmt::format(
        "{}: entry {} of the chain at {:#x}: kernel anon_vma {} root {} parent {} num_children "
        "{} num_active_vmas {}, model anon_vma {:#x} root {:#x} parent {:#x} num_children {} "
        "num_active_vmas {}",
        where(snapshot), entry, kernel.vma.start, k.anon_vma.v, k.root.v, k.parent.v,
        k.num_children, k.num_active_vmas, model.anon_vma, model.root, model.parent,
        model.num_children, model.num_active_vmas);
  };
  const bool same = names_.same_anon_vma(k.anon_vma, model.anon_vma) &&
                    names_.same_anon_vma(k.root, model.root) &&
                    names_.same_anon_vma(k.parent, model.parent);
  if (!same || same_counters(k, model))
    lanes_.compare(Lanes::kChains, same, difference);
  else if (!kin_.is_elsewhere(k.anon_vma) &&
           !objects_.unlinked_behind(snapshot.head.mm, snapshot.head.time_ns))
    late_.wait_for_counters(snapshot, kernel.vma.start, entry, k, model, difference());
}

}  // namespace anonvma
