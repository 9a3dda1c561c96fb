#include "test/differential/arguments.h"

#include <sys/mman.h>

#include <algorithm>

namespace anonvma::differential {
namespace {

constexpr std::int64_t kPages = 64;  // size of the arena
constexpr auto kPageBytes = static_cast<std::int64_t>(kPage);
// Ranges large enough for huge pages have a corner of their own.
constexpr std::int64_t kLargePage = 256 * kPageBytes;
constexpr std::int64_t kLargeArena = 64 * kLargePage;

// These are newer than the headers of the oldest toolchain.
constexpr std::int64_t kMapDroppable = 0x8;
constexpr int kMapSync = 0x80000;
constexpr std::int64_t kFixedNoReplace = 0x100000;
constexpr std::int64_t kProtGrowsDown = 0x01000000;
#if defined(__aarch64__)
constexpr bool kTags = true;  // addresses may have a tag
#else
constexpr bool kTags = false;
#endif

bool is_32_bit(Op op) { return info(op).act == Act::call32; }

}  // namespace

std::int64_t Arguments::address() {
  if (random_.permille(5)) return -static_cast<std::int64_t>(random_.below(4) + 1) * kPageBytes;
  if (random_.permille(60))
    return kHeap + static_cast<std::int64_t>(random_.below(12)) * kPageBytes;
  if (random_.permille(20))
    return kLargeArena + static_cast<std::int64_t>(random_.below(12)) * kLargePage;
  if (kTags && random_.chance(10))
    return kTagged + static_cast<std::int64_t>(random_.below(kPages)) * kPageBytes;
  if (random_.chance(35)) return edges_[random_.below(edges_.size())];
  return static_cast<std::int64_t>(random_.below(kPages)) * kPageBytes;
}

Arguments::Range Arguments::range() {
  static constexpr int kLengths[] = {1, 1, 1, 2, 2, 3, 4, 5, 6, 8, 12, 20};
  Range range{address(), random_.of(kLengths) * kPageBytes};
  if (range.addr >= kLargeArena && range.addr < kHeap) range.len *= 256;
  if (random_.chance(10) && range.addr - base_of(range.addr) >= range.len) range.addr -= range.len;
  if (random_.permille(8)) range.len = 0;
  if (random_.permille(15)) range.len -= 0x123;
  if (random_.permille(5)) range.addr += 0x10;
  if (random_.permille(10)) range = {0, kPages * kPageBytes};
  edges_[next_edge_++ % edges_.size()] = random_.chance(50) ? range.addr : range.addr + range.len;
  return range;
}

std::int64_t Arguments::prot() {
  static constexpr int kProts[] = {PROT_READ | PROT_WRITE,
                                   PROT_READ | PROT_WRITE,
                                   PROT_READ | PROT_WRITE,
                                   PROT_READ | PROT_WRITE,
                                   PROT_READ,
                                   PROT_READ,
                                   PROT_NONE,
                                   PROT_NONE,
                                   PROT_READ | PROT_EXEC,
                                   PROT_WRITE,
                                   PROT_READ | PROT_WRITE | PROT_EXEC};
  return random_.permille(8) ? PROT_EXEC : random_.of(kProts);
}

std::int64_t Arguments::map_flags(File file) {
  static constexpr int kRare[] = {MAP_NORESERVE, MAP_NORESERVE, MAP_POPULATE, MAP_POPULATE,
                                  MAP_LOCKED,    MAP_STACK,     MAP_STACK,    MAP_GROWSDOWN,
                                  MAP_GROWSDOWN, MAP_NONBLOCK,  kMapSync};
  std::int64_t flags = MAP_PRIVATE;
  if (file != File::none)
    flags = random_.chance(35) ? MAP_SHARED : MAP_PRIVATE;
  else if (random_.chance(6))
    flags = MAP_SHARED;
  else if (random_.chance(3))
    flags = kMapDroppable;
  if (file == File::none) flags |= MAP_ANONYMOUS;
  if (random_.chance(78))
    flags |= MAP_FIXED;
  else if (random_.chance(50))
    flags |= kFixedNoReplace;
  while (random_.chance(22)) flags |= random_.of(kRare);
  // A file system that refuses the mapping does so after the old mappings are gone.
  if (file == File::disk || file == File::disk_again || file == File::disk_read)
    flags &= ~std::int64_t{kMapSync};
  return flags;
}

void Arguments::fill_mmap(Operation& operation) {
  static constexpr File kChoice[] = {
      File::memfd, File::memfd, File::memfd,      File::memfd_again, File::memfd_read,  File::disk,
      File::disk,  File::disk,  File::disk_again, File::disk_read,   File::memfd_sealed};
  Range place = range();
  File file = random_.chance(28) ? random_.of(kChoice) : File::none;
  if (operation.op == Op::mmap_device) file = random_.chance(50) ? File::zero : File::perf;
  std::int64_t flags = map_flags(file);
  if (operation.op == Op::mmap_device && random_.chance(20)) {
    file = File::none;
    flags |= MAP_HUGETLB | MAP_ANONYMOUS;
  }
  if ((flags & MAP_FIXED) == 0 && random_.chance(25)) place.addr = kAnywhere;
  // The offset into the file is that into the arena, so that neighbours fit.
  std::int64_t offset = 0;
  if (file != File::none)
    offset = random_.chance(75) ? std::clamp<std::int64_t>(place.addr, 0, 80 * kPageBytes)
                                : static_cast<std::int64_t>(random_.below(70)) * kPageBytes;
  mapped_[next_mapped_++ % mapped_.size()] = place;
  operation.args = {place.addr,          place.len, prot(), flags, static_cast<std::int64_t>(file),
                    offset & -kPageBytes};
}

void Arguments::fill_all(Operation& mmap) {
  mapped_[0] = {0, kPages * kPageBytes};
  mmap.args = {0,
               kPages * kPageBytes,
               PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
               static_cast<std::int64_t>(File::none),
               0};
}

void Arguments::fill_mremap(Operation& operation) {
  const Range from = range();
  const Range to = range();
  std::int64_t length = from.len, target = to.addr, flags = MREMAP_MAYMOVE;
  switch (random_.below(12)) {
    case 0:
    case 1:
    case 2:
    case 3:  // the same length, over an existing mapping
      flags |= MREMAP_FIXED;
      break;
    case 4:
      flags |= MREMAP_FIXED | MREMAP_DONTUNMAP;
      break;
    case 5:
      flags |= MREMAP_DONTUNMAP;
      break;
    case 6:
      flags |= MREMAP_FIXED;
      length = to.len;
      break;
    case 7:
    case 8:
    case 9:
      flags = 0;
      length = to.len;
      break;
    case 10:
      length = to.len;
      break;
    case 11:
      flags = static_cast<std::int64_t>(random_.below(8));
      length = random_.chance(50) ? from.len : to.len;
      break;
  }
  operation.args = {from.addr, from.len, length, flags, target};
  if (random_.permille(20)) operation.args[1] = 0;
}

std::int64_t Arguments::advice() {
  static constexpr int kAdvice[] = {0,  0,  1,  2,  4,  4,  8,  9,  10, 10, 11, 11, 12,
                                    12, 13, 14, 14, 15, 15, 16, 16, 17, 17, 18, 18, 19,
                                    19, 20, 21, 22, 23, 23, 23, 24, 25, 3,  99};
  return random_.of(kAdvice);
}

void Arguments::fill_touch(Operation& operation) {
  const Range mapped = mapped_[random_.below(mapped_.size())];
  operation.args[0] = address() + static_cast<std::int64_t>(random_.below(4)) * kPageBytes;
  if (mapped.len > 0 && mapped.addr != kAnywhere && random_.chance(75))
    operation.args[0] = mapped.addr + static_cast<std::int64_t>(
                                          random_.below(static_cast<std::uint64_t>(mapped.len)));
  if (random_.permille(10))
    operation.args[0] = kStack - static_cast<std::int64_t>(random_.below(160)) * kPageBytes;
}

// Ranges of the low arena. The other arguments are those of mmap and mremap, if they are set.
void Arguments::fill_32_bit(Operation& operation) {
  std::size_t i = 0;
  const bool filled = operation.op == Op::mmap32 || operation.op == Op::mremap32;
  const bool anywhere = operation.op == Op::mmap32 && operation.args[0] == kAnywhere;
  for (const Field& field : info(operation.op).fields) {
    std::int64_t& arg = operation.args[i++];
    if (field.unit == Unit::address && !anywhere)
      arg = kLow + static_cast<std::int64_t>(random_.below(16)) * kPageBytes;
    if (filled) continue;
    if (field.unit == Unit::length)
      arg = static_cast<std::int64_t>(random_.below(8) + 1) * kPageBytes;
    if (field.unit == Unit::prot) arg = prot();
    if (field.unit == Unit::advice) arg = advice();
  }
  if (operation.op == Op::brk32) fill_rare(operation, {});
  if (operation.op == Op::mmap32 && !anywhere)
    mapped_[next_mapped_++ % mapped_.size()] = {operation.args[0], operation.args[1]};
}

void Arguments::fill_rare(Operation& operation, const Range& range) {
  auto& args = operation.args;
  const auto whole_page = [&](std::int64_t pages) {
    return static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(pages))) * kPageBytes;
  };
  switch (operation.op) {
    case Op::mlockall:
      args[0] = static_cast<std::int64_t>(random_.below(8));
      break;
    case Op::brk:
      args[0] = kHeap + whole_page(16) + (random_.chance(20) ? 0x321 : 0);
      break;
    case Op::mbind: {
      static constexpr int kModes[] = {0, 1, 1, 3, 2, 4};
      args = {range.addr, range.len, random_.of(kModes), random_.chance(20) ? 2 : 0};
      break;
    }
    case Op::shmat: {
      static constexpr int kFlags[] = {0, 0, 010000 /* SHM_RDONLY */, 040000 /* SHM_REMAP */,
                                       040000};
      args = {static_cast<std::int64_t>(random_.below(2)), whole_page(8) * 8, random_.of(kFlags)};
      break;
    }
    case Op::shmdt:
      args[0] = whole_page(8) * 8;
      break;
    case Op::io_setup:
      args[0] = static_cast<std::int64_t>(random_.below(200)) + 1;
      break;
    case Op::name:
      args[2] = static_cast<std::int64_t>(random_.below(4));
      break;
    case Op::pkey_free:
      args[0] = static_cast<std::int64_t>(random_.below(3)) + 1;
      break;
    case Op::limit:
      args = {random_.chance(50) ? 9 /* RLIMIT_AS */ : 2 /* RLIMIT_DATA */,
              static_cast<std::int64_t>(random_.below(40))};
      break;
    case Op::crowd:
      args[0] = static_cast<std::int64_t>(random_.below(12));
      break;
    case Op::uffd_open:
      args[0] = random_.chance(40) ? 1 : 0;
      break;
    case Op::brk32:
      args[0] = kHeap + whole_page(16);
      break;
    case Op::memory_merge:
      args[0] = random_.chance(70) ? 1 : 0;
      break;
    case Op::personality:  // READ_IMPLIES_EXEC; addresses stay unchanged
      args[0] = random_.chance(60) ? 0x0440000 : 0x0040000;
      break;
    case Op::remap_file_pages:
      args = {range.addr, range.len, 0, static_cast<std::int64_t>(random_.below(64)), 0};
      break;
    default:
      break;
  }
}

std::optional<Operation> Arguments::sequel(const Operation& operation) {
  const auto by_same = [&](Op op, std::int64_t first = 0) {
    return Operation{op, operation.actor, {first}};
  };
  switch (operation.op) {
    case Op::shmat:
      return by_same(Op::shmdt, operation.args[1]);
    case Op::io_setup:
      return by_same(Op::io_destroy);
    case Op::uffd_register:
      return by_same(Op::uffd_close);
    case Op::uffd_open: {
      const Range mapped = mapped_[random_.below(mapped_.size())];
      return Operation{Op::uffd_register, operation.actor, {mapped.addr, kPageBytes, 1}};
    }
    case Op::thread:
      return Operation{Op::leave, static_cast<unsigned>(operation.args[0]), {}};
    default:
      return std::nullopt;
  }
}

void Arguments::fill(Operation& operation, unsigned peer) {
  if (operation.op == Op::mmap || operation.op == Op::mmap_device) return fill_mmap(operation);
  if (operation.op == Op::mremap) return fill_mremap(operation);
  if (operation.op == Op::mmap32) fill_mmap(operation);
  if (operation.op == Op::mremap32) fill_mremap(operation);
  if (is_32_bit(operation.op)) return fill_32_bit(operation);
  if (operation.op == Op::read || operation.op == Op::write || operation.op == Op::poke)
    return fill_touch(operation);
  const Range where = range();
  std::size_t i = 0;
  for (const Field& field : info(operation.op).fields) {
    std::int64_t& arg = operation.args[i++];
    if (field.unit == Unit::address) arg = where.addr;
    if (field.unit == Unit::length) arg = where.len;
    if (field.unit == Unit::prot) arg = prot();
    if (field.unit == Unit::advice) arg = advice();
    if (field.unit == Unit::actor) arg = peer;
    if (field.name == "pkey") arg = static_cast<std::int64_t>(random_.below(4)) - 1;
    if (field.name == "mode") arg = static_cast<std::int64_t>(random_.below(3)) + 1;
  }
  if (operation.op == Op::guard)
    operation.args[2] = random_.chance(70) ? 102 : 103;  // MADV_GUARD_INSTALL, MADV_GUARD_REMOVE
  if (operation.op == Op::mlock2) operation.args[2] = random_.chance(80) ? 1 : 0;
  if (operation.op == Op::mprotect && random_.permille(20)) operation.args[2] |= kProtGrowsDown;
  fill_rare(operation, where);
}

}  // namespace anonvma::differential
