// Lives small enough to count by hand, and the objects of each strategy at their end. The
// operations are those of engine/replay/vector_ops.h. The drawings show, per vma, the anon_vmas
// it is linked to, oldest first, its own in brackets; "~" is a lazy reference to an anon_vma,
// "->" to a root vma. A drawing of "avc" holds for every design with chains that has no drawing of
// its own in the same example. A new strategy has a row in each example: put it last. Locks: one to
// link a vma to its own anon_vma, one per clone, one per unlink. avc-2.6.34 and avc-2.6.37 take one
// lock for each entry that is cloned or unlinked, avc-clone-lock one for each entry that is
// unlinked.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace anonvma::test {

struct Row {
  std::string_view strategy;
  std::uint64_t vma, avc, anon_vma, root_locks;
};
struct Example {
  std::string_view name;
  std::string_view ops;  // separated by ;
  std::vector<Row> rows;
};

inline const std::vector<Example>& examples() {
  static const std::vector<Example> all = {
      // avc                     0: [a0]
      // lazy                    0: -> 0
      {"simple fault",
       "M 0 0 -1 -1 10 14 3;F 0",
       {{"legacy", 1, 0, 1, 1},
        {"avc-2.6.34", 1, 1, 1, 1},
        {"avc-2.6.37", 1, 1, 1, 1},
        {"avc-clone-lock", 1, 1, 1, 1},
        {"avc-3.0", 1, 1, 1, 1},
        {"degree", 1, 1, 1, 1},
        {"mergeable-parent", 1, 1, 1, 1},
        {"mergeable-parent-kk2", 1, 1, 1, 1},
        {"num-children", 1, 1, 1, 1},
        {"linux-7.0", 1, 1, 1, 1},
        {"lazy-v1", 1, 0, 0, 0},
        {"lazy-v1-noleak", 1, 0, 0, 0},
        {"cow-context", 1, 0, 0, 0},
        {"noswap", 1, 0, 0, 0}}},
      // avc                     0: [a0]   1: a0 [a1]
      // lazy                    0: [a0]   1: a0 ~a0       the parent was upgraded
      {"simple fork",
       "M 0 0 -1 -1 10 14 3;F 0;K 0 1 1 -1",
       {{"legacy", 2, 0, 1, 2},
        {"avc-2.6.34", 2, 3, 2, 3},
        {"avc-2.6.37", 2, 3, 2, 3},
        {"avc-clone-lock", 2, 3, 2, 3},
        {"avc-3.0", 2, 3, 2, 3},
        {"degree", 2, 3, 2, 3},
        {"mergeable-parent", 2, 3, 2, 3},
        {"mergeable-parent-kk2", 2, 3, 2, 3},
        {"num-children", 2, 3, 2, 3},
        {"linux-7.0", 2, 3, 2, 3},
        {"lazy-v1", 2, 2, 1, 2},
        {"lazy-v1-noleak", 2, 2, 1, 2},
        {"cow-context", 2, 0, 0, 1},
        {"noswap", 2, 0, 0, 0}}},
      // avc                     0: [a0]   1: a0 [a1]   2: a0 [a2]
      // lazy                    0: [a0]   1: a0 ~a0    2: a0 ~a0
      {"fork two",
       "M 0 0 -1 -1 10 14 3;F 0;K 0 1 1 -1;K 0 2 2 -1",
       {{"legacy", 3, 0, 1, 3},
        {"avc-2.6.34", 3, 5, 3, 5},
        {"avc-2.6.37", 3, 5, 3, 5},
        {"avc-clone-lock", 3, 5, 3, 5},
        {"avc-3.0", 3, 5, 3, 5},
        {"degree", 3, 5, 3, 5},
        {"mergeable-parent", 3, 5, 3, 5},
        {"mergeable-parent-kk2", 3, 5, 3, 5},
        {"num-children", 3, 5, 3, 5},
        {"linux-7.0", 3, 5, 3, 5},
        {"lazy-v1", 3, 3, 1, 3},
        {"lazy-v1-noleak", 3, 3, 1, 3},
        {"cow-context", 3, 0, 0, 2},
        {"noswap", 3, 0, 0, 0}}},
      // avc                     0: [a0]   1: a0 [a1]   2: a0 a1 [a2]
      // linux-7.0               0: [a0]   1: a0 [a1]   2: a1 a0 [a2]
      // lazy                    0: [a0]   1: a0 [a1]   2: a1 a0 ~a1
      {"fork grandchild",
       "M 0 0 -1 -1 10 14 3;F 0;K 0 1 1 -1;K 1 2 2 -1",
       {{"legacy", 3, 0, 1, 3},
        {"avc-2.6.34", 3, 6, 3, 6},
        {"avc-2.6.37", 3, 6, 3, 6},
        {"avc-clone-lock", 3, 6, 3, 5},
        {"avc-3.0", 3, 6, 3, 5},
        {"degree", 3, 6, 3, 5},
        {"mergeable-parent", 3, 6, 3, 5},
        {"mergeable-parent-kk2", 3, 6, 3, 5},
        {"num-children", 3, 6, 3, 5},
        {"linux-7.0", 3, 6, 3, 5},
        {"lazy-v1", 3, 5, 2, 5},
        {"lazy-v1-noleak", 3, 5, 2, 5},
        {"cow-context", 3, 0, 0, 2},
        {"noswap", 3, 0, 0, 0}}},
      // avc                     0: [a0]  1: [a0]   2: a0 [a1]  3: a0 [a2]    never shared again
      // mergeable-parent        0: [a0]  1: [a0]   2: a0 [a1]  3: [a0]       the parent's own
      // mergeable-parent-kk2    0: [a0]  1: [a0]   2: a0 [a1]  3: a0 [a1]
      // lazy                    0: [a0]  1: [a0]   2: a0 ~a0   3: a0 ~a0
      {"mergeable vmas share, then fork",
       "M 0 0 -1 -1 10 12 3;M 1 0 0 -1 12 14 7;F 0;F 1;K 0 2 1 -1;K 1 3 1 2",
       {{"legacy", 4, 0, 1, 4},
        {"avc-2.6.34", 4, 6, 3, 6},
        {"avc-2.6.37", 4, 6, 3, 6},
        {"avc-clone-lock", 4, 6, 3, 6},
        {"avc-3.0", 4, 6, 3, 6},
        {"degree", 4, 6, 3, 6},
        {"mergeable-parent", 4, 5, 2, 5},
        {"mergeable-parent-kk2", 4, 6, 2, 5},
        {"num-children", 4, 6, 3, 6},
        {"linux-7.0", 4, 6, 3, 6},
        {"lazy-v1", 4, 4, 1, 4},
        {"lazy-v1-noleak", 4, 4, 1, 4},
        {"cow-context", 4, 0, 0, 1},
        {"noswap", 4, 0, 0, 0}}},
      // 1 has exited when 2 forks: a1 has one child, a2, and no vma of its own.
      // avc-*          0: [a0]   2: a0 a1 [a2]   3: a0 a1 a2 [a3]
      // avc            0: [a0]   2: a0 a1 [a2]   3: a0 [a1] a2
      // linux-7.0      0: [a0]   2: a1 a0 [a2]   3: a2 a0 [a1]
      // lazy           0: [a0]   2: a1 a0 [a2]   3: a2 a0 [a1]
      {"reuse of an abandoned anon_vma",
       "M 0 0 -1 -1 10 14 3;F 0;K 0 1 1 -1;K 1 2 2 -1;U 1;K 2 3 3 -1",
       {{"legacy", 3, 0, 1, 5},
        {"avc-2.6.34", 3, 8, 4, 12},
        {"avc-2.6.37", 3, 8, 4, 12},
        {"avc-clone-lock", 3, 8, 4, 9},
        {"avc-3.0", 3, 8, 4, 8},
        {"degree", 3, 7, 3, 7},
        {"mergeable-parent", 3, 7, 3, 7},
        {"mergeable-parent-kk2", 3, 7, 3, 7},
        {"num-children", 3, 7, 3, 7},
        {"linux-7.0", 3, 7, 3, 7},
        {"lazy-v1", 3, 7, 3, 9},
        {"lazy-v1-noleak", 3, 7, 3, 9},
        {"cow-context", 3, 0, 0, 3},
        {"noswap", 3, 0, 0, 0}}},
      // As before, and 3 forks 4. a1 is active again, in 3.
      // num-children   4: a0 a1 a2 [a3]
      // linux-7.0      4: a1 a0 a2 [a3]
      // By its degree a2 looks as free as a1 did: it has one vma and no child.
      // degree         4: a0 a1 [a2]
      {"an anon_vma is not reused twice",
       "M 0 0 -1 -1 10 14 3;F 0;K 0 1 1 -1;K 1 2 2 -1;U 1;K 2 3 3 -1;K 3 4 4 -1",
       {{"legacy", 4, 0, 1, 6},
        {"avc-2.6.34", 4, 13, 5, 17},
        {"avc-2.6.37", 4, 13, 5, 17},
        {"avc-clone-lock", 4, 13, 5, 11},
        {"avc-3.0", 4, 13, 5, 10},
        {"degree", 4, 10, 3, 8},
        {"mergeable-parent", 4, 10, 3, 8},
        {"mergeable-parent-kk2", 4, 10, 3, 8},
        {"num-children", 4, 11, 4, 9},
        {"linux-7.0", 4, 11, 4, 9},
        {"lazy-v1", 4, 10, 3, 10},
        {"lazy-v1-noleak", 4, 10, 3, 10},
        {"cow-context", 4, 0, 0, 4},
        {"noswap", 4, 0, 0, 0}}},
      // avc                     1: [a0]   2: [a0]
      // lazy                    1: -> 0   2: -> 0   0 is a zombie: unmapped, but their root
      {"munmap of the middle",
       "M 0 0 -1 -1 10 16 3;F 0;S 0 1 12 1;S 0 2 14 0;U 0",
       {{"legacy", 2, 0, 1, 4},
        {"avc-2.6.34", 2, 2, 1, 4},
        {"avc-2.6.37", 2, 2, 1, 4},
        {"avc-clone-lock", 2, 2, 1, 4},
        {"avc-3.0", 2, 2, 1, 4},
        {"degree", 2, 2, 1, 4},
        {"mergeable-parent", 2, 2, 1, 4},
        {"mergeable-parent-kk2", 2, 2, 1, 4},
        {"num-children", 2, 2, 1, 4},
        {"linux-7.0", 2, 2, 1, 4},
        {"lazy-v1", 3, 0, 0, 0},
        {"lazy-v1-noleak", 3, 0, 0, 0},
        {"cow-context", 2, 0, 0, 0},
        {"noswap", 2, 0, 0, 0}}},
      // As before, then both are forked.
      // avc                     1: [a0]   2: [a0]   3: a0 [a1]   4: a0 [a2]
      // mergeable-parent        1: [a0]   2: [a0]   3: a0 [a1]   4: [a0]
      // mergeable-parent-kk2    1: [a0]   2: [a0]   3: a0 [a1]   4: a0 [a1]
      // lazy                    1: [a0]   2: [a1]   3: a0 ~a0    4: a1 ~a1    the zombie is gone
      {"fork upgrades, zombies go",
       "M 0 0 -1 -1 10 16 3;F 0;S 0 1 12 1;S 0 2 14 0;U 0;K 1 3 1 -1;K 2 4 1 3",
       {{"legacy", 4, 0, 1, 6},
        {"avc-2.6.34", 4, 6, 3, 8},
        {"avc-2.6.37", 4, 6, 3, 8},
        {"avc-clone-lock", 4, 6, 3, 8},
        {"avc-3.0", 4, 6, 3, 8},
        {"degree", 4, 6, 3, 8},
        {"mergeable-parent", 4, 5, 2, 7},
        {"mergeable-parent-kk2", 4, 6, 2, 7},
        {"num-children", 4, 6, 3, 8},
        {"linux-7.0", 4, 6, 3, 8},
        {"lazy-v1", 4, 4, 2, 4},
        {"lazy-v1-noleak", 4, 4, 2, 4},
        {"cow-context", 4, 0, 0, 1},
        {"noswap", 4, 0, 0, 0}}},
      // avc                     0: [a0]
      // lazy                    0: -> 1   1 is a zombie
      {"a faulted vma goes into an unfaulted one",
       "M 0 0 -1 -1 10 12 3;M 1 0 0 -1 12 14 3;F 1;G 0 1",
       {{"legacy", 1, 0, 1, 2},
        {"avc-2.6.34", 1, 1, 1, 3},
        {"avc-2.6.37", 1, 1, 1, 3},
        {"avc-clone-lock", 1, 1, 1, 3},
        {"avc-3.0", 1, 1, 1, 3},
        {"degree", 1, 1, 1, 3},
        {"mergeable-parent", 1, 1, 1, 3},
        {"mergeable-parent-kk2", 1, 1, 1, 3},
        {"num-children", 1, 1, 1, 3},
        {"linux-7.0", 1, 1, 1, 3},
        {"lazy-v1", 2, 0, 0, 0},
        {"lazy-v1-noleak", 2, 0, 0, 0},
        {"cow-context", 1, 0, 0, 0},
        {"noswap", 1, 0, 0, 0}}},
      // Only legacy locks here: it takes a lock for either vma of a merge.
      {"an unfaulted vma goes into a faulted one",
       "M 0 0 -1 -1 10 12 3;M 1 0 0 -1 12 14 3;F 0;G 0 1",
       {{"legacy", 1, 0, 1, 2},
        {"avc-2.6.34", 1, 1, 1, 1},
        {"avc-2.6.37", 1, 1, 1, 1},
        {"avc-clone-lock", 1, 1, 1, 1},
        {"avc-3.0", 1, 1, 1, 1},
        {"degree", 1, 1, 1, 1},
        {"mergeable-parent", 1, 1, 1, 1},
        {"mergeable-parent-kk2", 1, 1, 1, 1},
        {"num-children", 1, 1, 1, 1},
        {"linux-7.0", 1, 1, 1, 1},
        {"lazy-v1", 1, 0, 0, 0},
        {"lazy-v1-noleak", 1, 0, 0, 0},
        {"cow-context", 1, 0, 0, 0},
        {"noswap", 1, 0, 0, 0}}},
      // avc                     0: [a0]   1: [a1]   the child was copied before there was anything
      {"fork before fault",
       "M 0 0 -1 -1 10 14 3;K 0 1 1 -1;F 0;F 1",
       {{"legacy", 2, 0, 2, 2},
        {"avc-2.6.34", 2, 2, 2, 2},
        {"avc-2.6.37", 2, 2, 2, 2},
        {"avc-clone-lock", 2, 2, 2, 2},
        {"avc-3.0", 2, 2, 2, 2},
        {"degree", 2, 2, 2, 2},
        {"mergeable-parent", 2, 2, 2, 2},
        {"mergeable-parent-kk2", 2, 2, 2, 2},
        {"num-children", 2, 2, 2, 2},
        {"linux-7.0", 2, 2, 2, 2},
        {"lazy-v1", 2, 0, 0, 0},
        {"lazy-v1-noleak", 2, 0, 0, 0},
        {"cow-context", 2, 0, 0, 1},
        {"noswap", 2, 0, 0, 0}}},
      // 2 is mapped beside 1 after the fork. A chain of two does not donate.
      // avc                     0: [a0]   1: a0 [a1]   2: [a2]
      // lazy                    0: [a0]   1: a0 ~a0    2: -> 2
      {"the neighbour of a forked vma",
       "M 0 0 -1 -1 10 12 3;F 0;K 0 1 1 -1;M 2 1 1 -1 12 14 7;F 2",
       {{"legacy", 3, 0, 1, 3},
        {"avc-2.6.34", 3, 4, 3, 4},
        {"avc-2.6.37", 3, 4, 3, 4},
        {"avc-clone-lock", 3, 4, 3, 4},
        {"avc-3.0", 3, 4, 3, 4},
        {"degree", 3, 4, 3, 4},
        {"mergeable-parent", 3, 4, 3, 4},
        {"mergeable-parent-kk2", 3, 4, 3, 4},
        {"num-children", 3, 4, 3, 4},
        {"linux-7.0", 3, 4, 3, 4},
        {"lazy-v1", 3, 2, 1, 2},
        {"lazy-v1-noleak", 3, 2, 1, 2},
        {"cow-context", 3, 0, 0, 1},
        {"noswap", 3, 0, 0, 0}}},
      // Six generations, 1 and 3 exit: a1 and a3 are both free for reuse when 5 forks 6 and 2 forks
      // 7. In chains with the oldest first, 6 takes a1 and leaves nothing for 7:
      //   5: a0 a1 a2 a3 a4 [a5]   6: a0 [a1] a2 a3 a4 a5   7: a0 a1 a2 [a6]
      // linux-7.0 and lazy reverse their chains and meet a3 first:
      //   5: a4 a2 a0 a1 a3 [a5]   6: a5 [a3] a1 a0 a2 a4   7: a2 a0 [a1]
      {"one abandoned anon_vma for each of two",
       "M 0 0 -1 -1 10 14 3;F 0;K 0 1 1 -1;K 1 2 2 -1;K 2 3 3 -1;K 3 4 4 -1;K 4 5 5 -1;U 1;U 3;"
       "K 5 6 6 -1;K 2 7 7 -1",
       {{"legacy", 6, 0, 1, 10},
        {"avc-2.6.34", 6, 26, 8, 38},
        {"avc-2.6.37", 6, 26, 8, 38},
        {"avc-clone-lock", 6, 26, 8, 21},
        {"avc-3.0", 6, 26, 8, 17},
        {"degree", 6, 25, 7, 16},
        {"mergeable-parent", 6, 25, 7, 16},
        {"mergeable-parent-kk2", 6, 25, 7, 16},
        {"num-children", 6, 25, 7, 16},
        {"linux-7.0", 6, 24, 6, 15},
        {"lazy-v1", 6, 24, 6, 20},
        {"lazy-v1-noleak", 6, 24, 6, 20},
        {"cow-context", 6, 0, 0, 7},
        {"noswap", 6, 0, 0, 0}}},
      // As before, and 7 forks 8.
      //   avc         8: a0 a1 a2 a6 [a7]
      //   linux-7.0   8: a1 a0 a2 [a6]
      //   lazy        8: a1 a0 a2 ~a1
      {"which of two abandoned anon_vmas is reused",
       "M 0 0 -1 -1 10 14 3;F 0;K 0 1 1 -1;K 1 2 2 -1;K 2 3 3 -1;K 3 4 4 -1;K 4 5 5 -1;U 1;U 3;"
       "K 5 6 6 -1;K 2 7 7 -1;K 7 8 8 -1",
       {{"legacy", 7, 0, 1, 11},
        {"avc-2.6.34", 7, 31, 9, 43},
        {"avc-2.6.37", 7, 31, 9, 43},
        {"avc-clone-lock", 7, 31, 9, 23},
        {"avc-3.0", 7, 31, 9, 19},
        {"degree", 7, 30, 8, 18},
        {"mergeable-parent", 7, 30, 8, 18},
        {"mergeable-parent-kk2", 7, 30, 8, 18},
        {"num-children", 7, 30, 8, 18},
        {"linux-7.0", 7, 28, 7, 17},
        {"lazy-v1", 7, 27, 6, 21},
        {"lazy-v1-noleak", 7, 27, 6, 21},
        {"cow-context", 7, 0, 0, 8},
        {"noswap", 7, 0, 0, 0}}},
      // The one descendant of a0 exits. avc-2.6.37 takes the root's lock once more.
      // avc, lazy      0: [a0]
      {"fork, the child exits",
       "M 0 0 -1 -1 10 14 3;F 0;K 0 1 1 -1;U 1",
       {{"legacy", 1, 0, 1, 3},
        {"avc-2.6.34", 1, 1, 1, 5},
        {"avc-2.6.37", 1, 1, 1, 6},
        {"avc-clone-lock", 1, 1, 1, 5},
        {"avc-3.0", 1, 1, 1, 4},
        {"degree", 1, 1, 1, 4},
        {"mergeable-parent", 1, 1, 1, 4},
        {"mergeable-parent-kk2", 1, 1, 1, 4},
        {"num-children", 1, 1, 1, 4},
        {"linux-7.0", 1, 1, 1, 4},
        {"lazy-v1", 1, 1, 1, 4},
        {"lazy-v1-noleak", 1, 1, 1, 4},
        {"cow-context", 1, 0, 0, 2},
        {"noswap", 1, 0, 0, 0}}},
      // The child's vma is split: its whole chain is cloned.
      // avc                     0: [a0]   1: a0 [a1]   2: a0 [a1]
      // linux-7.0               0: [a0]   1: a0 [a1]   2: [a1] a0
      // lazy                    0: [a0]   1: a0 [a1]   2: [a1] a0      the child was upgraded
      {"fork, then split in the child",
       "M 0 0 -1 -1 10 14 3;F 0;K 0 1 1 -1;S 1 2 12 0",
       {{"legacy", 3, 0, 1, 3},
        {"avc-2.6.34", 3, 5, 2, 5},
        {"avc-2.6.37", 3, 5, 2, 5},
        {"avc-clone-lock", 3, 5, 2, 4},
        {"avc-3.0", 3, 5, 2, 4},
        {"degree", 3, 5, 2, 4},
        {"mergeable-parent", 3, 5, 2, 4},
        {"mergeable-parent-kk2", 3, 5, 2, 4},
        {"num-children", 3, 5, 2, 4},
        {"linux-7.0", 3, 5, 2, 4},
        {"lazy-v1", 3, 5, 2, 5},
        {"lazy-v1-noleak", 3, 5, 2, 5},
        {"cow-context", 3, 0, 0, 1},
        {"noswap", 3, 0, 0, 0}}},
      // avc                     0: [a0]   2: a0 [a1]   3: a0 [a1]
      // linux-7.0, lazy         0: [a0]   2: [a1] a0   3: [a1] a0
      {"munmap of the middle in the child",
       "M 0 0 -1 -1 10 16 3;F 0;K 0 1 1 -1;S 1 2 12 1;S 1 3 14 0;U 1",
       {{"legacy", 3, 0, 1, 5},
        {"avc-2.6.34", 3, 5, 2, 9},
        {"avc-2.6.37", 3, 5, 2, 9},
        {"avc-clone-lock", 3, 5, 2, 7},
        {"avc-3.0", 3, 5, 2, 6},
        {"degree", 3, 5, 2, 6},
        {"mergeable-parent", 3, 5, 2, 6},
        {"mergeable-parent-kk2", 3, 5, 2, 6},
        {"num-children", 3, 5, 2, 6},
        {"linux-7.0", 3, 5, 2, 6},
        {"lazy-v1", 3, 5, 2, 7},
        {"lazy-v1-noleak", 3, 5, 2, 7},
        {"cow-context", 3, 0, 0, 1},
        {"noswap", 3, 0, 0, 0}}},
      // Three forks of a pair that shares, then all but the last mm exit.
      // avc                     6: a0 a1 a3 [a5]   7: a0 a2 a4 [a6]
      // linux-7.0               6: a3 a0 a1 [a5]   7: a4 a0 a2 [a6]
      // mergeable-parent        6: a0 a1 a2 [a4]   7: a0 a3 [a5]    3 was [a0]: the run ends
      // mergeable-parent-kk2    6: a0 a1 a2 [a3]   7: a0 a1 a2 [a3]
      // lazy                    6: a2 a0 a1 ~a2    7: a2 a0 a1 ~a2
      {"a split pair through three forks",
       "M 0 0 -1 -1 10 14 3;F 0;S 0 1 12 0;K 0 2 1 -1;K 1 3 1 2;K 2 4 2 -1;K 3 5 2 4;K 4 6 3 -1;"
       "K 5 7 3 6;U 0;U 1;U 2;U 3;U 4;U 5",
       {{"legacy", 2, 0, 1, 14},
        {"avc-2.6.34", 2, 8, 7, 32},
        {"avc-2.6.37", 2, 8, 7, 32},
        {"avc-clone-lock", 2, 8, 7, 26},
        {"avc-3.0", 2, 8, 7, 20},
        {"degree", 2, 8, 7, 20},
        {"mergeable-parent", 2, 7, 6, 19},
        {"mergeable-parent-kk2", 2, 8, 4, 17},
        {"num-children", 2, 8, 7, 20},
        {"linux-7.0", 2, 8, 7, 20},
        {"lazy-v1", 2, 6, 3, 22},
        {"lazy-v1-noleak", 2, 6, 3, 22},
        {"cow-context", 2, 0, 0, 3},
        {"noswap", 2, 0, 0, 0}}},
      // As before, and the last mm forks: every vma finds an abandoned anon_vma with one child.
      // avc-*                   8: a0 a1 a3 a5 [a7]   9: a0 a2 a4 a6 [a8]
      // degree, num-children    8: a0 [a1] a3 a5      9: a0 [a2] a4 a6
      // linux-7.0               8: a5 [a1] a0 a3      9: a6 [a2] a0 a4
      // mergeable-parent        8: a0 [a1] a2 a4      9: a0 [a3] a5
      // mergeable-parent-kk2    8: a0 [a1] a2 a3      9: a0 a1 [a2] a3   a1 is no child of 7's a3
      // lazy                    6: a2 a0 a1 [a3]      7: a2 a0 a1 [a3]   upgraded
      //                         8: a3 [a1] a0 a2      9: a3 a1 a0 [a2]
      {"a split pair forks once more",
       "M 0 0 -1 -1 10 14 3;F 0;S 0 1 12 0;K 0 2 1 -1;K 1 3 1 2;K 2 4 2 -1;K 3 5 2 4;K 4 6 3 -1;"
       "K 5 7 3 6;U 0;U 1;U 2;U 3;U 4;U 5;K 6 8 4 -1;K 7 9 4 8",
       {{"legacy", 4, 0, 1, 16},
        {"avc-2.6.34", 4, 18, 9, 42},
        {"avc-2.6.37", 4, 18, 9, 42},
        {"avc-clone-lock", 4, 18, 9, 30},
        {"avc-3.0", 4, 18, 9, 24},
        {"degree", 4, 16, 7, 22},
        {"mergeable-parent", 4, 14, 6, 21},
        {"mergeable-parent-kk2", 4, 16, 4, 19},
        {"num-children", 4, 16, 7, 22},
        {"linux-7.0", 4, 16, 7, 22},
        {"lazy-v1", 4, 16, 4, 28},
        {"lazy-v1-noleak", 4, 16, 4, 28},
        {"cow-context", 4, 0, 0, 4},
        {"noswap", 4, 0, 0, 0}}},
      // Eight generations are alive: chains of 1 to 8 entries, longer than an inline chain.
      // lazy: chains of 1 to 7, and the youngest has 7 entries and a reference.
      {"eight generations",
       "M 0 0 -1 -1 10 12 3;F 0;K 0 1 1 -1;K 1 2 2 -1;K 2 3 3 -1;K 3 4 4 -1;K 4 5 5 -1;K 5 6 6 -1;"
       "K 6 7 7 -1",
       {{"legacy", 8, 0, 1, 8},
        {"avc-2.6.34", 8, 36, 8, 36},
        {"avc-2.6.37", 8, 36, 8, 36},
        {"avc-clone-lock", 8, 36, 8, 15},
        {"avc-3.0", 8, 36, 8, 15},
        {"degree", 8, 36, 8, 15},
        {"mergeable-parent", 8, 36, 8, 15},
        {"mergeable-parent-kk2", 8, 36, 8, 15},
        {"num-children", 8, 36, 8, 15},
        {"linux-7.0", 8, 36, 8, 15},
        {"lazy-v1", 8, 35, 7, 20},
        {"lazy-v1-noleak", 8, 35, 7, 20},
        {"cow-context", 8, 0, 0, 7},
        {"noswap", 8, 0, 0, 0}}},
  };
  return all;
}

}  // namespace anonvma::test
