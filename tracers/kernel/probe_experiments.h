// The experiments, one for each RULE and RULE_FLAG of engine/vma/rules.def. Each plays a short life
// on scratch pages and looks at where the borders between vmas are. `Pages` is the kernel's memory
// (probe_pages.h). A test plays the same lives on the model, under the rules of every kernel.
#pragma once

#include <sys/mman.h>

#include <array>
#include <cerrno>
#include <optional>

namespace anonvma::probe {

using Answer = std::optional<bool>;  // nullopt: not found out

inline constexpr int kReadWrite = PROT_READ | PROT_WRITE;
#ifdef MREMAP_DONTUNMAP
inline constexpr int kDontUnmap = MREMAP_DONTUNMAP;
#else
inline constexpr int kDontUnmap = 4;
#endif

// The answer that the number of vmas gives; nullopt if it is neither of the two.
inline Answer by_count(int count, int if_true, int if_false) {
  if (count == if_true) return true;
  if (count == if_false) return false;
  return {};
}

// Behaviour of every kernel. If this fails, no experiment below means anything.
template <class Pages>
bool merges_and_splits(Pages& p) {
  p.map(0);
  p.map(1);
  if (p.vmas() != 1) return false;
  p.protect(1, 1, PROT_NONE);
  if (p.vmas() != 2) return false;
  p.protect(1, 1, kReadWrite);
  return p.vmas() == 1 && !p.spoiled();
}

// A faulted page becomes like the unfaulted one below it.
template <class Pages>
Answer symmetric_merge(Pages& p) {
  p.map(1);
  p.touch(1);
  p.protect(1, 1, PROT_READ);
  p.map(0);
  p.protect(1, 1, kReadWrite);
  return by_count(p.vmas(), 1, 2);
}

// A faulted page is moved away and back, beside an unfaulted page, to where its pgoff fits.
template <class Pages>
int vmas_after_return(Pages& p) {
  p.move(1, 5);
  p.map(0);
  p.move(5, 1);
  return p.vmas();
}

// The same with a page that a child got through fork. The parent's page must merge, or nothing is
// tested.
template <class Pages>
Answer merge_checks_copied(Pages& p) {
  p.map(1);
  p.touch(1);
  const int forked = p.after_fork([&p] { return vmas_after_return(p); });
  if (vmas_after_return(p) != 1) return {};
  return by_count(forked, 2, 1);
}

// A page is mapped between two that are faulted and have different anon_vmas.
template <class Pages>
Answer map_next_first(Pages& p) {
  p.map(0);
  p.touch(0);
  p.map(2);
  p.touch(2);
  p.map(1);
  if (p.vmas() != 2) return {};
  return p.starts(1);
}

// PROT_NONE memory that was writable once, but never written to, meets memory that never was
// writable.
template <class Pages>
Answer unfaulted_drops_account(Pages& p) {
  p.map(0);
  p.protect(0, 1, PROT_NONE);
  p.map(1, 1, PROT_NONE);
  return by_count(p.vmas(), 1, 2);
}

template <class Pages>
Answer map_stack_nohugepage(Pages& p) {
  p.map(0);
  p.map(1, 1, kReadWrite, MAP_STACK);
  return by_count(p.vmas(), 2, 1);
}

// Two pages become read-only together. The first is made writable again, like the page below it.
// The second stays read-only, so that no vma has to disappear.
template <class Pages>
Answer close_may_extend(Pages& p) {
  p.map_with_close(0, 3);
  p.protect(1, 2, PROT_READ);
  p.protect(1, 1, kReadWrite);
  return by_count(p.vmas(), 2, 3);
}

template <class Pages>
Answer remap_grow_merges(Pages& p) {
  p.map(0);
  p.map(2);
  p.grow(0, 1, 2);
  return by_count(p.vmas(), 1, 2);
}

// Without a source, is the mapping at the target still there?
template <class Pages>
Answer remap_finds_first(Pages& p) {
  p.map(4);
  if (p.remap(0, 1, 4, 1) != EFAULT) return {};
  return p.mapped(4);
}

// The same with a source that is too short.
template <class Pages>
Answer remap_checks_first(Pages& p) {
  p.map(0);
  p.map(4, 3);
  if (p.remap(0, 2, 4, 3) != EFAULT) return {};
  return p.mapped(5);
}

template <class Pages>
Answer remap_many(Pages& p) {
  p.map(0);
  p.map(1, 1, PROT_READ);
  const int error = p.remap(0, 2, 4, 2);
  if (error == EFAULT) return false;
  if (error != 0 || !p.starts(4) || !p.starts(5)) return {};
  return true;
}

// Does a page that was faulted and then moved away still count as faulted? If not, it merges with
// an unfaulted one wherever it is moved to. MAP_NORESERVE: see dontunmap_drops_account.
template <class Pages>
Answer dontunmap_unlinks(Pages& p) {
  p.map(0, 1, kReadWrite, MAP_NORESERVE);
  p.touch(0);
  p.move(0, 4, kDontUnmap);
  p.map(8, 1, kReadWrite, MAP_NORESERVE);
  p.move(0, 9);
  return by_count(p.vmas(), 2, 3);
}

// A kernel that does this never gives back the page it had accounted for.
template <class Pages>
Answer dontunmap_drops_account(Pages& p) {
  p.map(0);
  p.move(0, 4, kDontUnmap);
  p.map(1);
  return by_count(p.vmas(), 3, 2);
}

template <class Pages>
Answer self_merge(Pages& p) {
  p.map(0, 1, kReadWrite, MAP_NORESERVE);
  p.move(0, 1, kDontUnmap);
  return by_count(p.vmas(), 1, 2);
}

// A page is copied between its source and a vma like it.
template <class Pages>
Answer self_merge_spares_others(Pages& p) {
  p.map(0, 1, kReadWrite, MAP_NORESERVE);
  p.map(2, 1, kReadWrite, MAP_NORESERVE);
  p.move(0, 1, kDontUnmap);
  return by_count(p.vmas(), 2, 3);
}

// A page that was moved once is moved again, and its source stays mapped. Does a page that is
// mapped behind the source merge with it?
template <class Pages>
Answer dontunmap_resets_pgoff(Pages& p) {
  p.map(0, 1, kReadWrite, MAP_NORESERVE);
  p.touch(0);
  p.move(0, 4);
  p.move(4, 8, kDontUnmap);
  p.map(5, 1, kReadWrite, MAP_NORESERVE);
  return by_count(p.vmas(), 2, 3);
}

// The middle of three locked pages is moved.
template <class Pages>
Answer dontunmap_splits_locked(Pages& p) {
  p.map(0, 3, kReadWrite, MAP_NORESERVE);
  p.lock_on_fault(0, 3);
  p.move(1, 5, kDontUnmap);
  return by_count(p.vmas(), 4, 2);
}

// A written page of a file is moved, and the next page of the file is mapped behind it.
template <class Pages>
Answer anon_pgoff(Pages& p) {
  p.map_file(0, 0);
  p.touch(0);
  p.move(0, 4);
  p.map_file(5, 1);
  return by_count(p.vmas(), 2, 1);
}

// The kernel has VM_MAYBE_GUARD, and the flag does not keep vmas apart.
template <class Pages>
Answer sticky_guard(Pages& p) {
  p.map(0);
  p.guard(0);
  const bool flagged = p.guarded(0);
  p.map(1);
  if (p.vmas() != 1) return {};
  return flagged;
}

template <class Pages>
struct Experiment {
  const char* name;
  Answer (*play)(Pages&);
  // `pages` has to be empty. A failed call spoils the experiment: no answer.
  Answer run(Pages& pages) const {
    const Answer answer = play(pages);
    return pages.spoiled() ? Answer{} : answer;
  }
};

template <class Pages>
constexpr auto experiments() {
  return std::to_array<Experiment<Pages>>({
#define RULE(name, ...) {#name, probe::name<Pages>},
#define RULE_FLAG(name, ...) {#name, probe::name<Pages>},
#include "engine/vma/rules.def"
  });
}

}  // namespace anonvma::probe
