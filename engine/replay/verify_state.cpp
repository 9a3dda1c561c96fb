// Snapshots against the model: vma by vma, chain by chain.
#include <fmt/format.h>

#include "engine/replay/verify.h"

namespace anonvma {
namespace {

std::string describe(const SnapVma& vma) {
  return fmt::format("{:#x}-{:#x} flags {:#x} pgoff {:#x} file {} anon_vma {}", vma.start, vma.end,
                     vma.vm_flags, vma.pgoff, vma.file,
                     vma.anon_vma ? fmt::format("{}", vma.anon_vma.v) : std::string("none"));
}

// From the ring record of a walk until its last chain was read, and a relative that was unlinking
// its vmas meanwhile has come to its end, at most.
constexpr std::uint64_t kWalkTakesNs = 500'000'000;
constexpr std::uint64_t kFaultTakesNs = 100'000'000;

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

}  // namespace

std::string Verifier::describe(VmaId model) const {
  const Vma& vma = spaces_.vma(model);
  const std::uint64_t name = spaces_.strategy().anon_vma_name(model);
  return fmt::format("{:#x}-{:#x} flags {:#x} pgoff {:#x} file {} anon_vma {}", vma.start, vma.end,
                     vma.flags, vma.pgoff, vma.file,
                     name != 0 ? fmt::format("{:#x}", name) : std::string("none"));
}

// Are these two one and the same anon_vma, as far as earlier comparisons told?
bool Verifier::same_anon_vma(AnonVmaId kernel, std::uint64_t model) {
  if (!kernel || model == 0) return !kernel && model == 0;
  const auto [to_model, fresh] = to_model_.try_emplace(kernel.v, model);
  const auto [to_kernel, fresh_too] = to_kernel_.try_emplace(model, kernel.v);
  return to_model->second == model && to_kernel->second == kernel.v;
}

// A file that the recorder could not name is whichever the kernel shows first.
bool Verifier::same_file(std::uint64_t kernel, FileId model) {
  if ((model & kUnnamedFile) == 0) return kernel == model;
  return unnamed_.try_emplace(model, kernel).first->second == kernel;
}

// All but the anon_vma.
bool Verifier::same_mapping(const VmaSnapshot& kernel, VmaId model) {
  const SnapVma& k = kernel.vma;
  const Vma& m = spaces_.vma(model);
  return k.start == m.start && k.end == m.end && k.pgoff == m.pgoff && same_file(k.file, m.file) &&
         k.policy == m.policy && k.context == m.context &&
         ((k.vm_flags ^ m.flags) & ~spaces_.rules().ignored_by_merge()) == 0;
}

bool Verifier::same_counters(const SnapChain& kernel, const Strategy::ChainLink& model) const {
  return kernel.num_children == model.num_children &&
         kernel.num_active_vmas == model.num_active_vmas;
}

VmaId Verifier::vma_at(MmId mm, std::uint64_t start) {
  const std::vector<VmaId> vmas = spaces_.vmas(mm);
  work_ += 16 + vmas.size();
  const auto found = std::find_if(vmas.begin(), vmas.end(),
                                  [&](VmaId vma) { return spaces_.vma(vma).start == start; });
  return found != vmas.end() ? *found : VmaId{};
}

bool Verifier::caught_up(Late& late) {
  const VmaId vma = vma_at(late.mm, late.start);
  const auto links = vma ? spaces_.strategy().chain_links(vma) : std::vector<Strategy::ChainLink>{};
  if (late.entry < links.size()) {
    const Strategy::ChainLink& now = links[late.entry];
    Strategy::ChainLink &least = late.least, &most = late.most;
    least.num_children = std::min(least.num_children, now.num_children);
    least.num_active_vmas = std::min(least.num_active_vmas, now.num_active_vmas);
    most.num_children = std::max(most.num_children, now.num_children);
    most.num_active_vmas = std::max(most.num_active_vmas, now.num_active_vmas);
  }
  const auto between = [](std::uint64_t n, std::uint64_t low, std::uint64_t high) {
    return low <= n && n <= high;
  };
  return between(late.kernel.num_children, late.least.num_children, late.most.num_children) &&
         between(late.kernel.num_active_vmas, late.least.num_active_vmas,
                 late.most.num_active_vmas);
}

bool Verifier::faulted_by_now(const Late& late) {
  const VmaId vma = vma_at(late.mm, late.start);
  return vma && spaces_.strategy().faulted(vma);
}

// Was the vma faulted before the walk, and prepared behind it? Or by a call that populates what it
// has mapped, without the lock, and had not returned.
bool Verifier::faults_late(const MmSnapshot& seen, const SnapVma& vma) const {
  if (const auto book = books_.find(seen.head.mm);
      book != books_.end() && book->second.op_ns > seen.head.time_ns)
    return true;
  return std::any_of(faults_.begin(), faults_.end(), [&](const auto& of) {
    const Exception& fault = of.second;
    if (fault.mm != seen.head.mm || fault.addr < vma.start || fault.addr >= vma.end ||
        fault.ns + kFaultTakesNs <= seen.head.time_ns)
      return false;
    // A task's own reading ends when its record is written: with the same number of the lock the
    // fault may have been handled while it was under way.
    if (seen.reason() == SnapReason::unknown_write && fault.seq == seen.head.seq) return true;
    return fault.handled_ns == 0 || fault.handled_ns > seen.head.time_ns;
  });
}

void Verifier::look_again(std::uint64_t now_ns) {
  std::erase_if(late_, [&](Late& late) {
    const bool equal = late.unfaulted ? faulted_by_now(late) : caught_up(late);
    if (!equal && now_ns < late.until_ns) return false;
    if (equal || !late.moved) compare(late.unfaulted ? kVmas : kChains, equal, late.difference);
    unfaulted_ -= late.unfaulted ? 1 : 0;
    return true;
  });
}

// munmap unlinks its vmas after it has given the write lock up for a read lock: an operation older
// than the walk was still at it. Its event, of this mm, comes before the walk's: see
// compare_chain().
void Verifier::excuse(MmId mm, std::uint32_t seq) {
  work_ += late_.size();
  std::erase_if(
      late_, [&](const Late& late) { return late.mm == mm && seq < late.seq && !late.unfaulted; });
}

void Verifier::compare_chain(const MmSnapshot& seen, const VmaSnapshot& kernel, VmaId model,
                             const std::string& where) {
  const std::vector<Strategy::ChainLink> links = spaces_.strategy().chain_links(model);
  const std::size_t count = std::max(links.size(), kernel.chain.size());
  work_ += 16 * count;
  const auto book = books_.find(seen.head.mm);
  const bool unlinking = book != books_.end() && book->second.freed_ns > seen.head.time_ns;
  for (std::size_t i = 0; i < count; ++i) {
    const bool both = i < links.size() && i < kernel.chain.size();
    bool equal = both;
    if (both) {
      const Strategy::ChainLink& m = links[i];
      const SnapChain& k = kernel.chain[i];
      equal = same_anon_vma(k.anon_vma, m.anon_vma) && same_anon_vma(k.root, m.root) &&
              same_anon_vma(k.parent, m.parent);
    }
    const bool counts = equal && same_counters(kernel.chain[i], links[i]);
    std::string difference;
    if (!counts && both)
      difference = fmt::format(
          "{}: entry {} of the chain at {:#x}: kernel anon_vma {} root {} parent {} num_children "
          "{} num_active_vmas {}, model anon_vma {:#x} root {:#x} parent {:#x} num_children {} "
          "num_active_vmas {}",
          where, i, kernel.vma.start, kernel.chain[i].anon_vma.v, kernel.chain[i].root.v,
          kernel.chain[i].parent.v, kernel.chain[i].num_children, kernel.chain[i].num_active_vmas,
          links[i].anon_vma, links[i].root, links[i].parent, links[i].num_children,
          links[i].num_active_vmas);
    else if (!both)
      difference =
          fmt::format("{}: the chain at {:#x} has {} entries in the kernel, {} in the model", where,
                      kernel.vma.start, kernel.chain.size(), links.size());
    if (equal && !counts && unlinking) continue;
    if (equal && !counts)
      late_.push_back({seen.head.mm, kernel.vma.start, false, i, kernel.chain[i], links[i],
                       links[i], seen.head.time_ns + kWalkTakesNs, seen.head.seq,
                       kin_ns_ > seen.head.time_ns, difference});
    else
      compare(kChains, equal, difference);
  }
}

void Verifier::note_kin(const MmSnapshot& seen) {
  for (const VmaSnapshot& vma : seen.vmas) {
    if (vma.vma.anon_vma) ++kin_[vma.vma.anon_vma.v].active_seen;
    for (const SnapChain& link : vma.chain) {
      Kin& kin = kin_[link.anon_vma.v];
      kin.active = link.num_active_vmas;
      kin.children = link.num_children;
      if (link.parent) kin_[link.parent.v].children_seen.insert(link.anon_vma.v);
    }
  }
}

// How many anon_vmas have vmas or children that no snapshot shows.
std::uint64_t Verifier::kin_elsewhere() const {
  std::uint64_t count = 0;
  for (const auto& [id, kin] : kin_) {
    const std::uint64_t together = degree_ ? kin.active_seen : 0;
    const bool more =
        kin.active > kin.active_seen || kin.children > kin.children_seen.size() + together;
    count += more ? 1 : 0;
  }
  return count;
}

void Verifier::compare_state(const MmSnapshot& seen) {
  if (spaces_.tainted(seen.head.mm)) return;  // the trace does not tell what became of it
  // Without the truth lane nobody says when the address of an anon_vma becomes another one's.
  if (!compares_objects()) {
    to_model_.clear();
    to_kernel_.clear();
  }
  const std::string where = place(seen.head, seen.event, reason_name(seen.reason()));
  const std::string rule(spaces_.last_rule(seen.head.mm));
  const std::vector<VmaId> model = spaces_.vmas(seen.head.mm);
  work_ += 16 * (model.size() + seen.vmas.size());
  const bool chains = seen.reason() == SnapReason::end;  // those of the start are taken over
  // A reading holds up writers, not faults.
  const bool races = chains || seen.reason() == SnapReason::unknown_write;
  std::size_t m = 0;
  const auto differs = [&](const std::string& kernel_side, const std::string& model_side) {
    return fmt::format("{}: kernel {}, model {} (last rule applied: {})", where, kernel_side,
                       model_side, rule.empty() ? "none" : rule);
  };
  const auto differ = [&](const std::string& kernel_side, const std::string& model_side) {
    compare(kVmas, false, differs(kernel_side, model_side));
  };
  for (const VmaSnapshot& k : seen.vmas) {
    for (; m < model.size() && spaces_.vma(model[m]).start < k.vma.start; ++m)
      differ("nothing", describe(model[m]));
    if (m == model.size() || spaces_.vma(model[m]).start != k.vma.start) {
      differ(anonvma::describe(k.vma), "nothing");
      continue;
    }
    const bool mapping = same_mapping(k, model[m]);
    if (races && mapping && k.vma.anon_vma && !spaces_.strategy().faulted(model[m])) {
      late_.push_back({.mm = seen.head.mm,
                       .start = k.vma.start,
                       .unfaulted = true,
                       .kernel = {},
                       .least = {},
                       .most = {},
                       .until_ns = seen.head.time_ns + kFaultTakesNs,
                       .difference = differs(anonvma::describe(k.vma), describe(model[m]))});
      ++unfaulted_;
      ++m;
      continue;
    }
    if (races && mapping && !k.vma.anon_vma && spaces_.strategy().faulted(model[m]) &&
        faults_late(seen, k.vma)) {
      ++m;
      continue;
    }
    if (mapping && same_anon_vma(k.vma.anon_vma, spaces_.strategy().anon_vma_name(model[m])))
      compare(kVmas, true, "");
    else
      differ(anonvma::describe(k.vma), describe(model[m]));
    if (chains) compare_chain(seen, k, model[m], where);
    ++m;
  }
  for (; m < model.size(); ++m) differ("nothing", describe(model[m]));
}

}  // namespace anonvma
