// Constants of the kernel's ABI and of vma->vm_flags (64-bit layout, x86_64 and arm64), as far as
// readers of a trace decide by them. They do not come from system headers, as a trace means the same on
// every machine that replays it.
#pragma once

#include <cstdint>

namespace anonvma {

inline constexpr std::uint64_t kVmRead = 0x1, kVmWrite = 0x2, kVmExec = 0x4, kVmShared = 0x8;
inline constexpr std::uint64_t kVmMayRead = 0x10, kVmMayWrite = 0x20, kVmMayExec = 0x40;
inline constexpr std::uint64_t kVmMayShare = 0x80, kVmGrowsDown = 0x100, kVmUffdMissing = 0x200;
inline constexpr std::uint64_t kVmPfnMap = 0x400;
inline constexpr std::uint64_t kVmMaybeGuard = 0x800;  // from 6.19 and by backport
inline constexpr std::uint64_t kVmUffdWp = 0x1000, kVmLocked = 0x2000, kVmIo = 0x4000;
inline constexpr std::uint64_t kVmSeqRead = 0x8000, kVmRandRead = 0x10000, kVmDontCopy = 0x20000;
inline constexpr std::uint64_t kVmDontExpand = 0x40000, kVmLockOnFault = 0x80000;
inline constexpr std::uint64_t kVmAccount = 0x100000, kVmNoReserve = 0x200000;
inline constexpr std::uint64_t kVmHugeTlb = 0x400000, kVmSync = 0x800000;
inline constexpr std::uint64_t kVmWipeOnFork = 0x2000000, kVmDontDump = 0x4000000;
inline constexpr std::uint64_t kVmSoftDirty = 0x8000000, kVmMixedMap = 0x10000000;
inline constexpr std::uint64_t kVmHugePage = 0x20000000, kVmNoHugePage = 0x40000000;
inline constexpr std::uint64_t kVmMergeable = 0x80000000;
inline constexpr std::uint64_t kVmPkeyShift = 32, kVmPkeyMask = 0xfull << 32;
inline constexpr std::uint64_t kVmArm64Bti = 0x1000000;                       // arm64 only
inline constexpr std::uint64_t kVmMte32 = 1ull << 32, kVmMte36 = 1ull << 36;  // likewise
inline constexpr std::uint64_t kVmDroppable = 1ull << 40, kVmUffdMinor = 1ull << 41;
inline constexpr std::uint64_t kVmSealed63 = 1ull << 63, kVmSealed42 = 1ull << 42;

inline constexpr std::uint64_t kVmAccess = kVmRead | kVmWrite | kVmExec;
inline constexpr std::uint64_t kVmMayAccess = kVmMayRead | kVmMayWrite | kVmMayExec;
inline constexpr std::uint64_t kVmLockedMask = kVmLocked | kVmLockOnFault;
inline constexpr std::uint64_t kVmUffdMask = kVmUffdMissing | kVmUffdWp | kVmUffdMinor;
// A vma with one of these never merges (VM_SPECIAL).
inline constexpr std::uint64_t kVmSpecial = kVmIo | kVmDontExpand | kVmPfnMap | kVmMixedMap;

inline constexpr std::int64_t kErrPerm = -1, kErrBadF = -9, kErrAgain = -11, kErrNoMem = -12,
                              kErrAccess = -13;
inline constexpr std::int64_t kErrFault = -14, kErrInval = -22;
inline constexpr std::int64_t kErrRestartSys = -512;  // a signal ended the call

inline constexpr std::uint64_t kProtGrowsDown = 0x01000000;
inline constexpr std::uint64_t kProtBti = 0x10, kProtMte = 0x20;  // arm64 only
// The recorder adds these to Protect.prot and Map.prot: the machine is an arm64, or one with MTE, which
// anonymous memory may use. To Protect.prot alone: the personality READ_IMPLIES_EXEC of the task; and an
// mm that has a key for PROT_EXEC alone, which no call has to name.
inline constexpr std::uint64_t kProtArm64 = 0x00800000, kProtMteMachine = 0x00100000;
inline constexpr std::uint64_t kProtReadImpliesExec = 0x00400000;
inline constexpr std::uint64_t kProtExecuteOnlyKey = 0x00200000;

inline constexpr std::uint64_t kMapTypeMask = 0xf, kMapShared = 0x1, kMapSharedValidate = 0x3;
inline constexpr std::uint64_t kMapDroppable = 0x8, kMapFixed = 0x10, kMapAnonymous = 0x20;
inline constexpr std::uint64_t kMapGrowsDown = 0x100, kMapLocked = 0x2000, kMapNoReserve = 0x4000;
inline constexpr std::uint64_t kMapPopulate = 0x8000, kMapNonBlock = 0x10000, kMapStack = 0x20000;
inline constexpr std::uint64_t kMapHugeTlb = 0x40000, kMapSync = 0x80000;
inline constexpr std::uint64_t kMapFixedNoReplace = 0x100000;
inline constexpr std::uint64_t kMapHugeShift = 26, kMapHugeMask = 0x3f;

inline constexpr std::uint64_t kMremapMayMove = 1, kMremapFixed = 2, kMremapDontUnmap = 4;
inline constexpr std::uint64_t kMremapKnown = kMremapMayMove | kMremapFixed | kMremapDontUnmap;
inline constexpr std::uint64_t kMclCurrent = 1, kMclFuture = 2, kMclOnFault = 4;

enum Madvise : std::uint64_t {
  kMadvNormal = 0,
  kMadvRandom = 1,
  kMadvSequential = 2,
  kMadvDontFork = 10,
  kMadvDoFork = 11,
  kMadvMergeable = 12,
  kMadvUnmergeable = 13,
  kMadvHugePage = 14,
  kMadvNoHugePage = 15,
  kMadvDontDump = 16,
  kMadvDoDump = 17,
  kMadvWipeOnFork = 18,
  kMadvKeepOnFork = 19,
  kMadvPopulateWrite = 23,
  kMadvGuardInstall = 102,
};

}  // namespace anonvma
