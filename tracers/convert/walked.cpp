#include "tracers/convert/walked.h"

#include <cstring>
#include <unordered_set>

namespace anonvma {
namespace {

template <class T>
bool take(std::span<const std::byte>& rest, T& value) {
  if (rest.size() < sizeof value) return false;
  std::memcpy(&value, rest.data(), sizeof value);
  rest = rest.subspan(sizeof value);
  return true;
}

const Error kCut{ErrorCode::io, "the kernel's walk ended inside a record"};

}  // namespace

Result<std::vector<WalkedMm>> parse_walk(std::span<const std::byte> bytes) {
  std::span<const std::byte> rest = bytes;
  std::vector<WalkedMm> mms;
  std::unordered_set<std::uint64_t> seen;
  bool wanted = false;
  std::uint32_t tid = 0;
  while (!rest.empty()) {
    anonvma_walk_vma head;
    if (!take(rest, head)) return kCut;
    if (head.tid != tid) {  // the next task: it may share an mm already seen
      tid = head.tid;
      wanted = seen.insert(head.mm).second;
      if (wanted) mms.push_back({head, {}, false});
    }
    WalkedVma vma{head.vma, {}, head.object};
    vma.chain.resize(head.nr_chain);
    for (anonvma_walk_avc& entry : vma.chain)
      if (!take(rest, entry)) return kCut;
    if (!wanted) continue;
    WalkedMm& mm = mms.back();
    mm.torn |= head.mm != mm.head.mm || head.seq != mm.head.seq || head.seq % 2 == 1 ||
               head.chain_cut != 0;
    mm.vmas.push_back(std::move(vma));
  }
  for (WalkedMm& mm : mms) mm.torn |= mm.vmas.size() != mm.head.map_count;
  return mms;
}

}  // namespace anonvma
