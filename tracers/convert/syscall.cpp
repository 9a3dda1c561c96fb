#include "tracers/convert/syscall.h"

#include <sys/mman.h>
#include <sys/shm.h>

namespace anonvma {
namespace {

Map map_of(const anonvma_op_record& r, AddressMap& addresses, std::uint64_t page_size) {
  constexpr std::uint64_t vm_hugetlb = 0x400000;  // never merges: the vma has the rounded length
  return {.addr = r.args[0],
          .len = (r.vm_flags & vm_hugetlb) && r.vma_len > 0 ? r.vma_len : r.args[1],
          .prot = r.args[2],
          .map_flags = r.args[3],
          .vm_flags = r.vm_flags,
          .pgoff = r.args[5] / page_size,
          .file = addresses.file(r.file),
          .stored_file = addresses.file(r.stored_file),
          .ops = r.ops,
          .ret = r.ret};
}

// shmat(id, addr, flags) maps the whole segment, whose struct file is made for this one mapping.
std::optional<EventBody> attach_of(const anonvma_op_record& r, AddressMap& addresses) {
  if (r.ret < 0 && r.ret > -4096) {
    if (r.args[2] & SHM_REMAP) return UnknownWrite{};
    return std::nullopt;
  }
  if (r.ops & kOpsUnread) return UnknownWrite{};
  std::uint64_t prot = PROT_READ;
  if (!(r.args[2] & SHM_RDONLY)) prot |= PROT_WRITE;
  if (r.args[2] & SHM_EXEC) prot |= PROT_EXEC;
  const FileId file = addresses.file(r.stored_file);
  return Map{.addr = r.args[1],
             .len = r.vma_len,
             .prot = prot,
             .map_flags = MAP_SHARED | (r.args[1] ? std::uint64_t{MAP_FIXED} : 0),
             .vm_flags = r.vm_flags,
             .file = file,
             .stored_file = file,
             .ops = r.ops,
             .ret = r.ret};
}

// remap_file_pages(start, size, prot, pgoff, flags) maps other pages of the file over itself.
std::optional<EventBody> remap_file_of(const anonvma_op_record& r, AddressMap& addresses,
                                       std::uint64_t page_size) {
  if (r.ret != 0) return std::nullopt;
  if (r.ops & kOpsUnread) return UnknownWrite{};
  const FileId file = addresses.file(r.stored_file);
  const std::uint64_t start = r.args[0] / page_size * page_size;
  constexpr std::uint64_t vm_locked = 0x2000;
  return Map{.addr = start,
             .len = r.args[1] / page_size * page_size,
             .prot = r.vm_flags & (PROT_READ | PROT_WRITE | PROT_EXEC),
             .map_flags = MAP_SHARED | MAP_FIXED | MAP_POPULATE |
                          ((r.vm_flags & vm_locked) ? std::uint64_t{MAP_LOCKED} : 0),
             .vm_flags = r.vm_flags,
             .pgoff = r.args[3],
             .file = file,
             .stored_file = file,
             .ops = r.ops,
             .ret = static_cast<std::int64_t>(start)};
}

Lock lock_of(const anonvma_op_record& r, LockOp op) {
  const bool all = op == LockOp::mlockall || op == LockOp::munlockall;
  Lock lock{.op = static_cast<std::uint64_t>(op), .ret = r.ret};
  if (!all) lock.addr = r.args[0], lock.len = r.args[1];
  if (!all && r.ret < 0) lock.vm_flags = r.vm_flags, lock.locked = r.reached;
  if (op == LockOp::mlock2) lock.flags = r.args[2];
  if (op == LockOp::mlockall) lock.flags = r.args[0];
  return lock;
}

// The name itself is read from the vma at the start of the range, which has it unless the call has
// failed there.
EventBody name_of(const anonvma_op_record& r, AddressMap& addresses) {
  const bool removes = r.args[2] == 0;
  if (!removes && ((r.ops & kOpsUnread) || r.name == 0)) return UnknownWrite{};
  return Name{r.args[0], r.args[1], removes ? 0 : addresses.vma_name(r.name), r.ret};
}

}  // namespace

std::optional<EventBody> convert_syscall(const anonvma_op_record& r, AddressMap& addresses,
                                         std::uint64_t page_size) {
  switch (static_cast<anonvma_op>(r.op)) {
    case ANONVMA_OP_MMAP:
      return map_of(r, addresses, page_size);
    case ANONVMA_OP_SHMAT:
      return attach_of(r, addresses);
    case ANONVMA_OP_REMAP_FILE:
      return remap_file_of(r, addresses, page_size);
    case ANONVMA_OP_MUNMAP:
      return Unmap{r.args[0], r.args[1], r.ret};
    case ANONVMA_OP_BRK:
      return Brk{r.old_brk, r.args[0], r.vm_flags, r.ret};
    case ANONVMA_OP_MPROTECT:
      return Protect{r.args[0], r.args[1], r.args[2], -1, r.ret};
    case ANONVMA_OP_PKEY_MPROTECT:
      return Protect{r.args[0], r.args[1], r.args[2], static_cast<std::int32_t>(r.args[3]), r.ret};
    case ANONVMA_OP_MADVISE:
      return Advise{r.args[0], r.args[1], static_cast<std::uint32_t>(r.args[2]), r.ret};
    case ANONVMA_OP_MLOCK:
      return lock_of(r, LockOp::mlock);
    case ANONVMA_OP_MLOCK2:
      return lock_of(r, LockOp::mlock2);
    case ANONVMA_OP_MUNLOCK:
      return lock_of(r, LockOp::munlock);
    case ANONVMA_OP_MLOCKALL:
      return lock_of(r, LockOp::mlockall);
    case ANONVMA_OP_MUNLOCKALL:
      return lock_of(r, LockOp::munlockall);
    case ANONVMA_OP_MREMAP:
      return Remap{r.args[0], r.args[1], r.args[2], r.args[3], r.args[4], r.ret, r.reached};
    case ANONVMA_OP_MSEAL:
      return Seal{r.args[0], r.args[1], r.ret};
    case ANONVMA_OP_NAME:
      return name_of(r, addresses);
    case ANONVMA_OP_QUIET:
      return std::nullopt;
    case ANONVMA_OP_NONE:  // these have no event of their own
    case ANONVMA_OP_PRCTL:
    case ANONVMA_OP_CLONE:
    case ANONVMA_OP_EXECVE:
    case ANONVMA_OP_OTHER:
    case ANONVMA_OP_MBIND:
    case ANONVMA_OP_IOCTL:
    case ANONVMA_OP_DROP:
      break;
  }
  return UnknownWrite{};  // also if the enum lacks the number in the record
}

}  // namespace anonvma
