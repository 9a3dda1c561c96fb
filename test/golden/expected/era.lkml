Slab objects under 5 anon_vma designs, change against num-children:

peak of the sum   objects     KB   change
vm_area_struct
  num-children        531   99.6        -
  lazy-v1-noleak      642  120.4   +20.9%
  cow-context         531   99.6     0.0%
  legacy              531   91.3    -8.3%
  avc-3.0             531   91.3    -8.3%
anon_vma_chain
  num-children        336   21.0        -
  lazy-v1-noleak      182   11.4   -45.8%
  cow-context           0    0.0  -100.0%
  legacy                0    0.0  -100.0%
  avc-3.0             336   15.8   -25.0%
anon_vma
  num-children        163   16.6        -
  lazy-v1-noleak       39    4.0   -76.1%
  cow-context           0    0.0  -100.0%
  legacy              107    3.3   -79.8%
  avc-3.0             163   11.5   -30.8%
cow_context
  cow-context          14    1.3      n/a
maple_node
  cow-context          18    4.5      n/a
cow_remap_array
  cow-context           7    0.2      n/a
sum
  num-children             137.1        -
  lazy-v1-noleak           135.7    -1.0%
  cow-context              105.6   -23.0%
  legacy                    94.6   -31.0%
  avc-3.0                  118.5   -13.6%
cow-context: 82 entries in remap trees, words inside other objects.

At the end nothing is left under any of them.

                allocs  root locks  walk p50  p99  max
num-children     66141       26146         2   10   10
lazy-v1-noleak   50375       19068         1   10   10
cow-context      34838         838         1    5    5
legacy           35873       20292         2   10   10
avc-3.0          66141       26146         2   10   10
allocs: objects of all caches that the operations allocated. root locks:
acquisitions in the rmap layer. walk: vmas visited by an rmap walk at the
peak, per faulted vma.

trace        traces/samples/compile.trace
             hash ce07a72834781bc9
command      anonvma compare traces/samples/compile.trace --era-accurate
             --format lkml
verified     map_count and snapshots equal; recorded without --truth
kernel       6.18.44-fc-v657 x86_64, 2 CPUs, pages of 4096 bytes
strategy     of that kernel: num-children
recorded     3.517 s, scope command, faults write, 774 address spaces
events       164236, lost 0 (0.00 %), tainted mms 0
rules        6.18.16
             lazy-v1-noleak under 7.0
             cow-context under 7.0
             legacy under 2.6.32
             avc-3.0 under 3.0
             assumed for legacy, avc-3.0: from 5.10: the stack guard gap,
             what a failing call leaves behind, flags and calls that came
             later (MADV_WIPEONFORK, MREMAP_DONTUNMAP, userfaultfd, ...)
proposal     lazy-v1-noleak: version 1 as posted in May 2026, not merged
             (rejected in review), merge=never, fork=any
proposal     cow-context: prototype mm/cow_context.c at a4ac19665445, read
             and never run, no verdict, remaps=ideal, merge=ideal
objsize      vm_area_struct 192 bytes (21 per slab of 1 page) under
             num-children
             vm_area_struct 192 bytes (21 per slab of 1 page, by table)
             under lazy-v1-noleak, cow-context
             vm_area_struct 176 bytes (23 per slab of 1 page, by table)
             under legacy, avc-3.0
             anon_vma_chain 64 bytes (64 per slab of 1 page) under
             num-children, legacy
             anon_vma_chain 64 bytes (64 per slab of 1 page, by table)
             under lazy-v1-noleak, cow-context
             anon_vma_chain 48 bytes (85 per slab of 1 page, by table)
             under avc-3.0
             anon_vma 104 bytes (39 per slab of 1 page) under num-children
             anon_vma 104 bytes (39 per slab of 1 page, by table) under
             lazy-v1-noleak, cow-context
             anon_vma 32 bytes (128 per slab of 1 page, by table) under
             legacy
             anon_vma 72 bytes (56 per slab of 1 page, by table) under
             avc-3.0
             cow_context 96 bytes (42 per slab of 1 page, by table)
             maple_node 256 bytes (16 per slab of 1 page, by table)
             cow_remap_array 32 bytes (128 per slab of 1 page, by table)
