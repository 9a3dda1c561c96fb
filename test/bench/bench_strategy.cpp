// Object operations (allocations and frees of the three caches) per second and strategy, on a
// synthetic fork tree: a server forks workers, each forks a helper, faults, splits, and exits.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "engine/strategy/registry.h"

namespace anonvma {
namespace {

// Vmas are far apart, so that the strategy is measured and not the layout. Ids come back
// as a stack.
class FarApart final : public Layout {
 public:
  VmaId prev(VmaId) const override { return {}; }
  VmaId next(VmaId) const override { return {}; }
  bool compatible(VmaId, VmaId) const override { return false; }
  void recycle(VmaId vma) override { free_.push_back(vma); }
  VmaView view(VmaId vma) const override {
    return {.mm = MmSlot{0}, .start = 2 * vma.v, .pages = 1, .pgoff = 2 * vma.v, .anonymous = true};
  }
  VmaId take() {
    if (free_.empty()) return VmaId{next_++};
    const VmaId vma = free_.back();
    free_.pop_back();
    return vma;
  }

 private:
  std::vector<VmaId> free_;
  std::uint32_t next_ = 0;
};

class Tree {
 public:
  Tree(const StrategyInfo& info, int vmas_per_mm)
      : strategy_(StrategyChoice(info).make(slab_, layout_)), vmas_per_mm_(vmas_per_mm) {}

  std::vector<VmaId> server() {
    std::vector<VmaId> vmas;
    for (int i = 0; i < vmas_per_mm_; ++i) {
      vmas.push_back(take());
      strategy_->prepare(vmas.back());
    }
    return vmas;
  }
  void fork(const std::vector<VmaId>& parent, std::vector<VmaId>& child) {
    child.clear();
    VmaId prev;
    for (VmaId vma : parent) {
      child.push_back(take());
      strategy_->fork(child.back(), vma, prev);
      prev = child.back();
    }
  }
  void fault_and_split(std::vector<VmaId>& vmas) {
    vmas.push_back(take());
    strategy_->prepare(vmas.back());
    const VmaId fresh = take();
    strategy_->clone(fresh, vmas.front(), CloneOp::split);
    vmas.push_back(fresh);
  }
  void exit(const std::vector<VmaId>& vmas) {
    for (VmaId vma : vmas) strategy_->unlink(vma);
    for (VmaId vma : vmas) strategy_->release(vma);
  }
  std::uint64_t object_operations() const {
    std::uint64_t n = 0;
    for (CacheIndex c : {kVmAreaStruct, kAnonVmaChain, kAnonVma})
      n += slab_.usage(c).allocs + slab_.usage(c).frees;
    return n;
  }

 private:
  VmaId take() {
    slab_.alloc(kVmAreaStruct);
    return layout_.take();
  }

  SlabAccount slab_;
  FarApart layout_;
  std::unique_ptr<Strategy> strategy_;
  int vmas_per_mm_;
};

void fork_tree(benchmark::State& state, const StrategyInfo& info) {
  constexpr int kVmasPerMm = 20;
  const auto alive = static_cast<std::size_t>(state.range(0));
  Tree tree(info, kVmasPerMm);
  std::vector<VmaId> server = tree.server();
  std::vector<std::vector<VmaId>> workers(alive), helpers(alive);
  std::size_t oldest = 0;
  const std::uint64_t before = tree.object_operations();
  for (auto _ : state) {
    // The worker exits before its helper, so that there are anon_vmas to reuse.
    tree.exit(workers[oldest]);
    tree.exit(helpers[oldest]);
    tree.fork(server, workers[oldest]);
    tree.fault_and_split(workers[oldest]);
    tree.fork(workers[oldest], helpers[oldest]);
    oldest = (oldest + 1) % alive;
  }
  state.counters["object_ops"] = benchmark::Counter(
      static_cast<double>(tree.object_operations() - before), benchmark::Counter::kIsRate);
}

// A line of generations: it makes the chains of avc-3.0 long and those of the others short.
void deep_line(benchmark::State& state, const StrategyInfo& info) {
  Tree tree(info, 20);
  const std::vector<VmaId> server = tree.server();
  std::vector<VmaId> parent, child;
  const std::uint64_t before = tree.object_operations();
  for (auto _ : state) {
    tree.fork(server, parent);
    for (int generation = 0; generation < state.range(0); ++generation) {
      tree.fork(parent, child);
      tree.exit(parent);
      parent.swap(child);
    }
    tree.exit(parent);
  }
  state.counters["object_ops"] = benchmark::Counter(
      static_cast<double>(tree.object_operations() - before), benchmark::Counter::kIsRate);
}

}  // namespace
}  // namespace anonvma

int main(int argc, char** argv) {
  for (const anonvma::StrategyInfo& info : anonvma::strategies()) {
    const std::string name(info.name);
    benchmark::RegisterBenchmark(
        ("fork_tree/" + name).c_str(),
        [&info](benchmark::State& state) { anonvma::fork_tree(state, info); })
        ->Arg(16)
        ->Arg(1000);
    benchmark::RegisterBenchmark(("deep_line/" + name).c_str(), [&info](benchmark::State& state) {
      anonvma::deep_line(state, info);
    })->Arg(30);
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
