// What the kernel's type information says about this kernel.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"

struct btf;
struct btf_type;

namespace anonvma {

class KernelBtf {
 public:
  // /sys/kernel/btf/vmlinux, or the file that ANONVMA_BTF names.
  static Result<KernelBtf> load();

  // Parameters of a tracepoint, without the context; -1 when the kernel has none of this name.
  int tracepoint_parameters(std::string_view name) const;
  // Is one of its parameters a pointer to this struct?
  bool tracepoint_takes(std::string_view name, std::string_view struct_name) const;
  // A helper of BPF programs, by its name without bpf_.
  bool has_helper(std::string_view name) const;
  // Parameters of a kernel function; -1 when BTF does not know it.
  int function_parameters(std::string_view name) const;
  std::uint64_t struct_size(std::string_view name) const;  // 0: no such struct
  std::vector<std::string> members(std::string_view struct_name) const;
  // Also when it is inside anonymous structs.
  bool has_member(std::string_view struct_name, std::string_view member) const;

 private:
  struct Free {
    void operator()(btf* b) const;
  };
  explicit KernelBtf(btf* b) : btf_(b) {}
  const btf_type* tracepoint(std::string_view name) const;
  std::unique_ptr<btf, Free> btf_;
};

std::string btf_path();

}  // namespace anonvma
