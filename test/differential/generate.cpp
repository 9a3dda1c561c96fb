#include "test/differential/generate.h"

#include <sys/mman.h>

#include <algorithm>
#include <vector>

#include "test/differential/arguments.h"

namespace anonvma::differential {
namespace {

// The slots that would be alive if every call succeeded.
class Cast {
 public:
  explicit Cast(unsigned limit) : limit_(std::min(limit, kFamily)) {}

  std::vector<unsigned> alive() const {
    std::vector<unsigned> slots;
    for (unsigned slot = 0; slot < kFamily; ++slot)
      if (process_[slot] >= 0) slots.push_back(slot);
    return slots;
  }
  // A slot for a child, or -1.
  int free_slot() const {
    if (alive().size() >= limit_) return -1;
    for (unsigned slot = 0; slot < kFamily; ++slot)
      if (process_[slot] < 0) return static_cast<int>(slot);
    return -1;
  }
  bool threaded(unsigned slot) const {
    return std::count(process_.begin(), process_.end(), process_[slot]) > 1;
  }
  void born(unsigned slot) { process_[slot] = static_cast<int>(slot); }
  void joined(unsigned slot, unsigned maker) { process_[slot] = process_[maker]; }
  void left(unsigned slot) { process_[slot] = -1; }
  void ended(unsigned slot) { std::replace(process_.begin(), process_.end(), process_[slot], -1); }

 private:
  unsigned limit_;
  std::array<int, kFamily> process_ = {-1, -1, -1, -1, -1, -1, -1, -1};
};

class Generator {
 public:
  Generator(std::uint64_t seed, const Taste& taste)
      : taste_(taste), random_(seed), arguments_(random_), cast_(taste.processes) {}

  Program sequential() {
    begin();
    while (program_.size() < taste_.operations) {
      if (!later_.empty() && random_.chance(20))
        add_later();
      else
        add(pick_actor(), pick_op(false));
    }
    return std::move(program_);
  }

  // Threads of one process, whose calls run at the same time between two syncs.
  Program concurrent() {
    begin();
    sync();
    for (int i = 0; i < 8; ++i) alone(0, pick_op(true));
    for (unsigned slot = 1; slot < taste_.threads; ++slot) start_thread(slot);
    while (program_.size() < taste_.operations) {
      const std::uint64_t calls = random_.below(6) + 1;
      for (std::uint64_t i = 0; i < calls * taste_.threads; ++i)
        add(static_cast<unsigned>(i % taste_.threads), pick_op(true));
      sync();
      if (random_.chance(20)) fork_and_act();
    }
    return std::move(program_);
  }

 private:
  void begin() {
    const bool fresh = random_.chance(70);
    program_.push_back({fresh ? Op::spawn : Op::fork, kNursery, {}});
    cast_.born(0);
    if (!random_.chance(50)) return;
    Operation all{Op::mmap, 0, {}};
    arguments_.fill_all(all);
    program_.push_back(all);
  }
  void sync() { program_.push_back({}); }
  void alone(unsigned actor, Op op) {
    add(actor, op);
    sync();
  }
  void start_thread(unsigned slot) {
    program_.push_back({Op::thread, 0, {slot}});
    cast_.joined(slot, 0);
    sync();
  }
  // A child of the threads, which lives for a few calls.
  void fork_and_act() {
    const unsigned child = taste_.threads;
    if (child >= kFamily || weight(Op::fork, false) == 0) return;
    program_.push_back({Op::fork, static_cast<unsigned>(random_.below(taste_.threads)), {child}});
    for (unsigned slot = 0; slot < taste_.threads; ++slot) add(slot, pick_op(true));
    sync();
    for (std::uint64_t i = random_.below(4); i > 0; --i) alone(child, pick_op(true));
    program_.push_back({Op::exit, child, {}});
    sync();
  }

  // All threads must know the live slots. A snapshot after the call cannot be compared if calls of
  // other threads come in between.
  static bool needs_quiet(Op op) {
    switch (op) {
      case Op::fork:
      case Op::thread:
      case Op::spawn:
      case Op::exec:
      case Op::exit:
      case Op::leave:
      case Op::process_madvise:
      case Op::mbind:
      case Op::shmdt:
      case Op::io_setup:
      case Op::io_destroy:
      case Op::uffd_open:
      case Op::uffd_register:
      case Op::uffd_unregister:
      case Op::uffd_close:
      case Op::memory_merge:
      case Op::name:
      case Op::refuse_exec_gain:
      case Op::limit:
      case Op::crowd:
        return true;
      default:
        return false;
    }
  }

  unsigned pick_actor() {
    const std::vector<unsigned> alive = cast_.alive();
    return alive[random_.below(alive.size())];
  }

  unsigned weight(Op op, bool at_once) const {
    return at_once && needs_quiet(op) ? 0 : taste_.weights[static_cast<std::size_t>(op)];
  }

  Op pick_op(bool at_once) {
    std::uint64_t total = 0;
    for (const OpInfo& info : operations()) total += weight(info.op, at_once);
    if (total == 0) return Op::write;
    std::uint64_t at = random_.below(total);
    for (const OpInfo& info : operations()) {
      if (at < weight(info.op, at_once)) return info.op;
      at -= weight(info.op, at_once);
    }
    return Op::write;
  }

  // Adds an operation, unless no actor for it is alive.
  void add(unsigned actor, Op op) {
    Operation operation{op, actor, {}};
    if (op == Op::fork || op == Op::thread || op == Op::spawn) {
      const int child = cast_.free_slot();
      if (child < 0) return;
      operation.args[0] = child;
      if (op == Op::thread)
        cast_.joined(static_cast<unsigned>(child), actor);
      else
        cast_.born(static_cast<unsigned>(child));
    } else if (op == Op::exec || op == Op::leave) {
      if (cast_.threaded(actor) != (op == Op::leave)) return;
      if (op == Op::leave) cast_.left(actor);
    } else if (op == Op::exit) {
      cast_.ended(actor);
      if (cast_.alive().empty()) cast_.born(actor);
      if (cast_.alive() == std::vector<unsigned>{actor}) return;
    } else {
      arguments_.fill(operation, pick_actor());
    }
    program_.push_back(operation);
    remember(operation);
  }

  void add_later() {
    const Operation operation = later_.back();
    later_.pop_back();
    if (weight(operation.op, false) == 0) return;
    if (operation.op == Op::leave) return add(operation.actor, Op::leave);
    program_.push_back(operation);
    remember(operation);
  }

  void remember(const Operation& operation) {
    if (!random_.chance(70)) return;
    if (const auto next = arguments_.sequel(operation)) later_.push_back(*next);
  }

  const Taste& taste_;
  Random random_;
  Arguments arguments_;
  Cast cast_;
  Program program_;
  std::vector<Operation> later_;
};

}  // namespace

Program generate(std::uint64_t seed, const Taste& taste) {
  Generator generator(seed, taste);
  return taste.threads > 1 ? generator.concurrent() : generator.sequential();
}

}  // namespace anonvma::differential
