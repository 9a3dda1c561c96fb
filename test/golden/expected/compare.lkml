Slab objects under 5 anon_vma designs, change against num-children:

peak of the sum   objects     KB   change
vm_area_struct
  num-children        531   99.6        -
  lazy-v1-noleak      642  120.4   +20.9%
  cow-context         531   99.6     0.0%
  legacy              531   99.6     0.0%
  avc-3.0             531   99.6     0.0%
anon_vma_chain
  num-children        336   21.0        -
  lazy-v1-noleak      182   11.4   -45.8%
  cow-context           0    0.0  -100.0%
  legacy                0    0.0  -100.0%
  avc-3.0             336   21.0     0.0%
anon_vma
  num-children        163   16.6        -
  lazy-v1-noleak       39    4.0   -76.1%
  cow-context           0    0.0  -100.0%
  legacy              107   10.9   -34.4%
  avc-3.0             163   16.6     0.0%
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
  legacy                   110.4   -19.5%
  avc-3.0                  137.1     0.0%
cow-context: 82 entries in remap trees, words inside other objects.

at 1.000 s        objects     KB   change
vm_area_struct
  num-children        483   90.6        -
  lazy-v1-noleak      636  119.2   +31.7%
  cow-context         480   90.0    -0.6%
  legacy              483   90.6     0.0%
  avc-3.0             483   90.6     0.0%
anon_vma_chain
  num-children        318   19.9        -
  lazy-v1-noleak      182   11.4   -42.8%
  cow-context           0    0.0  -100.0%
  legacy                0    0.0  -100.0%
  avc-3.0             318   19.9     0.0%
anon_vma
  num-children        153   15.5        -
  lazy-v1-noleak       39    4.0   -74.5%
  cow-context           0    0.0  -100.0%
  legacy               97    9.9   -36.6%
  avc-3.0             153   15.5     0.0%
cow_context
  cow-context          12    1.1      n/a
maple_node
  cow-context          16    4.0      n/a
cow_remap_array
  cow-context           7    0.2      n/a
sum
  num-children             126.0        -
  lazy-v1-noleak           134.6    +6.8%
  cow-context               95.3   -24.3%
  legacy                   100.4   -20.3%
  avc-3.0                  126.0     0.0%
cow-context: 74 entries in remap trees, words inside other objects.

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
command      anonvma compare traces/samples/compile.trace --at 1 --format
             lkml
verified     map_count and snapshots equal; recorded without --truth
kernel       6.18.44-fc-v657 x86_64, 2 CPUs, pages of 4096 bytes
strategy     of that kernel: num-children
recorded     3.517 s, scope command, faults write, 774 address spaces
events       164236, lost 0 (0.00 %), tainted mms 0
rules        6.18.16
proposal     lazy-v1-noleak: version 1 as posted in May 2026, not merged
             (rejected in review), merge=never, fork=any
proposal     cow-context: prototype mm/cow_context.c at a4ac19665445, read
             and never run, no verdict, remaps=ideal, merge=ideal
objsize      vm_area_struct 192 bytes (21 per slab of 1 page)
             anon_vma_chain 64 bytes (64 per slab of 1 page)
             anon_vma 104 bytes (39 per slab of 1 page)
             cow_context 96 bytes (42 per slab of 1 page, by table)
             maple_node 256 bytes (16 per slab of 1 page, by table)
             cow_remap_array 32 bytes (128 per slab of 1 page, by table)
