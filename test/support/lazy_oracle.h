// The definition of the lazy designs, written naively: live objects are recounted from
// the vmas after every operation. The oracle shares no code with the engine, not even the
// language of the operations.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace anonvma::test {

class LazyOracle {
 public:
  struct Rules {
    bool leaks = false;       // lazy-v1 as posted
    bool until_fork = false;  // fork=never
  };
  // At most one of `own`, `of_root` and `of_parent` is set; in an unfaulted vma none is set.
  struct Vma {
    long mm = 0, start = 0, end = 0, pgoff = 0, flags = 0;
    int own = -1;            // anon_vma of a regular vma
    int of_root = -1;        // vma
    int of_parent = -1;      // anon_vma
    std::vector<int> chain;  // oldest first
    bool faulted() const { return own >= 0 || of_root >= 0 || of_parent >= 0; }
  };
  struct Av {
    int root = 0, parent = 0;
  };

  explicit LazyOracle(Rules rules) : rules_(rules) {}

  std::map<int, Vma> vmas;  // mapped
  std::map<int, Av> avs;    // every anon_vma that ever existed
  std::set<int> leaked;     // roots with a reference that is never dropped
  std::uint64_t avc_allocs = 0, av_allocs = 0, locks = 0;

  std::uint64_t avcs() const {
    std::uint64_t sum = 0;
    for (const auto& [id, vma] : vmas) sum += vma.chain.size();
    return sum;
  }
  // Mapped vmas and the roots of mapped ones.
  std::uint64_t structs() const {
    std::set<int> alive;
    for (const auto& [id, vma] : vmas) {
      alive.insert(id);
      if (vma.of_root >= 0) alive.insert(vma.of_root);
    }
    return alive.size();
  }
  std::set<int> linked() const {
    std::set<int> all;
    for (const auto& [id, vma] : vmas) all.insert(vma.chain.begin(), vma.chain.end());
    return all;
  }
  std::set<int> alive_avs() const {
    std::set<int> all = linked();
    for (const auto& [id, vma] : vmas)
      if (vma.of_parent >= 0) all.insert(vma.of_parent);
    const std::set<int> without_roots = all;
    for (const int av : without_roots) all.insert(avs.at(av).root);
    all.insert(leaked.begin(), leaked.end());
    return all;
  }
  std::uint64_t links(int av) const {
    std::uint64_t n = 0;
    for (const auto& [id, vma] : vmas)
      for (const int entry : vma.chain) n += entry == av;
    return n;
  }
  std::uint64_t walk(int id) const {
    const Vma& vma = vmas.at(id);
    if (vma.of_root < 0) return links(vma.own >= 0 ? vma.own : vma.of_parent);
    std::uint64_t n = 0;
    for (const auto& [other, v] : vmas) n += v.of_root == vma.of_root;
    return n;
  }
  // The vmas that a walk visits. An upgrade may take over an anon_vma that is in the chain already;
  // walks then visit that vma twice.
  std::uint64_t visited(int id) const {
    const Vma& vma = vmas.at(id);
    if (vma.of_root >= 0) return walk(id);
    const int av = vma.own >= 0 ? vma.own : vma.of_parent;
    std::uint64_t n = 0;
    for (const auto& [other, v] : vmas) n += std::count(v.chain.begin(), v.chain.end(), av) > 0;
    return n;
  }
  bool same(int a, int b, bool by_base) const {
    const Vma &x = vmas.at(a), &y = vmas.at(b);
    if (by_base && x.of_root >= 0 && y.of_root >= 0)
      return x.of_root == y.of_root || (x.mm == y.mm && x.start - x.pgoff == y.start - y.pgoff);
    return x.own == y.own && x.of_root == y.of_root && x.of_parent == y.of_parent;
  }

  void apply(const std::string& op) {
    std::istringstream in(op);
    char kind = 0;
    in >> kind;
    std::vector<long> f{std::istream_iterator<long>(in), {}};
    const int id = static_cast<int>(f[0]);
    const int other = f.size() > 1 ? static_cast<int>(f[1]) : -1;
    if (kind == 'M') vmas[id] = {f[1], f[4], f[5], f[4], f[6], -1, -1, -1, {}};
    if (kind == 'F' && !vmas[id].faulted()) fault(id);
    if (kind == 'S') split(id, other, f[2], f[3] != 0);
    if (kind == 'G') merge(id, other);
    if (kind == 'C') copy(id, other, f[2]);
    if (kind == 'K') fork(id, other, f[2]);
    if (kind == 'U' || kind == 'D') unlink(id);
    if (kind == 'U') vmas.erase(id);
  }

 private:
  void enter(int id, int av) {
    vmas[id].chain.push_back(av);
    vmas[id].own = av;
    ++avc_allocs;
    ++locks;
  }
  int make(int parent) {
    const int av = next_++;
    avs[av] = parent < 0 ? Av{av, av} : Av{avs[parent].root, parent};
    ++av_allocs;
    return av;
  }
  static bool fits(const Vma& low, const Vma& high) {
    return low.mm == high.mm && low.end == high.start && low.flags / 8 == high.flags / 8 &&
           high.pgoff - low.pgoff == low.end - low.start;
  }
  // The anon_vma that a neighbour of `id` donates: the higher neighbour's, if that fits; -1: none,
  // or its root is not `family`. With `singular` only a vma that is linked to nothing else donates.
  int donated(int id, int family, bool singular) const {
    const Vma& asking = vmas.at(id);
    int below = -1, above = -1;
    for (const auto& [n, vma] : vmas) {
      if (vma.own < 0 || (singular && vma.chain.size() != 1)) continue;
      if (fits(vma, asking)) below = vma.own;
      if (fits(asking, vma)) above = vma.own;
    }
    const int chosen = above >= 0 ? above : below;
    return chosen >= 0 && family >= 0 && avs.at(chosen).root != family ? -1 : chosen;
  }
  void fault(int id) {
    if (!rules_.until_fork || !forked_.contains(vmas[id].mm)) {
      vmas[id].of_root = id;
      return;
    }
    const int av = donated(id, -1, true);
    enter(id, av >= 0 ? av : make(-1));
  }
  void upgrade(int id) {
    const int parent = vmas[id].of_parent;
    int av = donated(id, parent >= 0 ? avs[parent].root : -1, false);
    if (av < 0)
      av = make(parent);
    else if (rules_.leaks && avs[av].root != av)
      leaked.insert(avs[av].root);
    locks += parent >= 0;
    vmas[id].of_root = vmas[id].of_parent = -1;
    enter(id, av);
  }
  // `dst` gets the state of `src` that a split, a move or a merge copies.
  void take(int dst, int src) {
    if (vmas[src].of_parent >= 0) upgrade(src);
    vmas[dst].own = vmas[src].own;
    vmas[dst].of_root = vmas[src].of_root;
    vmas[dst].of_parent = -1;
    take_chain(dst, src);
  }
  void take_chain(int dst, int src) {
    vmas[dst].chain.assign(vmas[src].chain.rbegin(), vmas[src].chain.rend());
    avc_allocs += vmas[src].chain.size();
    locks += !vmas[src].chain.empty();
  }
  static Vma place_of(const Vma& vma) {
    return {vma.mm, vma.start, vma.end, vma.pgoff, vma.flags, -1, -1, -1, {}};
  }
  void split(int id, int fresh, long addr, bool below) {
    const Vma place = place_of(vmas[id]);
    Vma nowhere = place;
    nowhere.mm = -1;  // an upgrade sees no neighbours
    vmas[fresh] = nowhere;
    take(fresh, id);
    vmas[fresh].mm = place.mm;
    Vma &low = vmas[below ? fresh : id], &high = vmas[below ? id : fresh];
    high.pgoff += addr - high.start;
    low.end = high.start = addr;
  }
  void merge(int keep, int gone) {
    if (!vmas[keep].faulted() && vmas[gone].faulted()) take(keep, gone);
    if (vmas[gone].start < vmas[keep].start) {
      vmas[keep].start = vmas[gone].start;
      vmas[keep].pgoff = vmas[gone].pgoff;
    } else {
      vmas[keep].end = vmas[gone].end;
    }
    unlink(gone);
    vmas.erase(gone);
  }
  void copy(int id, int fresh, long start) {
    Vma vma = place_of(vmas[id]);
    if (!vmas[id].faulted()) vma.pgoff = start;
    vma.end = start + (vma.end - vma.start);
    vma.start = start;
    const long mm = vma.mm;
    vma.mm = -1;
    vmas[fresh] = vma;
    take(fresh, id);
    vmas[fresh].mm = mm;
  }
  bool reusable(int av) const {
    if (!linked().contains(av)) return false;
    int children = 0, active = 0;  // a root counts itself: it is its own parent
    for (const int other : linked()) children += avs.at(other).parent == av;
    for (const auto& [id, vma] : vmas) active += vma.own == av;
    return children < 2 && active == 0;
  }
  void fork(int id, int child, long mm) {
    forked_.insert(vmas[id].mm);
    if (vmas[id].of_root >= 0 || vmas[id].of_parent >= 0) upgrade(id);
    vmas[child] = place_of(vmas[id]);
    vmas[child].mm = mm;
    if (vmas[id].own < 0) return;
    // Newest first, in the order of the copying walk; the walk itself does not
    // change the candidates.
    for (auto entry = vmas[id].chain.rbegin(); entry != vmas[id].chain.rend(); ++entry)
      if (vmas[child].own < 0 && reusable(*entry)) vmas[child].own = *entry;
    take_chain(child, id);
    if (vmas[child].own >= 0) {
      av_allocs += rules_.until_fork;  // Linux 7.0 has already allocated for the child
      avc_allocs += rules_.until_fork;
    } else if (rules_.until_fork) {
      enter(child, make(vmas[id].own));
    } else {
      vmas[child].of_parent = vmas[id].own;
    }
  }
  void unlink(int id) {
    Vma& vma = vmas[id];
    locks += vma.of_parent >= 0;
    locks += !vma.chain.empty();
    vma = place_of(vma);
  }

  Rules rules_;
  std::set<long> forked_;
  int next_ = 0;
};

}  // namespace anonvma::test
