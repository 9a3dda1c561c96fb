Slab objects under 2 anon_vma designs, change against num-children:

peak of the sum  objects     KB   change
vm_area_struct
  num-children       531   99.6        -
  cow-context        531   99.6     0.0%
anon_vma_chain
  num-children       336   21.0        -
  cow-context          0    0.0  -100.0%
anon_vma
  num-children       163   16.6        -
  cow-context          0    0.0  -100.0%
cow_context
  cow-context         14    1.3      n/a
maple_node
  cow-context         18    4.5      n/a
cow_remap_array
  cow-context          7    0.2      n/a
sum
  num-children            137.1        -
  cow-context             105.6   -23.0%
cow-context: 82 entries in remap trees, words inside other objects.

At the end nothing is left under any of them.

              allocs  root locks  walk p50  p99  max
num-children   66141       26146         2   10   10
cow-context    34838         838         1    5    5
allocs: objects of all caches that the operations allocated. root locks:
acquisitions in the rmap layer. walk: vmas visited by an rmap walk at the
peak, per faulted vma.

held at the peak of the sum, num-children
comm      mms  vmas  chains  anon_vmas     KB   share
bash        5   210     196         66   58.3   42.5%
ld          2   130      58         36   31.7   23.1%
4 others    7   191      82         61   47.1   34.4%
sum        14   531     336        163  137.1  100.0%

held at the peak of the sum, cow-context
comm      mms  vmas  chains  anon_vmas  other     KB   share
bash        5   210       0          0     15   41.2   39.1%
ld          2   130       0          0     10   26.1   24.7%
4 others    7   191       0          0     14   38.2   36.2%
sum        14   531       0          0     39  105.6  100.0%
An anon_vma is held by the first mm that has a vma of its own for it, or
  else by the first mm that is linked to it.

trace        traces/samples/compile.trace
             hash ce07a72834781bc9
command      anonvma compare traces/samples/compile.trace --strategies
             num-children,cow-context --by comm --top 2 --format lkml
verified     map_count and snapshots equal; recorded without --truth
kernel       6.18.44-fc-v657 x86_64, 2 CPUs, pages of 4096 bytes
strategy     of that kernel: num-children
recorded     3.517 s, scope command, faults write, 774 address spaces
events       164236, lost 0 (0.00 %), tainted mms 0
rules        6.18.16
proposal     cow-context: prototype mm/cow_context.c at a4ac19665445, read
             and never run, no verdict, remaps=ideal, merge=ideal
objsize      vm_area_struct 192 bytes (21 per slab of 1 page)
             anon_vma_chain 64 bytes (64 per slab of 1 page)
             anon_vma 104 bytes (39 per slab of 1 page)
             cow_context 96 bytes (42 per slab of 1 page, by table)
             maple_node 256 bytes (16 per slab of 1 page, by table)
             cow_remap_array 32 bytes (128 per slab of 1 page, by table)
