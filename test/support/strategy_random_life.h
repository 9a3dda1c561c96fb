// Random lives in the language of engine/replay/vector_ops.h: a few processes that map, fault,
// split, merge, move, fork and exit. They only make merges that a kernel with the strategy allows.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "engine/replay/vector_ops.h"
#include "test/catch.h"

namespace anonvma::test {

class RandomLife {
 public:
  struct Vma {
    int id = 0;
    long start = 0, end = 0, pgoff = 0, flags = 0;
  };
  struct Options {
    bool copies = true;     // mremap: afterwards pgoff and start of a vma differ
    bool dontunmap = true;  // D id: the vma is unlinked and stays mapped
  };

  RandomLife(const StrategyChoice& strategy, unsigned seed, Options options)
      : life_(strategy), random_(seed), options_(options) {}
  RandomLife(const StrategyChoice& strategy, unsigned seed)
      : RandomLife(strategy, seed, Options{}) {}

  // Makes one step and returns its operations; none if the random choice was impossible.
  std::vector<std::string> step() {
    done_.clear();
    const int dice = roll(15);
    if (dice < 2)
      map();
    else if (dice < 5)
      fault();
    else if (dice < 7)
      split();
    else if (dice < 8)
      merge();
    else if (dice < 11)
      fork();
    else if (dice < 12)
      unmap();
    else if (dice < 13)
      move();
    else if (roll(2))
      exit_mm(random_mm());
    return done_;
  }
  std::vector<std::string> exit_all() {
    done_.clear();
    while (!mms_.empty()) exit_mm(mms_.begin()->first);
    return done_;
  }

  VectorLife& life() { return life_; }
  const std::map<int, std::vector<Vma>>& mms() const { return mms_; }  // by address

 private:
  static constexpr long kPages = 400;

  int roll(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  VmaId vma_id(const Vma& vma) const { return life_.vma(static_cast<std::uint64_t>(vma.id)); }
  void apply(std::string op) {
    INFO("operation " << op);
    if (op[0] == 'D')
      life_.strategy().unlink(life_.vma(std::stoull(op.substr(2))));
    else
      REQUIRE(life_.apply(op));
    done_.push_back(std::move(op));
  }
  struct Place {
    int mm = -1;
    std::size_t index = 0;
  };
  bool pick(Place& place) {
    if (mms_.empty()) return false;
    place.mm = random_mm();
    place.index = static_cast<std::size_t>(roll(static_cast<int>(mms_[place.mm].size())));
    return true;
  }
  // The position at which [start, end) fits into `mm`; false if the range is in use.
  bool hole(int mm, long start, long end, std::size_t& index) {
    const auto& vmas = mms_[mm];
    index = 0;
    while (index < vmas.size() && vmas[index].end <= start) ++index;
    return index == vmas.size() || vmas[index].start >= end;
  }
  int id_at(int mm, std::size_t index) { return index < mms_[mm].size() ? mms_[mm][index].id : -1; }

  void map() {
    static constexpr long kFlags[] = {3, 1, 7, 65539, 3};
    const int mm = mms_.empty() || mms_.size() < 3 ? next_mm_ : mms_.begin()->first;
    const int target = roll(2) || mms_.empty() ? mm : mms_.rbegin()->first;
    const long start = roll(kPages / 4) * 4, end = start + 4;
    std::size_t at = 0;
    if (!hole(target, start, end, at)) return;
    next_mm_ = std::max(next_mm_, target + 1);
    const long flags = kFlags[roll(5)];
    apply(fmt::format("M {} {} {} {} {} {} {}", next_id_, target, at ? id_at(target, at - 1) : -1,
                      id_at(target, at), start, end, flags));
    auto& vmas = mms_[target];
    vmas.insert(vmas.begin() + static_cast<long>(at), {next_id_++, start, end, start, flags});
  }
  void fault() {
    Place p;
    if (pick(p)) apply(fmt::format("F {}", mms_[p.mm][p.index].id));
  }
  void split() {
    Place p;
    if (!pick(p)) return;
    auto& vmas = mms_[p.mm];
    const Vma old = vmas[p.index];
    if (old.end - old.start < 2) return;
    const long addr = old.start + 1 + roll(static_cast<int>(old.end - old.start - 1));
    const bool below = roll(2);
    apply(fmt::format("S {} {} {} {}", old.id, next_id_, addr, below ? 1 : 0));
    Vma low = old, high = old;
    low.end = high.start = addr;
    high.pgoff += addr - old.start;
    (below ? low : high).id = next_id_++;
    vmas[p.index] = low;
    vmas.insert(vmas.begin() + static_cast<long>(p.index) + 1, high);
  }
  bool may_merge(const Vma& low, const Vma& high) {
    if (low.end != high.start || low.flags != high.flags ||
        high.pgoff - low.pgoff != low.end - low.start)
      return false;
    const Strategy& s = life_.strategy();
    const VmaId a = vma_id(low), b = vma_id(high);
    if (s.same(a, b)) return true;
    return s.faulted(a) != s.faulted(b) && s.singular(s.faulted(a) ? a : b);
  }
  void merge() {
    for (auto& [mm, vmas] : mms_) {
      for (std::size_t i = 0; i + 1 < vmas.size(); ++i) {
        if (!may_merge(vmas[i], vmas[i + 1]) || roll(2)) continue;
        Vma both = vmas[i];
        both.end = vmas[i + 1].end;
        const bool upper = roll(2);  // keeps the upper vma
        if (upper) both.id = vmas[i + 1].id;
        apply(fmt::format("G {} {}", both.id, vmas[upper ? i : i + 1].id));
        vmas[i] = both;
        vmas.erase(vmas.begin() + static_cast<long>(i) + 1);
        return;
      }
    }
  }
  void fork() {
    Place p;
    if (!pick(p) || mms_.size() > 9) return;
    const int mm = next_mm_++;
    int prev = -1;
    std::vector<Vma> children;
    for (Vma vma : mms_[p.mm]) {
      apply(fmt::format("K {} {} {} {}", vma.id, next_id_, mm, prev));
      prev = vma.id = next_id_++;
      children.push_back(vma);
    }
    mms_[mm] = std::move(children);
  }
  void unmap() {
    Place p;
    if (!pick(p)) return;
    auto& vmas = mms_[p.mm];
    if (options_.dontunmap && roll(4) == 0) return apply(fmt::format("D {}", vmas[p.index].id));
    apply(fmt::format("U {}", vmas[p.index].id));
    vmas.erase(vmas.begin() + static_cast<long>(p.index));
    if (vmas.empty()) mms_.erase(p.mm);
  }
  void move() {
    Place p;
    if (!options_.copies || !pick(p)) return;
    Vma vma = mms_[p.mm][p.index];
    const bool faulted = life_.strategy().faulted(vma_id(vma));
    const long start = roll(kPages), end = start + (vma.end - vma.start);
    std::size_t at = 0;
    if (!hole(p.mm, start, end, at)) return;
    apply(fmt::format("C {} {} {} {} {}", vma.id, next_id_, start, at ? id_at(p.mm, at - 1) : -1,
                      id_at(p.mm, at)));
    vma = {next_id_++, start, end, faulted ? vma.pgoff : start, vma.flags};
    auto& vmas = mms_[p.mm];
    vmas.insert(vmas.begin() + static_cast<long>(at), vma);
  }
  int random_mm() {
    return mms_.empty() ? -1 : std::next(mms_.begin(), roll(static_cast<int>(mms_.size())))->first;
  }
  void exit_mm(int mm) {
    if (mm < 0) return;
    for (const Vma& vma : mms_[mm]) apply(fmt::format("U {}", vma.id));
    mms_.erase(mm);
  }

  VectorLife life_;
  std::mt19937 random_;
  Options options_;
  std::map<int, std::vector<Vma>> mms_;
  int next_mm_ = 0, next_id_ = 0;
  std::vector<std::string> done_;
};

}  // namespace anonvma::test
