#include "engine/replay/slice.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <memory>

#include "engine/replay/driver.h"
#include "engine/replay/row_specs.h"
#include "engine/replay/run.h"
#include "engine/strategy/own.h"
#include "engine/trace/collected.h"

namespace anonvma {

bool continues(const Event& event) {
  if (const auto* snapshot = std::get_if<Snapshot>(&event.body))
    return is_birth(static_cast<SnapReason>(snapshot->reason));
  if (const auto* text = std::get_if<Text>(&event.body)) return text->offset != 0;
  return is_snapshot_part(event.body);
}

void TimeSearch::apply(const Event& event, std::uint64_t index) {
  if (event.head.time_ns <= time_ns_ || (behind_ == index && index > 0 && continues(event)))
    behind_ = index + 1;
}

std::uint32_t anon_vmas_named(const Event& event) {
  const auto above = [](AnonVmaId id) { return id ? id.v + 1 : 0; };
  if (const auto* vma = std::get_if<SnapVma>(&event.body)) return above(vma->anon_vma);
  if (const auto* chain = std::get_if<SnapChain>(&event.body))
    return std::max({above(chain->anon_vma), above(chain->root), above(chain->parent)});
  if (const auto* truth = std::get_if<Truth>(&event.body); truth && truth->cache == kAnonVma)
    return above(AnonVmaId{static_cast<std::uint32_t>(truth->object)});
  return 0;
}

struct Slicer::Model {
  Model(const StrategyInfo& own, const Meta& meta)
      : slab(row_specs(meta, own, {}).specs),
        spaces(rules_for(meta), meta.page_size, own, slab,
               {.role = Role::own,
                .counts_anew = counts_anew(meta, own),
                .tells_steps = meta.truth,
                .stack_guard_pages = meta.stack_guard_pages,
                .huge_page_bytes = meta.huge_page_bytes}),
        verifier(meta, slab, spaces),
        driver(spaces, slab, &verifier) {}
  SlabAccount slab;
  AddressSpaces spaces;
  Verifier verifier;
  Driver driver;
  bool is_slice = false;
};

Slicer::Slicer(std::unique_ptr<Model> model) : model_(std::move(model)) {}
Slicer::Slicer(Slicer&&) noexcept = default;
Slicer::~Slicer() = default;

Result<Slicer> Slicer::create(const Meta& meta) {
  const StrategyInfo* own = find_strategy(own_strategy(meta));
  if (own == nullptr)
    return Error{ErrorCode::not_supported,
                 "the recording kernel's own strategy is not known: a slice can only begin where "
                 "the trace does (leave out --from)"};
  if (const Status status = check_page_size(meta); !status) return status.error();
  Slicer slicer(std::make_unique<Model>(*own, meta));
  slicer.model_->is_slice = is_slice(meta);
  return slicer;
}

void Slicer::apply(const Event& event, std::uint64_t index) {
  model_->driver.apply(event, index);
  const std::uint32_t mm = event.head.mm.v;
  if (const auto* snapshot = std::get_if<Snapshot>(&event.body)) {
    Process& process = processes_[mm];
    process.brk = snapshot->brk;
    process.tgid = snapshot->tgid;
  } else if (const auto* brk = std::get_if<Brk>(&event.body)) {
    if (brk->ret >= 0) processes_[mm].brk = static_cast<std::uint64_t>(brk->ret);
  } else if (const auto* fork = std::get_if<Fork>(&event.body)) {
    const std::uint64_t brk_now = processes_[mm].brk;
    processes_[fork->child.v] = {brk_now, fork->child_tid, {}};
  } else if (std::holds_alternative<ExitTask>(event.body)) {
    if (event.head.map_count != 0) processes_[mm].exit = event;
  } else if (std::holds_alternative<ExitMmap>(event.body)) {
    processes_.erase(mm);
  } else if (const auto* text = std::get_if<Text>(&event.body)) {
    texts_.take(*text);
  } else if (const auto* lost = std::get_if<Lost>(&event.body)) {
    lost_by_kind_[std::min<std::uint64_t>(lost->kind, 0xff)] += lost->count;
    lost_ += lost->count;
  }
}

bool Slicer::at_rest() const { return model_->verifier.at_rest(); }

AnonVmaId Slicer::id_of(std::uint64_t name) {
  if (name == 0) return {};
  const auto [entry, fresh] = names_.try_emplace(name);
  if (!fresh) return entry->second;
  entry->second = model_->verifier.kernel_name(name);
  if (!entry->second) entry->second = AnonVmaId{next_name_++};
  return entry->second;
}

void Slicer::add_mm(MmId mm, std::vector<Event>& out) {
  const AddressSpaces& spaces = model_->spaces;
  const AddressSpaces::MmState state = spaces.state(mm);
  const std::vector<VmaId> vmas = spaces.vmas(mm);
  const Process& process = processes_[mm.v];
  const EventHead head{0, static_cast<std::uint32_t>(process.tgid), mm,
                       model_->verifier.attach_seq(mm), static_cast<std::uint32_t>(vmas.size())};
  out.push_back({head, Snapshot{.reason = static_cast<std::uint64_t>(SnapReason::attach),
                                .nr_vmas = vmas.size(),
                                .def_flags = state.def_flags,
                                .brk = process.brk,
                                .tgid = process.tgid,
                                .comm_lo = state.comm.lo,
                                .comm_hi = state.comm.hi,
                                .start_brk = state.start_brk}});
  for (const VmaId id : vmas) {
    const Vma& vma = spaces.vma(id);
    const std::vector<Strategy::ChainLink> links = spaces.strategy().chain_links(id);
    out.push_back({head, SnapVma{.start = vma.start,
                                 .end = vma.end,
                                 .vm_flags = vma.flags,
                                 .pgoff = vma.pgoff,
                                 .file = vma.file,
                                 .ops = vma.ops,
                                 .anon_vma = id_of(spaces.strategy().anon_vma_name(id)),
                                 .nr_chain = links.size(),
                                 .policy = vma.policy,
                                 .context = vma.context,
                                 .vma_name = vma.name}});
    for (const Strategy::ChainLink& link : links)
      out.push_back({head, SnapChain{id_of(link.anon_vma), id_of(link.root), id_of(link.parent),
                                     link.num_children, link.num_active_vmas, /*refcount=*/0}});
  }
}

std::vector<Event> Slicer::key_snapshot(AnonVmaId fresh) {
  next_name_ = fresh ? fresh.v : 0;
  model_->driver.finish();
  std::vector<Event> out;
  texts_.each([&out](std::uint64_t kind, std::uint64_t id, std::string_view text) {
    for (const Text& piece : text_pieces(static_cast<TextKind>(kind), id, text))
      out.push_back({EventHead{}, piece});
  });
  const std::vector<MmId> mms = model_->spaces.mms();
  for (const MmId mm : mms) add_mm(mm, out);
  for (const MmId mm : mms)
    if (const std::uint64_t cgroup = model_->spaces.cgroup(mm); cgroup != 0)
      out.push_back({EventHead{0, static_cast<std::uint32_t>(processes_[mm.v].tgid), mm, 0, 0},
                     InCgroup{cgroup}});
  for (const MmId mm : mms)
    if (const std::optional<Event>& exit = processes_[mm.v].exit) out.push_back(*exit);
  for (const auto& [kind, count] : lost_by_kind_)
    out.push_back({EventHead{}, Lost{.count = count, .kind = kind}});
  for (Event& event : out) event.head.time_ns = 0;
  return out;
}

std::vector<std::string> Slicer::notes() const {
  std::vector<std::string> notes{
      "what was alive at its start is the model's state: exact for the recording kernel's own "
      "strategy, approximate for others, as at the start of a recording of running processes",
      "of a page written before, --check-reach knows its vma only"};
  if (const std::uint64_t differing = model_->verifier.differing(); differing > 0)
    notes.push_back(fmt::format("model and kernel had differed {} times before it", differing));
  if (lost_ > 0) notes.push_back(fmt::format("{} records were lost before it", lost_));
  if (model_->is_slice)
    notes.emplace_back("the source is a slice itself");
  else if (model_->spaces.at_start()[kVmAreaStruct] > 0)
    notes.emplace_back("the source began with running processes");
  return notes;
}

}  // namespace anonvma
