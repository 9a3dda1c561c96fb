Slab objects under 2 anon_vma designs, change against num-children:

peak of the sum  objects     KB   change
vm_area_struct
  num-children       531   99.6        -
  legacy             531   99.6     0.0%
anon_vma_chain
  num-children       336   21.0        -
  legacy               0    0.0  -100.0%
anon_vma
  num-children       163   16.6        -
  legacy             107   10.9   -34.4%
sum
  num-children            137.1        -
  legacy                  110.4   -19.5%

At the end nothing is left under any of them.

              allocs  root locks  walk p50  p99  max
num-children   66141       26146         2   10   10
legacy         35873       20292         2   10   10
allocs: objects of all caches that the operations allocated. root locks:
acquisitions in the rmap layer. walk: vmas visited by an rmap walk at the
peak, per faulted vma.

trace        traces/samples/compile.trace
             hash ce07a72834781bc9
command      anonvma compare traces/samples/compile.trace
             traces/samples/compile.trace --strategies num-children,legacy
             --format lkml
verified     map_count and snapshots equal; recorded without --truth
kernel       6.18.44-fc-v657 x86_64, 2 CPUs, pages of 4096 bytes
strategy     of that kernel: num-children
recorded     3.517 s, scope command, faults write, 774 address spaces
events       164236, lost 0 (0.00 %), tainted mms 0
rules        6.18.16
objsize      vm_area_struct 192 bytes (21 per slab of 1 page)
             anon_vma_chain 64 bytes (64 per slab of 1 page)
             anon_vma 104 bytes (39 per slab of 1 page)


Slab objects under 2 anon_vma designs, change against num-children:

peak of the sum  objects     KB   change
vm_area_struct
  num-children       531   99.6        -
  legacy             531   99.6     0.0%
anon_vma_chain
  num-children       336   21.0        -
  legacy               0    0.0  -100.0%
anon_vma
  num-children       163   16.6        -
  legacy             107   10.9   -34.4%
sum
  num-children            137.1        -
  legacy                  110.4   -19.5%

At the end nothing is left under any of them.

              allocs  root locks  walk p50  p99  max
num-children   66141       26146         2   10   10
legacy         35873       20292         2   10   10
allocs: objects of all caches that the operations allocated. root locks:
acquisitions in the rmap layer. walk: vmas visited by an rmap walk at the
peak, per faulted vma.

trace        traces/samples/compile.trace
             hash ce07a72834781bc9
command      anonvma compare traces/samples/compile.trace
             traces/samples/compile.trace --strategies num-children,legacy
             --format lkml
verified     map_count and snapshots equal; recorded without --truth
kernel       6.18.44-fc-v657 x86_64, 2 CPUs, pages of 4096 bytes
strategy     of that kernel: num-children
recorded     3.517 s, scope command, faults write, 774 address spaces
events       164236, lost 0 (0.00 %), tainted mms 0
rules        6.18.16
objsize      vm_area_struct 192 bytes (21 per slab of 1 page)
             anon_vma_chain 64 bytes (64 per slab of 1 page)
             anon_vma 104 bytes (39 per slab of 1 page)


Sum of 2 traces, change against num-children:

peak of the sum  objects     KB   change
vm_area_struct
  num-children      1062  199.1        -
  legacy            1062  199.1     0.0%
anon_vma_chain
  num-children       672   42.0        -
  legacy               0    0.0  -100.0%
anon_vma
  num-children       326   33.1        -
  legacy             214   21.7   -34.4%
sum
  num-children            274.2        -
  legacy                  220.9   -19.5%

At the end nothing is left under any of them.

Peaks are those of each trace, added up: they need not coincide.
