// Faults: when a vma gets its anon_vma (vmf_anon_prepare() of mm/memory.c and its callers), because
// a task wrote to it or because a call populates it, and stack growth (expand_stack() of mm/vma.c).
//
// Same: the faults that prepare a vma, the stacks that may grow, and the lock for both.
// Simplified: no allocation fails by itself. Ignored: pages and page tables; a fault in a vma that has its anon_vma changes nothing.
#pragma once

#include "engine/trace/event.h"
#include "engine/vma/layer.h"

namespace anonvma {

void handle_fault(Layer& layer, Mm& mm, const EventHead& head, const Fault& event);
void touch(Layer& layer, Mm& mm, const EventHead& head, const Touch& event);
void new_anon_vma(Layer& layer, Mm& mm, const EventHead& head, const NewAnonVma& event);
// mm_populate(): writable private memory gets its pages by a write, the rest by reads. Vmas with a
// flag of `skipped` are skipped.
void mm_populate(Layer& layer, Mm& mm, std::uint64_t start, std::uint64_t end,
                 std::uint64_t skipped = kVmLockOnFault);
// The stack is prepared first, then its start and pgoff go down; no vma is allocated and none
// merges. False if there is no stack above `addr`, or if it may not grow so far.
bool expand_stack(Layer& layer, Mm& mm, std::uint64_t addr);

}  // namespace anonvma
