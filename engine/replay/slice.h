// A slice of a trace: snapshots of the recording kernel's state at its start, and the events after
// them. The state is that of the model under the recording kernel's own strategy and rules. It is
// the kernel's state as far as `verify` says so.
//
// A slice begins and ends where nothing is in flight, so that it can be verified by itself. With
// the truth lane that is the first moment, from the requested one on, at which the kernel has
// allocated and freed the same objects as the model.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/result.h"
#include "engine/slab/slab_account.h"
#include "engine/trace/event.h"
#include "engine/trace/meta.h"
#include "engine/trace/texts.h"
#include "engine/verify/verifier.h"
#include "engine/vma/address_spaces.h"

namespace anonvma {

// True if `event` must directly follow the event before it, so that no slice begins between them:
// parts of a snapshot, the whole snapshot of an exec or a start, and further pieces of a text.
bool continues(const Event& event);

// First pass: finds a time in the trace. Times may run backwards a little. The slice for a time
// begins after the last event that is not later, as with `--at`.
class TimeSearch {
 public:
  explicit TimeSearch(std::uint64_t time_ns) : time_ns_(time_ns) {}
  void apply(const Event& event, std::uint64_t index);
  std::uint64_t first_behind() const { return behind_; }

 private:
  std::uint64_t time_ns_;
  std::uint64_t behind_ = 0;
};

// The model of the trace from its beginning to the cut.
class Slicer {
 public:
  static Result<Slicer> create(const Meta& meta);
  Slicer(Slicer&&) noexcept;
  ~Slicer();

  void apply(const Event& event, std::uint64_t index);
  // True if a slice may begin or end here: nothing is in flight.
  bool at_rest() const;

  // Snapshots of all live mms, and the past that later events refer to: texts, exits in progress,
  // losses.
  // `fresh`: the first name for anon_vmas that have none in the trace.
  std::vector<Event> key_snapshot(AnonVmaId fresh);
  // Notes for the reader of a slice that begins here.
  std::vector<std::string> notes() const;
  std::uint64_t lost() const { return lost_; }

 private:
  struct Model;
  struct Process {  // fields of a snapshot that the model does not have
    std::uint64_t brk = 0, tgid = 0;
    std::optional<Event> exit;  // the end of its last task
  };
  explicit Slicer(std::unique_ptr<Model> model);
  AnonVmaId id_of(std::uint64_t name);
  void add_mm(MmId mm, std::vector<Event>& out);

  std::unique_ptr<Model> model_;
  std::unordered_map<std::uint32_t, Process> processes_;
  std::map<std::uint64_t, std::uint64_t> lost_by_kind_;
  std::uint64_t lost_ = 0;
  std::unordered_map<std::uint64_t, AnonVmaId> names_;
  std::uint32_t next_name_ = 0;
  Texts texts_;
};

// The highest number of an anon_vma that `event` names, plus one.
std::uint32_t anon_vmas_named(const Event& event);

}  // namespace anonvma
