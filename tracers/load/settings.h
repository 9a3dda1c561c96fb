// The BPF object for a kernel, and the settings that follow from the kernel's features: constants
// for the BPF verifier, and programs and maps that are left out. The functions are templates, as
// each object has its own type for each architecture, and a test calls fit() for all of them.
#pragma once

#include <bpf/libbpf.h>

#include <cstdint>

#include "tracers/kernel/features.h"

namespace anonvma {

// Without the tracepoints, the software event of page faults takes their place.
inline bool has_fault_tracepoints(const Features& features) {
  return features[Feature::page_fault_user] && features[Feature::page_fault_kernel];
}
inline bool has_fault_event(const Features& features) { return !has_fault_tracepoints(features); }
// Without a hook of the lock, operations are numbered in ring order.
inline bool sees_locks(const Features& features) { return features[Feature::mmap_lock]; }

enum class BpfObject : std::uint8_t {
  usual,        // bpf/anonvma.bpf.c
  preemptible,  // bpf/preemptible: runs without preemption, loaded more than once
  listed,       // bpf/fallback: vmas are a list
};

// The features that preemptible programs need are older than the one that makes them necessary.
inline BpfObject object_for(const Features& features) {
  if (!features[Feature::maple_tree]) return BpfObject::listed;
  const bool preemptible = features[Feature::preemptible_programs] &&
                           features[Feature::task_storage] && features[Feature::current_task] &&
                           features[Feature::mm_lock_seq];
  return preemptible ? BpfObject::preemptible : BpfObject::usual;
}

// Chooses programs and maps of the object for lists. One that the kernel does not support must not
// be loaded, not even as dead code.
template <class Skeleton>
void fit_listed(Skeleton& skeleton, const Features& features) {
  const bool locks = sees_locks(features), storage = features[Feature::task_storage];
  const bool walks = features[Feature::task_vma_walk];
  skeleton.rodata->anonvma_no_lock_hook = !locks;
  bpf_map__set_autocreate(skeleton.maps.anonvma_tasks, storage);
  bpf_map__set_autocreate(skeleton.maps.anonvma_task_table, !storage);
  bpf_map__set_autocreate(skeleton.maps.anonvma_progresses, !locks);
  bpf_map__set_autocreate(skeleton.maps.anonvma_effects, !locks);
  bpf_map__set_autocreate(skeleton.maps.anonvma_uffds, !locks);
  bpf_map__set_autocreate(skeleton.maps.anonvma_walk_ring, !walks);
  bpf_program__set_autoload(skeleton.progs.anonvma_walk, walks);
  bpf_program__set_autoload(skeleton.progs.anonvma_walk_tasks, !walks);
  bpf_program__set_autoload(skeleton.progs.anonvma_mmap_lock, locks);
  bpf_program__set_autoload(skeleton.progs.anonvma_unmapped_area,
                            !locks && features[Feature::unmapped_area]);
  bpf_program__set_autoload(skeleton.progs.anonvma_page, !locks && features[Feature::page_alloc]);
}

template <class Skeleton>
void fit(Skeleton& skeleton, const Features& features) {
  const bool counts = sees_locks(features) && !features[Feature::mm_lock_seq];
  const bool faults = has_fault_tracepoints(features);
  skeleton.rodata->anonvma_lock_has_path = features[Feature::lock_has_path];
  skeleton.rodata->anonvma_counts_acquires = counts;
  if (!counts) bpf_map__set_max_entries(skeleton.maps.anonvma_acquires, 1);
  bpf_program__set_autoload(skeleton.progs.anonvma_mmap_unlock, features[Feature::mmap_unlock]);
  bpf_program__set_autoload(skeleton.progs.anonvma_move, features[Feature::cgroup_attach_task]);
  bpf_program__set_autoload(skeleton.progs.anonvma_page_fault_user, faults);
  bpf_program__set_autoload(skeleton.progs.anonvma_page_fault_kernel, faults);
  for (bpf_program* const program :
       {skeleton.progs.anonvma_page_fault_event, skeleton.progs.anonvma_cpu_step,
        skeleton.progs.anonvma_switch})
    bpf_program__set_autoload(program, has_fault_event(features));
  if constexpr (requires { skeleton.maps.anonvma_task_table; }) fit_listed(skeleton, features);
}

}  // namespace anonvma
