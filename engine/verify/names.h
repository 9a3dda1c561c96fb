// Pairs of kernel objects and model objects that earlier comparisons have shown to be the same.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "engine/ids.h"
#include "engine/slab/budget.h"

namespace anonvma {

class Names {
 public:
  // True if earlier comparisons do not contradict that these two are one anon_vma. `model` is a
  // name of Strategy::anon_vma_name(). "No anon_vma" equals "no anon_vma" only.
  bool same_anon_vma(AnonVmaId kernel, std::uint64_t model);
  // The same for files. A file that the recorder could not name is taken to be the file of its
  // first comparison.
  bool same_file(std::uint64_t kernel, FileId model);
  // The kernel's anon_vma that the model names `model`; none if no snapshot has shown it.
  AnonVmaId kernel_name(std::uint64_t model) const;
  void forget_anon_vmas();
  std::uint64_t bytes() const {
    return (to_model_.size() + to_kernel_.size() + unnamed_.size()) * kNodeBytes;
  }

 private:
  std::unordered_map<std::uint32_t, std::uint64_t> to_model_;
  std::unordered_map<std::uint64_t, std::uint32_t> to_kernel_;
  std::unordered_map<FileId, std::uint64_t> unnamed_;
};

}  // namespace anonvma
