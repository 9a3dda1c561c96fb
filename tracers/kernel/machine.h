// The facts of this machine that a trace carries.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/result.h"
#include "engine/trace/meta.h"
#include "tracers/kernel/btf.h"

namespace anonvma {

// Fills the members of Meta that identify the kernel's own strategy, and the sizes of its structs.
void read_structures(const KernelBtf& btf, Meta& meta);

// The pages that `cmdline`, of /proc/cmdline, leaves below a growing stack (stack_guard_gap).
std::uint64_t stack_guard_pages(std::string_view cmdline);

// The size of hugetlb pages for those who name none, of /proc/meminfo.
std::uint64_t huge_page_bytes();

// All of Meta but the recorder's own options. A member that cannot be read keeps its default.
Meta describe_machine();

// False if the kernel interprets BPF programs (net.core.bpf_jit_enable=0): they would be slow, and those that
// call functions of the kernel are refused.
bool compiles_bpf();
// True for a kernel with CONFIG_PREEMPT_RT.
bool is_realtime_kernel();
bool is_tracefs_mounted();

}  // namespace anonvma
