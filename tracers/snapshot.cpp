#include "tracers/snapshot.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <unordered_set>

#include "tracers/fd.h"

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

Result<std::vector<WalkedMm>> parse_walk(std::span<const std::byte> rest) {
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

Result<std::vector<std::byte>> read_walk(int program_fd, std::uint32_t tgid,
                                         const std::function<void()>& behind_task) {
  union bpf_iter_link_info info = {};
  info.task.pid = tgid;
  LIBBPF_OPTS(bpf_link_create_opts, options);
  if (tgid != 0) {
    options.iter_info = &info;
    options.iter_info_len = sizeof info;
  }
  const Fd link{bpf_link_create(program_fd, 0, BPF_TRACE_ITER, &options)};
  if (link.get() < 0)
    return Error{ErrorCode::io, fmt::format("cannot walk tgid {}: {}", tgid, strerror(errno))};
  const Fd iterator{bpf_iter_create(link.get())};
  if (iterator.get() < 0)
    return Error{ErrorCode::io, fmt::format("cannot walk: {}", strerror(errno))};

  std::vector<std::byte> bytes;
  std::array<std::byte, 65536> buffer;
  for (;;) {
    const ssize_t got = read(iterator.get(), buffer.data(), behind_task ? 1 : buffer.size());
    if (behind_task) behind_task();
    if (got == 0) return bytes;
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return Error{ErrorCode::io, fmt::format("cannot walk: {}", strerror(errno))};
    bytes.insert(bytes.end(), buffer.begin(), buffer.begin() + got);
  }
}

}  // namespace anonvma
