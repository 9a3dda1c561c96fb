// The type information (BTF) of a kernel, with the questions that the recorder has.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"

struct btf;

namespace anonvma {

class KernelBtf {
 public:
  // /sys/kernel/btf/vmlinux, or the file that ANONVMA_BTF names.
  static Result<KernelBtf> load();
  static Result<KernelBtf> load(const std::string& path);

  // Parameters of a tracepoint, without the context; -1 when the kernel has none of this name.
  int tracepoint_parameters(std::string_view name) const;
  // True if a parameter is of this type, or a pointer to it.
  bool tracepoint_takes(std::string_view name, std::string_view type) const;
  // Parameters of a kernel function; -1 when BTF does not know it.
  int function_parameters(std::string_view name) const;
  bool function_takes(std::string_view name, std::string_view type) const;
  std::uint64_t struct_size(std::string_view name) const;  // 0: no such struct
  std::vector<std::string> members(std::string_view struct_name) const;
  // A member may be inside anonymous structs; "outer.inner" is a member of the struct `outer`.
  bool has_member(std::string_view struct_name, std::string_view member) const;
  bool has_typedef(std::string_view name) const;
  bool has_enumerator(std::string_view enum_name, std::string_view name) const {
    return enumerator(enum_name, name).has_value();
  }
  std::optional<std::int64_t> enumerator(std::string_view enum_name, std::string_view name) const;

 private:
  struct Free {
    void operator()(btf* b) const;
  };
  explicit KernelBtf(btf* b) : btf_(b) {}
  std::unique_ptr<btf, Free> btf_;
};

std::string btf_path();

}  // namespace anonvma
