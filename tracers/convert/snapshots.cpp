#include "tracers/convert/snapshots.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>
#include <variant>

namespace anonvma {

void Snapshots::add_vma(std::uint32_t tid, const anonvma_vma& vma) {
  std::vector<anonvma_vma>& vmas = read_vmas_[tid];
  // The stored vmas are from an earlier reading, whose end was lost.
  if (!vmas.empty() && vmas.back().start >= vma.start) vmas.clear();
  vmas.push_back(vma);
}

SnapVma Snapshots::snap_vma(const anonvma_vma& vma) {
  return {
      .start = vma.start,
      .end = vma.end,
      .vm_flags = vma.vm_flags,
      .pgoff = vma.pgoff,
      .file = addresses_.file(vma.file),
      .ops = vma.ops,
      .anon_vma = addresses_.anon_vma(vma.anon_vma),
      .nr_chain = 0,
      .policy = addresses_.merge_key(vma.policy),
      .context = addresses_.merge_key(vma.context) | (vma.follows_fork ? SnapVma::kFollowsFork : 0),
      .vma_name = addresses_.vma_name(vma.name)};
}

EventGroup Snapshots::of_reading(const anonvma_exec_record& r, const EventHead& head,
                                 SnapReason reason) {
  const auto read = read_vmas_.extract(r.head.tid);
  const std::size_t all = read.empty() ? 0 : read.mapped().size();
  const std::size_t count = std::min<std::size_t>(all, r.nr_vmas);
  const std::size_t earlier = all - count;  // of a reading that was given up
  const Comm comm = make_comm({r.comm, strnlen(r.comm, sizeof r.comm)});
  EventGroup event{{head, Snapshot{static_cast<std::uint64_t>(reason), count, r.def_flags, r.brk,
                                   r.tgid, comm.lo, comm.hi, r.start_brk,
                                   reason == SnapReason::exec ? MmId{} : addresses_.mm(r.old_mm)}},
                   {}};
  std::uint64_t end = 0;  // where records were lost, vmas of an earlier reading may remain
  for (std::size_t i = 0; i < count; ++i) {
    const anonvma_vma& vma = read.mapped()[earlier + i];
    if (vma.start >= std::exchange(end, std::max<std::uint64_t>(end, vma.end)))
      event.rest.push_back({head, snap_vma(vma)});
  }
  std::get<Snapshot>(event.first.body).nr_vmas = event.rest.size();
  return event;
}

EventGroup Snapshots::of_walk(const WalkedMm& walked, const EventHead& head, SnapReason reason) {
  const anonvma_walk_vma& of = walked.head;
  const Comm comm = make_comm({of.comm, strnlen(of.comm, sizeof of.comm)});
  EventGroup event{{head, Snapshot{static_cast<std::uint64_t>(reason),
                                   walked.vmas.size(),
                                   of.def_flags,
                                   of.brk,
                                   of.tgid,
                                   comm.lo,
                                   comm.hi,
                                   {}}},
                   {}};
  for (const WalkedVma& walked_vma : walked.vmas) {
    SnapVma vma = snap_vma(walked_vma.vma);
    vma.nr_chain = walked_vma.chain.size();
    event.rest.push_back({head, vma});
    for (const anonvma_walk_avc& avc : walked_vma.chain)
      event.rest.push_back(
          {head, SnapChain{addresses_.anon_vma(avc.anon_vma), addresses_.anon_vma(avc.root),
                           addresses_.anon_vma(avc.parent), avc.num_children, avc.num_active_vmas,
                           avc.refcount}});
  }
  return event;
}

}  // namespace anonvma
