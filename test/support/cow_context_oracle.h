// The allocations of cow-context, computed from its definition, page by page. From one operation to
// the next the oracle keeps only the fork tree and the mappings. It shares no code with the engine.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace anonvma::test {

// A picture of the objects: entries, nodes, arrays by their size.
struct CowCounts {
  std::uint64_t entries = 0, nodes = 0;
  std::map<std::uint64_t, std::uint64_t> arrays;  // bytes: number of arrays
  std::string show() const {
    std::string text = fmt::format("{} entries, {} nodes", entries, nodes);
    for (const auto& [bytes, n] : arrays) text += fmt::format(", {} x {}", n, bytes);
    return text;
  }
};

class CowOracle {
 public:
  explicit CowOracle(bool ideal) : ideal_(ideal) {}

  // An operation of engine/replay/vector_ops.h, or "D id": the vma is unlinked and stays mapped.
  void apply(const std::string& op) {
    std::istringstream in(op);
    char kind = 0;
    std::vector<long> f;
    in >> kind;
    for (long n = 0; in >> n;) f.push_back(n);
    const auto before = contexts();
    switch (kind) {
      case 'M':
        vmas_[f[0]] = {f[1], f[4], f[5], f[4], false};
        enter(f[1], -1);
        break;
      case 'F':
        vmas_[f[0]].faulted = true;  // a vma of a file would enter the tree now
        break;
      case 'S': {
        Vma low = vmas_[f[0]], high = low;
        low.end = high.start = f[2];
        high.pgoff += f[2] - low.start;
        vmas_[f[0]] = f[3] ? high : low;
        vmas_[f[1]] = f[3] ? low : high;
        break;
      }
      case 'G': {
        Vma &keep = vmas_[f[0]], &gone = vmas_[f[1]];
        keep.faulted |= gone.faulted;
        if (gone.start < keep.start) keep.pgoff = gone.pgoff;
        keep.start = std::min(keep.start, gone.start);
        keep.end = std::max(keep.end, gone.end);
        vmas_.erase(f[1]);
        break;
      }
      case 'C': {
        const Vma source = vmas_[f[0]];
        Vma copy = source;
        copy.start = f[2];
        copy.end = f[2] + source.end - source.start;
        if (!copy.faulted) copy.pgoff = copy.start;
        vmas_[f[1]] = copy;
        if (copy.faulted && copy.offset() != 0 &&
            !replace(copy, source.start - copy.pgoff, copy.offset()))
          append(copy);
        break;
      }
      case 'K': {
        Vma child = vmas_[f[0]];
        enter(f[2], child.mm);
        if (before != contexts() && before.size() < contexts().size()) ++locks;
        child.mm = f[2];
        vmas_[f[1]] = child;
        if (child.faulted && child.offset() != 0) append(child);
        break;
      }
      case 'U':
        vmas_.erase(f[0]);
        break;
      case 'D':
        vmas_[f[0]].faulted = false;
        break;
    }
    leave();
    for (const long context : before)
      if (!contexts().count(context)) {
        if (parent_.at(context) >= 0) ++locks;
        cells_.erase(context);
      }
  }

  // Contexts with a live mm, or with a descendant that has one.
  std::set<long> contexts() const {
    std::set<long> alive;
    for (const auto& [mm, context] : context_of_)
      for (long c = context; c >= 0; c = parent_.at(c)) alive.insert(c);
    return alive;
  }
  CowCounts counts() const {
    CowCounts all;
    for (const long context : contexts()) add_tree(cells_of(context), all);
    return all;
  }
  std::uint64_t locks = 0;
  std::uint64_t born() const { return parent_.size(); }
  std::size_t vmas() const { return vmas_.size(); }

 private:
  struct Vma {
    long mm = 0, start = 0, end = 0, pgoff = 0;
    bool faulted = false;
    long offset() const { return start - pgoff; }
    long pgoff_end() const { return pgoff + end - start; }
  };
  // The tree's content for one page; pages of one entry have one number.
  struct Cell {
    long entry = 0;
    std::uint64_t capacity = 1;
    std::vector<long> offsets;
  };
  using Cells = std::map<long, Cell>;  // by pgoff

  void enter(long mm, long parent_mm) {
    if (context_of_.count(mm)) return;
    const long fresh = static_cast<long>(parent_.size());
    parent_[fresh] = parent_mm < 0 ? -1 : context_of_.at(parent_mm);
    context_of_[mm] = fresh;
  }
  void leave() {
    for (auto it = context_of_.begin(); it != context_of_.end();) {
      bool empty = true;
      for (const auto& [id, vma] : vmas_) empty &= vma.mm != it->first;
      it = empty ? context_of_.erase(it) : std::next(it);
    }
  }

  Cells cells_of(long context) const {
    if (!ideal_) {
      const auto found = cells_.find(context);
      return found == cells_.end() ? Cells{} : found->second;
    }
    std::map<long, std::set<long>> sets;
    for (const auto& [id, vma] : vmas_) {
      const auto at = context_of_.find(vma.mm);
      if (at->second != context || !vma.faulted || vma.offset() == 0) continue;
      for (long p = vma.pgoff; p < vma.pgoff_end(); ++p) sets[p].insert(vma.offset());
    }
    Cells cells;
    long last = -2;
    for (const auto& [p, set] : sets) {
      const bool goes_on = last + 1 == p && sets[last] == set;
      Cell cell{goes_on ? cells[last].entry : p, 1, {set.begin(), set.end()}};
      while (cell.capacity < set.size()) cell.capacity *= 2;
      cells[p] = cell;
      last = p;
    }
    return cells;
  }

  // Only in the prototype.
  void append(const Vma& vma) {
    if (ideal_) return;
    Cells& cells = cells_[context_of_.at(vma.mm)];
    // Entries that cross an end of the range are cut there: one number becomes up to three.
    std::set<long> inside;
    for (long p = vma.pgoff; p < vma.pgoff_end(); ++p)
      if (cells.count(p)) inside.insert(cells[p].entry);
    for (const long entry : inside) {
      const long low = next_entry_++, middle = next_entry_++, high = next_entry_++;
      for (auto& [p, cell] : cells)
        if (cell.entry == entry)
          cell.entry = p < vma.pgoff ? low : p < vma.pgoff_end() ? middle : high;
    }
    long gap = -1;
    std::set<long> done;
    for (long p = vma.pgoff; p < vma.pgoff_end(); ++p) {
      if (!cells.count(p)) {
        if (gap < 0) gap = next_entry_++;
        cells[p] = {gap, 1, {vma.offset()}};
        continue;
      }
      gap = -1;
      Cell& cell = cells[p];
      if (cell.offsets.size() == cell.capacity) cell.capacity *= 2;
      std::size_t at = cell.offsets.size();
      while (at > 0 && cell.offsets[at - 1] > vma.offset()) --at;
      if (at > 0 && cell.offsets[at - 1] == vma.offset()) continue;
      cell.offsets.insert(cell.offsets.begin() + static_cast<long>(at), vma.offset());
    }
  }
  bool replace(const Vma& vma, long old_offset, long new_offset) {
    if (ideal_) return true;
    Cells& cells = cells_[context_of_.at(vma.mm)];
    std::set<long> touched;
    for (long p = vma.pgoff; p < vma.pgoff_end(); ++p)
      if (cells.count(p)) touched.insert(cells[p].entry);
    bool found = false;
    for (auto& [p, cell] : cells) {
      if (!touched.count(cell.entry)) continue;
      for (long& offset : cell.offsets) {
        if (offset != old_offset) continue;
        offset = new_offset;
        found = true;
      }
    }
    return found;
  }

  // Counts cells one after the other. Every gap, the first and the last too, is a slot
  // like an entry.
  static void add_tree(const Cells& cells, CowCounts& all) {
    if (cells.empty()) return;
    std::uint64_t slots = 1;  // the gap at the end
    long last_page = -1, last_entry = -1;
    for (const auto& [p, cell] : cells) {
      if (last_page + 1 != p) ++slots;
      if (last_page + 1 != p || cell.entry != last_entry) {
        ++slots;
        ++all.entries;
        if (cell.capacity > 1) ++all.arrays[bytes_of(cell.capacity)];
      }
      last_page = p;
      last_entry = cell.entry;
    }
    for (std::uint64_t per_node = 16;; per_node = 10) {
      std::uint64_t level = 0;
      for (std::uint64_t n = 0; n < slots; n += per_node) ++level;
      all.nodes += level;
      slots = level;
      if (level == 1) return;
    }
  }
  static std::uint64_t bytes_of(std::uint64_t capacity) {
    for (const std::uint64_t kmalloc : {32, 64, 96, 192, 512, 1024, 2048, 4096})
      if (kmalloc >= 8 + 8 * capacity) return kmalloc;
    return 0;
  }

  bool ideal_;
  std::map<long, Vma> vmas_;
  std::map<long, long> context_of_;  // by live mm
  std::map<long, long> parent_;      // of every context that ever existed; -1: none
  std::map<long, Cells> cells_;      // in the prototype: by context
  long next_entry_ = 0;
};

}  // namespace anonvma::test
