// The role of a replay's design, and properties of its trace.
#pragma once

#include <cstdint>

namespace anonvma {

enum class Role : std::uint8_t {
  rival,  // another design under the same workload
  own,    // the design of the recording kernel: the outcomes of its races are known
};

struct Setting {
  Role role = Role::rival;
  // The counters of an anon_vma are computed from the attach snapshots, and the kernel's counters
  // are ignored. Snapshots are taken one mm after the other. If they show everything, sums over
  // them are more consistent than counters of different moments. A kernel may also have other
  // counters than the strategy.
  bool counts_anew = false;
  // Step events tell how far forks and exits that overlapped had come.
  bool tells_steps = false;
  // Snapshots after a loss show all mms that share an anon_vma. False if only some processes of a
  // family were recorded.
  bool sees_families = true;
  // Unmapped pages that a growing stack keeps above an accessible mapping (stack_guard_gap).
  std::uint64_t stack_guard_pages = 256;
  std::uint64_t huge_page_bytes = 2u << 20;  // of hugetlb mappings that name no size

  bool own() const { return role == Role::own; }
};

}  // namespace anonvma
