// Turns operations into commands: the place of a slot's heap, the descriptor of a file, and the
// data of pointers.
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#include <algorithm>
#include <initializer_list>

#include "test/differential/family.h"

namespace anonvma::differential {
namespace {

// These are newer than the headers of the oldest toolchain.
constexpr std::uint64_t kPidfdSelf = static_cast<std::uint64_t>(-10000);
constexpr std::uint64_t kSetMemoryMerge = 67, kSetMdwe = 65, kRefuseExecGain = 1;
constexpr std::uint64_t kSetVma = 0x53564d41, kAnonName = 0;

void set_args(Command& command, std::initializer_list<std::uint64_t> args) {
  std::fill(std::begin(command.args), std::end(command.args), 0);
  std::copy(args.begin(), args.end(), command.args);
}
void set_data(Command& command, std::initializer_list<std::uint64_t> data) {
  std::copy(data.begin(), data.end(), command.data);
}

// System calls that take a range through a pointer, which is `data` in the target.
void use_pointer(Command& command, Op op, std::uint64_t data) {
  const std::uint64_t addr = command.args[0], len = command.args[1], third = command.args[2];
  set_data(command, {addr, len, 0});
  switch (op) {
    case Op::process_madvise:
      return set_args(command, {kPidfdSelf, data, 1, third, 0});
    case Op::mbind: {  // nodes: node 0, or none where the mode takes none
      const bool nodes = third != 0 && third != 4;
      set_data(command, {1});
      return set_args(command,
                      {addr, len, third, nodes ? data : 0, nodes ? 8u : 0u, command.args[3]});
    }
    case Op::name:  // 0 takes the name away
      set_data(command, {'a' + third});
      return set_args(command, {kSetVma, kAnonName, addr, len, third == 0 ? 0 : data});
    case Op::uffd_register:
      set_data(command, {addr, len, third});
      return set_args(command, {kUserfaultFd, UFFDIO_REGISTER, data});
    case Op::uffd_unregister:
      return set_args(command, {kUserfaultFd, UFFDIO_UNREGISTER, data});
    default:
      return;
  }
}

}  // namespace

std::uint64_t Family::place_of(unsigned actor, std::int64_t address) const {
  const std::int64_t base = base_of(address);
  const Slot& slot = mailbox_->slots[actor];
  const std::uint64_t start = base == kStack    ? slot.stack
                              : base == kHeap   ? slot.heap
                              : base == kLow    ? kLowArena
                              : base == kTagged ? kTag + kArena
                                                : kArena;
  return start + static_cast<std::uint64_t>((address - base) * page_factor());
}

std::uint64_t Family::in_target(const void* member) const {
  return kMailboxAddress + static_cast<std::uint64_t>(static_cast<const char*>(member) -
                                                      reinterpret_cast<const char*>(mailbox_));
}

// The command goes to the end of its actor's queue, and pointers point to its data there.
Command Family::command(const Operation& operation) {
  const OpInfo& of = info(operation.op);
  Slot& self = slot(operation.actor);
  const std::uint64_t data = in_target(self.queue[self.count].data);
  Command c;
  c.act = of.act;
  c.nr = of.nr;
  for (std::size_t i = 0; i < kFields; ++i) {
    const std::int64_t value = operation.args[i];
    c.args[i] = static_cast<std::uint64_t>(value);
    if (of.fields[i].unit == Unit::address) c.args[i] = place_of(operation.actor, value);
    if (of.fields[i].unit == Unit::length)
      c.args[i] = static_cast<std::uint64_t>(value * page_factor());
    if (of.fields[i].unit == Unit::file && value >= 0)
      c.args[i] = static_cast<std::uint64_t>(kFirstFileFd + value);
    if (of.fields[i].unit == Unit::actor) c.child = static_cast<std::uint32_t>(value);
  }
  switch (operation.op) {
    case Op::shmat:
      c.args[0] = static_cast<std::uint64_t>(files_.segment(c.args[0]));
      break;
    case Op::io_setup:
      self.aio = 0;
      set_args(c, {c.args[0], in_target(&self.aio)});
      break;
    case Op::io_destroy:
      set_args(c, {self.aio});
      break;
    case Op::uffd_close:
      set_args(c, {kUserfaultFd});
      break;
    case Op::fork:  // see Listener
      c.args[1] = listeners_.contains(pids_[operation.actor]) ? 1 : 0;
      break;
    case Op::mmap32:  // the offset is in units of 4 KiB
      c.args[5] /= kPage;
      break;
    case Op::refuse_exec_gain:
      set_args(c, {kSetMdwe, kRefuseExecGain});
      break;
    case Op::memory_merge:
      set_args(c, {kSetMemoryMerge, c.args[0]});
      break;
    case Op::remote_write:  // one byte
      set_data(c, {in_target(&self.byte), 1, place_of(c.child, operation.args[1]), 1});
      set_args(c, {static_cast<std::uint64_t>(pids_[c.child]), data, 1, data + 16, 1});
      break;
    default:
      use_pointer(c, operation.op, data);
  }
  return c;
}

}  // namespace anonvma::differential
