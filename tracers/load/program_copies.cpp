#include "tracers/load/program_copies.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <numeric>
#include <string_view>

#include "tracers/records.h"
// The skeleton needs tracers/records.h.
#include "anonvma_preemptible.skel.h"

namespace anonvma {
namespace {

std::string_view section_of(const bpf_program* program) {
  return bpf_program__section_name(program);
}

// A run skipped at an unlock is no loss: the next hook of the task does its work.
bool is_caught_up(const bpf_program* program) {
  return section_of(program) == "tp_btf/mmap_lock_released";
}

// No copies for page faults, whose hooks run with interrupts off, nor for other program types.
bool has_copies(const bpf_program* program) {
  return section_of(program).starts_with("tp_btf/") && !is_caught_up(program) &&
         !section_of(program).starts_with("tp_btf/page_fault");
}

bool is_slab(const bpf_program* program) {
  return section_of(program).starts_with("tp_btf/kmem_cache_");
}

const bpf_program* find_in(const bpf_object* object, const bpf_program* like) {
  return bpf_object__find_program_by_name(object, bpf_program__name(like));
}

void choose_programs(anonvma_preemptible_bpf& copy, const anonvma_preemptible_bpf& first) {
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, copy.obj) bpf_program__set_autoload(
      program, has_copies(program) && bpf_program__fd(find_in(first.obj, program)) >= 0);
}

// Shares all maps but the settings.
int share_maps(anonvma_preemptible_bpf& copy, const anonvma_preemptible_bpf& first) {
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, copy.obj) {
    if (map == copy.maps.rodata) continue;
    const int fd = bpf_object__find_map_fd_by_name(first.obj, bpf_map__name(map));
    if (const int error = fd < 0 ? bpf_map__set_autocreate(map, false) : bpf_map__reuse_fd(map, fd))
      return error;
  }
  return 0;
}

// Adds the number of runs of the program that were skipped so far, if it is loaded.
void add_skipped(std::vector<std::uint64_t>& counts, const bpf_program* program) {
  bpf_prog_info info = {};
  std::uint32_t size = sizeof info;
  if (bpf_program__fd(program) >= 0 &&
      bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) == 0)
    counts.push_back(info.recursion_misses);
}

}  // namespace

ProgramCopies::~ProgramCopies() {
  for (anonvma_preemptible_bpf* const copy : copies_) anonvma_preemptible_bpf__destroy(copy);
}

ProgramCopies::Refusal ProgramCopies::add(const anonvma_preemptible_bpf& first) {
  last_rescues_ = first.bss->anonvma_rescues[ANONVMA_COPIES - 1];
  for (std::uint32_t n = 1; n < ANONVMA_COPIES; ++n) {
    anonvma_preemptible_bpf* const copy = anonvma_preemptible_bpf__open();
    if (!copy) return {"open", errno};
    copies_.push_back(copy);
    *copy->rodata = *first.rodata;
    copy->rodata->anonvma_copy = n;
    choose_programs(*copy, first);
    if (const int error = share_maps(*copy, first)) return {"share the maps of", -error};
    if (const int error = anonvma_preemptible_bpf__load(copy)) return {"load", -error};
    if (const int error = anonvma_preemptible_bpf__attach(copy)) return {"attach", -error};
  }
  return {};
}

// The counts include runs of slab hooks that were skipped in interrupts, which is no loss. Another
// event can have been skipped by all copies only if the last copy alone ran at some event.
Misses ProgramCopies::misses(const bpf_object* first) {
  const std::uint64_t rescues =
      std::accumulate(last_rescues_.begin(), last_rescues_.end(), std::uint64_t{0});
  const bool close = !copies_.empty() && rescues != rescues_;
  rescues_ = rescues;
  const bpf_program* program = nullptr;
  while ((program = bpf_object__next_program(first, const_cast<bpf_program*>(program)))) {
    std::vector<std::uint64_t> counts;
    add_skipped(counts, program);
    for (const anonvma_preemptible_bpf* const copy : copies_)
      add_skipped(counts, find_in(copy->obj, program));
    const std::uint64_t grown = skipped_[bpf_program__name(program)].grown(counts);
    if (is_caught_up(program)) continue;
    (is_slab(program) && !close ? misses_.in_interrupts : misses_.lost) += grown;
  }
  return misses_;
}

}  // namespace anonvma
