// The definition of the anon_vma_chain designs, written naively with sets and maps: every counter
// is recounted whenever it is needed. The oracle shares no code with the engine, not even the
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

// The properties that distinguish a design.
struct NaiveDesign {
  char reuse = '-';  // reuses by 'd'egree, or by 'n'um_children and active vmas
  char share =
      '-';  // in a sharing run: '-' nothing, 'p' the parent's anon_vma, 's' that of the copy before
  bool reversed = false, ahead = false;
  // The lock is taken 'o'nce per operation; once per 'c'lone but for each entry of an unlink; for
  // 'e'ach entry; or for each entry and at the 'l'ast child.
  char locks = 'o';
};

class NaiveOracle {
 public:
  struct Vma {
    long mm = 0, start = 0, end = 0, pgoff = 0, flags = 0;
    int own = -1;
    std::vector<int> chain;  // oldest first
  };
  struct Av {
    int root = 0, parent = 0;
  };

  explicit NaiveOracle(NaiveDesign design) : design_(design) {}

  std::map<int, Vma> vmas;
  std::map<int, Av> avs;
  std::uint64_t avc_allocs = 0, av_allocs = 0, locks = 0;

  std::uint64_t avcs() const {
    std::uint64_t sum = 0;
    for (const auto& [id, vma] : vmas) sum += vma.chain.size();
    return sum;
  }
  // A root counts itself: it is its own parent.
  int children(int av) const {
    int n = 0;
    for (const auto& [id, other] : avs) n += other.parent == av;
    return n;
  }
  int active(int av) const {
    int n = 0;
    for (const auto& [id, vma] : vmas) n += vma.own == av;
    return n;
  }

  void apply(const std::string& op) {
    std::istringstream in(op);
    char kind = 0;
    in >> kind;
    std::vector<long> f{std::istream_iterator<long>(in), {}};
    const int id = static_cast<int>(f[0]);
    const int other = f.size() > 1 ? static_cast<int>(f[1]) : -1;
    if (kind == 'M') vmas[id] = {f[1], f[4], f[5], f[4], f[6], -1, {}};
    if (kind == 'F' && vmas[id].own < 0) fault(id);
    if (kind == 'S') split(id, other, f[2], f[3] != 0);
    if (kind == 'G') merge(id, other);
    if (kind == 'C') copy(id, other, f[2]);
    if (kind == 'K') fork(id, other, f[2], static_cast<int>(f[3]));
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
  void fault(int id) {
    int below = -1, above = -1;
    for (const auto& [n, vma] : vmas) {
      if (vma.chain.size() != 1) continue;
      if (fits(vma, vmas[id])) below = vma.own;
      if (fits(vmas[id], vma)) above = vma.own;
    }
    enter(id, above >= 0 ? above : below >= 0 ? below : make(-1));
  }
  void take_chain(int dst, int src) {
    std::vector<int> chain = vmas[src].chain;
    if (design_.reversed) std::reverse(chain.begin(), chain.end());
    vmas[dst].chain = chain;
    avc_allocs += chain.size();
    const bool once = design_.locks == 'o' || design_.locks == 'c';
    locks += once ? !chain.empty() : chain.size();
  }
  void split(int id, int fresh, long addr, bool below) {
    vmas[fresh] = vmas[id];
    take_chain(fresh, id);
    Vma &low = vmas[below ? fresh : id], &high = vmas[below ? id : fresh];
    high.pgoff += addr - high.start;
    low.end = high.start = addr;
  }
  void merge(int keep, int gone) {
    if (vmas[keep].own < 0) {
      take_chain(keep, gone);
      vmas[keep].own = vmas[gone].own;
    }
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
    Vma vma = vmas[id];
    vma.end = start + (vma.end - vma.start);
    vma.start = start;
    if (vma.own < 0) vma.pgoff = start;
    vmas[fresh] = vma;
    take_chain(fresh, id);
  }
  // The vma before `id` in its mm.
  int before(int id) {
    int found = -1;
    for (const auto& [n, vma] : vmas)
      if (vma.mm == vmas[id].mm && vma.start < vmas[id].start &&
          (found < 0 || vma.start > vmas[found].start))
        found = n;
    return found;
  }
  bool reusable(int av, int parents) const {
    if (design_.reuse == 'n') return children(av) < 2 && active(av) == 0;
    return design_.reuse == 'd' && av != parents && children(av) + active(av) < 2;
  }
  // The vma whose state the child of `id` takes over.
  int shared(int id, int child_prev) {
    const int prev = before(id);
    if (design_.share == 'p' && prev >= 0 && vmas[prev].own == vmas[id].own) return id;
    if (design_.share == 's' && child_prev >= 0 && vmas[child_prev].own >= 0 &&
        avs[vmas[child_prev].own].parent == vmas[id].own)
      return child_prev;
    return -1;
  }
  void fork(int id, int child, long mm, int child_prev) {
    const int like = vmas[id].own < 0 ? -1 : shared(id, child_prev);
    vmas[child] = vmas[id];
    vmas[child].mm = mm;
    vmas[child].own = -1;
    take_chain(child, like < 0 ? id : like);
    if (vmas[id].own < 0) return;
    if (like >= 0) vmas[child].own = vmas[like].own;
    for (int av : vmas[child].chain) {
      if (vmas[child].own >= 0 || !reusable(av, vmas[id].own)) continue;
      vmas[child].own = av;
      av_allocs += design_.ahead;
      avc_allocs += design_.ahead;
    }
    if (vmas[child].own < 0) enter(child, make(vmas[id].own));
  }
  std::set<int> roots_with_descendants() const {
    std::set<int> roots;
    for (const auto& [av, known] : avs)
      if (known.root != av) roots.insert(known.root);
    return roots;
  }
  void unlink(int id) {
    locks += design_.locks == 'o' ? !vmas[id].chain.empty() : vmas[id].chain.size();
    vmas[id].chain.clear();
    vmas[id].own = -1;
    std::set<int> linked;
    for (const auto& [n, vma] : vmas) linked.insert(vma.chain.begin(), vma.chain.end());
    const std::size_t roots = roots_with_descendants().size();
    std::erase_if(avs, [&](const auto& av) { return !linked.contains(av.first); });
    if (design_.locks == 'l') locks += roots - roots_with_descendants().size();
  }

  NaiveDesign design_;
  int next_ = 0;
};

}  // namespace anonvma::test
