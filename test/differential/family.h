// The recorded processes, as the driver sees them: who is alive in which slot, and commands handed
// out to them. All of them descend from one that is followed from its exec on, the nursery, and
// all of them are children of the driver, which can wait for each.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/result.h"
#include "test/differential/files.h"
#include "test/differential/mailbox.h"
#include "test/differential/program.h"

namespace anonvma::differential {

class Family {
 public:
  // Forks the nursery, which waits: its pid can be given to a recorder first. `aslr`: addresses
  // differ from run to run.
  static Result<std::unique_ptr<Family>> start(const std::string& target, bool aslr);
  ~Family();
  Family(const Family&) = delete;
  Family& operator=(const Family&) = delete;

  std::uint32_t nursery() const { return static_cast<std::uint32_t>(pids_[kNursery]); }
  // Execs the target in it.
  Status release();

  // Hands an operation to its actor; it runs at the next sync(). False: the actor is not there, or
  // cannot do this now.
  bool issue(const Operation& operation, std::size_t index);
  struct Outcome {
    std::size_t index = 0;  // as given to issue()
    std::int64_t result = 0;
  };
  // Runs what was issued, and waits until all of it is over.
  Result<std::vector<Outcome>> sync();
  // Ends every process but the nursery.
  Status end_program();

  std::vector<std::uint32_t> processes() const;  // pids alive, without the nursery
  std::uint32_t process_of(unsigned actor) const {
    return static_cast<std::uint32_t>(pids_[actor]);
  }
  std::uint64_t deaths() const { return deaths_; }  // of actors that nobody told to end

 private:
  struct Issued {
    std::size_t index;
    Operation operation;
    unsigned actor, place;  // in its queue
  };
  Family(std::string target, bool aslr, Files files);
  Status fork_nursery();
  [[noreturn]] void become_nursery(int go) const;
  bool alive(unsigned actor) const { return pids_[actor] != 0; }
  unsigned threads_of(pid_t process) const;
  bool possible(const Operation& operation) const;
  Slot& slot(unsigned actor) { return mailbox_->slots[actor]; }
  Command command(const Operation& operation);
  std::uint64_t in_target(const void* member) const;  // its address there
  std::uint64_t place_of(unsigned actor, std::int64_t address) const;
  void poke(const Operation& operation, std::size_t index);
  Status give_turns();
  Status wait_for_turn(unsigned actor);
  Status settle(const Issued& issued, std::int64_t result);
  Status wait_for_birth(unsigned actor);
  Status wait_for_end(unsigned actor);
  bool died(unsigned actor);
  void forget(pid_t process);
  void kill_all();

  std::string target_;
  bool aslr_;
  Files files_;
  Mailbox* mailbox_ = nullptr;
  int go_ = -1;  // write end: one byte starts the nursery
  std::array<pid_t, kActors> pids_{};
  std::array<bool, kActors> own_uffd_{};  // opened by this process, not inherited
  std::vector<Issued> issued_;
  std::vector<Outcome> outcomes_;
  std::uint64_t deaths_ = 0;
};

}  // namespace anonvma::differential
