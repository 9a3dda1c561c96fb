// One recording: a family of processes, the recorder that follows them, and the model of their
// kernel, compared with it after every step.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/replay/driver.h"
#include "engine/slab/slab_account.h"
#include "engine/trace/event.h"
#include "engine/verify/verifier.h"
#include "engine/vma/address_spaces.h"
#include "test/differential/family.h"
#include "tracers/recorder.h"

namespace anonvma::differential {

struct SessionCounts {
  std::uint64_t states = 0;  // address spaces compared
  std::uint64_t vmas = 0;    // VMAs in them
  std::uint64_t events = 0;
};

class Session {
 public:
  static Result<std::unique_ptr<Session>> start(const std::string& target, bool aslr);

  Family& family() { return *family_; }
  // Reads the events since the last call, and compares the living processes, and the nursery
  // if asked to.
  Status compare(bool with_nursery = false);
  std::uint64_t differing() const { return verifier_->differing(); }
  const std::vector<std::string>& differences() const { return verifier_->differences(); }

  void begin_program() { events_.clear(); }
  // Text for people: the events since begin_program() without truth events and snapshot parts, and
  // both states of every address space.
  std::string describe_events() const;
  std::string describe_kernel() const;
  std::string describe_model() const;
  const SessionCounts& counts() const { return counts_; }
  std::uint64_t lost() const { return recorder_->counts().lost; }
  // Ends every process and the recording, and compares the facts that are only known then.
  Result<Verdict> finish();

 private:
  Session() = default;
  Status take(const Event& event);
  std::vector<MmId> mms() const;  // named since begin_program()

  SlabAccount slab_;
  std::unique_ptr<AddressSpaces> spaces_;
  std::unique_ptr<Verifier> verifier_;
  std::unique_ptr<Driver> driver_;
  std::unique_ptr<Family> family_;
  std::unique_ptr<Recorder> recorder_;
  std::vector<Event> events_;
  SessionCounts counts_;
};

}  // namespace anonvma::differential
