#include "engine/verify/names.h"

#include "engine/vma/vma.h"

namespace anonvma {
namespace {
// More files than that are forgotten: a replay without end has no bound for them.
constexpr std::size_t kMostUnnamed = 1u << 16;
}  // namespace

bool Names::same_anon_vma(AnonVmaId kernel, std::uint64_t model) {
  if (!kernel || model == 0) return !kernel && model == 0;
  const auto [to_model, fresh] = to_model_.try_emplace(kernel.v, model);
  const auto [to_kernel, fresh_too] = to_kernel_.try_emplace(model, kernel.v);
  return to_model->second == model && to_kernel->second == kernel.v;
}

bool Names::same_file(std::uint64_t kernel, FileId model) {
  if ((model & kUnnamedFile) == 0) return kernel == model;
  if (unnamed_.size() >= kMostUnnamed) unnamed_.clear();
  return unnamed_.try_emplace(model, kernel).first->second == kernel;
}

AnonVmaId Names::kernel_name(std::uint64_t model) const {
  const auto found = to_kernel_.find(model);
  return found != to_kernel_.end() ? AnonVmaId{found->second} : AnonVmaId{};
}

void Names::forget_anon_vmas() {
  to_model_.clear();
  to_kernel_.clear();
}

}  // namespace anonvma
