// What of the BPF programs depends on the kernel's features: settings that the verifier takes for
// constants, and programs that are not loaded. A template, as the object of each architecture has a
// type of its own, and a test fits both.
#pragma once

#include <bpf/libbpf.h>

#include "tracers/features.h"

namespace anonvma {

// Else the software event takes their place.
inline bool has_fault_tracepoints(const Features& features) {
  return features[Feature::page_fault_user] && features[Feature::page_fault_kernel];
}

template <class Skeleton>
void fit(Skeleton& skeleton, const Features& features) {
  skeleton.rodata->anonvma_lock_has_path = features[Feature::lock_has_path];
  skeleton.rodata->anonvma_counts_acquires = !features[Feature::mm_lock_seq];
  skeleton.rodata->anonvma_reads_tree = !features[Feature::vma_iterator];
  if (features[Feature::mm_lock_seq]) bpf_map__set_max_entries(skeleton.maps.anonvma_acquires, 1);
  const bool faults = has_fault_tracepoints(features);
  bpf_program__set_autoload(skeleton.progs.anonvma_page_fault_user, faults);
  bpf_program__set_autoload(skeleton.progs.anonvma_page_fault_kernel, faults);
  bpf_program__set_autoload(skeleton.progs.anonvma_page_fault_event, !faults);
}

}  // namespace anonvma
