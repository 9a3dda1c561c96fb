// What of the BPF programs depends on the kernel's features: settings that the verifier takes for
// constants, and programs that are not loaded. A template, as the object of each architecture has a
// type of its own, and a test fits both.
#pragma once

#include <bpf/libbpf.h>

#include "tracers/kernel/features.h"

namespace anonvma {

// Else the software event takes their place.
inline bool has_fault_tracepoints(const Features& features) {
  return features[Feature::page_fault_user] && features[Feature::page_fault_kernel];
}
inline bool has_fault_event(const Features& features) { return !has_fault_tracepoints(features); }
// Its programs would be skipped while a task that was preempted is in the middle of them: they are
// held, and loaded more than once. What that takes is older than what makes it necessary.
inline bool is_preemptible(const Features& features) {
  return features[Feature::preemptible_programs] && features[Feature::task_storage] &&
         features[Feature::current_task] && features[Feature::mm_lock_seq];
}
// Else operations are numbered in ring order.
inline bool sees_locks(const Features& features) { return features[Feature::mmap_lock]; }

template <class Skeleton>
void fit(Skeleton& skeleton, const Features& features) {
  skeleton.rodata->anonvma_lock_has_path = features[Feature::lock_has_path];
  // What a kernel lacks must not be loaded, be it dead code.
  const bool storage = features[Feature::task_storage], lists = !features[Feature::maple_tree];
  bpf_map__set_autocreate(skeleton.maps.anonvma_tasks, storage);
  bpf_map__set_autocreate(skeleton.maps.anonvma_task_table, !storage);
  const bool preemptible = is_preemptible(features);
  skeleton.rodata->anonvma_preemptible = preemptible;
  bpf_map__set_autocreate(skeleton.maps.anonvma_telling, preemptible);
  bpf_program__set_autoload(skeleton.progs.anonvma_sys_enter, !lists);
  bpf_program__set_autoload(skeleton.progs.anonvma_sys_exit, !lists);
  bpf_program__set_autoload(skeleton.progs.anonvma_exec, !lists);
  bpf_program__set_autoload(skeleton.progs.anonvma_exit_task, !lists);
  bpf_program__set_autoload(skeleton.progs.anonvma_sys_enter_listed, lists);
  bpf_program__set_autoload(skeleton.progs.anonvma_sys_exit_listed, lists);
  bpf_program__set_autoload(skeleton.progs.anonvma_exec_listed, lists);
  bpf_program__set_autoload(skeleton.progs.anonvma_exit_task_listed, lists);
  skeleton.rodata->anonvma_lock_unseen = !sees_locks(features);
  bpf_program__set_autoload(skeleton.progs.anonvma_mmap_lock, sees_locks(features) && !lists);
  bpf_program__set_autoload(skeleton.progs.anonvma_mmap_lock_listed, sees_locks(features) && lists);
  bpf_program__set_autoload(skeleton.progs.anonvma_mmap_unlock, features[Feature::mmap_unlock]);
  bpf_program__set_autoload(skeleton.progs.anonvma_exit_mm, features[Feature::exit_mmap]);
  const bool walks = features[Feature::task_vma_walk];
  bpf_program__set_autoload(skeleton.progs.anonvma_walk, walks);
  bpf_program__set_autoload(skeleton.progs.anonvma_walk_tasks, !walks);
  bpf_map__set_autocreate(skeleton.maps.anonvma_walk_ring, !walks);
  bpf_map__set_autocreate(skeleton.maps.anonvma_motions, !sees_locks(features));
  bpf_map__set_autocreate(skeleton.maps.anonvma_effects, !sees_locks(features));
  bpf_map__set_autocreate(skeleton.maps.anonvma_uffds, !sees_locks(features));
  bpf_program__set_autoload(skeleton.progs.anonvma_unmapped_area,
                            !sees_locks(features) && features[Feature::unmapped_area]);
  bpf_program__set_autoload(skeleton.progs.anonvma_page,
                            !sees_locks(features) && features[Feature::page_alloc]);
  // Where the slab hooks say no cache, both are needed for more than --truth.
  const bool told = features[Feature::kmem_cache_free_cache];
  skeleton.rodata->anonvma_cache_untold = !told;
  if (!told) bpf_program__set_autoload(skeleton.progs.anonvma_free, true);
  const bool counts = sees_locks(features) && !features[Feature::mm_lock_seq];
  skeleton.rodata->anonvma_counts_acquires = counts;
  if (!counts) bpf_map__set_max_entries(skeleton.maps.anonvma_acquires, 1);
  const bool faults = has_fault_tracepoints(features);
  bpf_program__set_autoload(skeleton.progs.anonvma_page_fault_user, faults);
  bpf_program__set_autoload(skeleton.progs.anonvma_page_fault_kernel, faults);
  bpf_program__set_autoload(skeleton.progs.anonvma_page_fault_event, has_fault_event(features));
}

}  // namespace anonvma
