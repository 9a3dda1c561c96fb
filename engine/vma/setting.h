// Whose objects a replay counts, and what its trace tells.
#pragma once

#include <cstdint>

namespace anonvma {

enum class Role : std::uint8_t {
  rival,  // another design under the same workload
  own,    // the design of the kernel that recorded the trace: the winners of its races are known
};

struct Setting {
  Role role = Role::rival;
  // The counters of an anon_vma are counted from the attach snapshots, and the kernel's counters
  // are ignored. Snapshots are taken one mm after the other; where they show everything, sums of
  // them agree with each other better than counters of different moments. A kernel may also have
  // other counters than the strategy.
  bool counts_anew = false;
  // Step events tell how far forks and exits that overlapped had come.
  bool tells_steps = false;
  // Snapshots after a loss show all mms that share an anon_vma. False where only some processes of
  // a family were recorded.
  bool sees_families = true;

  bool own() const { return role == Role::own; }
};

}  // namespace anonvma
