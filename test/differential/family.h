// The recorded processes, as the driver sees them: the live slots, and commands for them. All of
// them descend from one process, the nursery, which is followed from its exec on. All are children
// of the driver, which can wait for each.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/result.h"
#include "test/differential/files.h"
#include "test/differential/listener.h"
#include "test/differential/mailbox.h"
#include "test/differential/program.h"

namespace anonvma::differential {

class Family {
 public:
  // Forks the nursery, which waits, so that its pid can be given to a recorder first. `aslr`:
  // addresses differ from run to run.
  static Result<std::unique_ptr<Family>> start(const std::string& target, bool aslr);
  ~Family();
  Family(const Family&) = delete;
  Family& operator=(const Family&) = delete;

  std::uint32_t nursery() const { return static_cast<std::uint32_t>(pids_[kNursery]); }
  // Lets the nursery exec the target.
  Status release();

  // Hands an operation to its actor; it runs at the next sync(). False if the actor does not exist,
  // or cannot do it now.
  bool issue(const Operation& operation, std::size_t index);
  struct Outcome {
    std::size_t index = 0;  // as given to issue()
    std::int64_t result = 0;
  };
  // Runs the issued operations, and waits until all of them are over.
  Result<std::vector<Outcome>> sync();
  // Ends every process but the nursery.
  Status end_program();

  std::vector<std::uint32_t> processes() const;  // pids alive, without the nursery
  std::uint32_t process_of(unsigned actor) const {
    return static_cast<std::uint32_t>(pids_[actor]);
  }
  std::uint64_t deaths() const { return deaths_; }  // processes that ended without a command

 private:
  struct Issued {
    std::size_t index;
    Operation operation;
    unsigned actor, place;  // place in its queue
  };
  Family(std::string target, bool aslr, Files files);
  Status fork_nursery();
  [[noreturn]] void become_nursery(int go) const;
  bool alive(unsigned actor) const { return pids_[actor] != 0; }
  unsigned threads_of(pid_t process) const;
  bool possible(const Operation& operation) const;
  Slot& slot(unsigned actor) { return mailbox_->slots[actor]; }
  Command command(const Operation& operation);
  std::uint64_t in_target(const void* member) const;  // its address in the target
  std::uint64_t place_of(unsigned actor, std::int64_t address) const;
  void poke(const Operation& operation, std::size_t index);
  void limit(const Operation& operation, std::size_t index);
  Status give_turns();
  Status wait_for_turn(unsigned actor);
  Status settle(const Issued& issued, std::int64_t result);
  Status wait_for_birth(unsigned actor);
  Status wait_for_end(unsigned actor);
  Status listen(unsigned actor);
  bool died(unsigned actor);
  void forget(pid_t process);
  void kill_all();

  std::string target_;
  bool aslr_;
  Files files_;
  Mailbox* mailbox_ = nullptr;
  int go_ = -1;  // write end: one byte starts the nursery
  std::array<pid_t, kActors> pids_{};
  std::array<bool, kActors> own_uffd_{};                  // opened by this process, not inherited
  std::map<pid_t, std::unique_ptr<Listener>> listeners_;  // of userfaultfds with events
  std::vector<Issued> issued_;
  std::vector<Outcome> outcomes_;
  std::uint64_t deaths_ = 0;
};

}  // namespace anonvma::differential
