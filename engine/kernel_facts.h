// The facts of a recorded kernel that tell its anon_vma design.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace anonvma {

struct KernelFacts {
  std::string release;  // uname -r, whole: stable kernels carry backports
  std::vector<std::string> anon_vma_members;
  // Number of arguments of anon_vma_clone(); 0: BTF lacks it, as it was inlined or cloned.
  std::uint64_t anon_vma_clone_args = 0;

  bool anon_vma_has(std::string_view member) const {
    return std::find(anon_vma_members.begin(), anon_vma_members.end(), member) !=
           anon_vma_members.end();
  }
  friend bool operator==(const KernelFacts&, const KernelFacts&) = default;
};

}  // namespace anonvma
