// The lives of all mms of a trace, read from its events: where each mm came from, whose it was, and
// when it ended.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/ids.h"
#include "engine/trace/event.h"

namespace anonvma {

enum class Birth : std::uint8_t {
  start,  // alive when the recording began
  fork,
  exec,
  found,  // its birth was lost, and a later reading showed it
};

struct MmLife {
  MmId mm;
  Birth birth = Birth::start;
  MmId from{};  // the parent of a fork, the mm that an exec left; none if not known
  std::uint64_t tgid = 0;
  std::uint64_t start_brk = 0;  // where the heap begins; 0: not known
  std::string comm = {};
  std::uint64_t born_event = 0, born_ns = 0;
  // The first event of its end: the exit of its last task, or the tearing down of its vmas. The state
  // before that event is its last whole one. kAlive if it outlives the trace.
  static constexpr std::uint64_t kAlive = ~0ull;
  std::uint64_t end_event = kAlive, end_ns = 0;

  bool alive_after(std::uint64_t events) const {
    return born_event < events && events <= end_event;
  }
  friend bool operator==(const MmLife&, const MmLife&) = default;
};

class Lives {
 public:
  // The events of a trace in order. `index` is the position of `event`.
  void apply(const Event& event, std::uint64_t index);

  const MmLife* find(MmId mm) const;
  std::string comm(MmId mm) const;         // empty if it is not known
  std::vector<const MmLife*> all() const;  // by birth
  std::size_t size() const { return lives_.size(); }

 private:
  MmLife& born(MmId mm, Birth birth, const EventHead& head, std::uint64_t index);
  void ended(MmId mm, const EventHead& head, std::uint64_t index);
  void show(const Event& event, const Snapshot& snapshot, std::uint64_t index);
  void fork(const Event& event, const Fork& fork, std::uint64_t index);

  std::vector<MmLife> lives_;
  std::unordered_map<MmId, std::size_t> index_of_;
};

// The comms of the mms that an answer names.
class MmNames {
 public:
  void add(const Lives& lives, MmId mm) {
    if (mm) comms_.try_emplace(mm, lives.comm(mm));
  }
  std::string comm(MmId mm) const;
  std::string label(MmId mm) const;
  friend bool operator==(const MmNames&, const MmNames&) = default;

 private:
  std::map<MmId, std::string> comms_;
};
// "mm 12 (cc1)"; "mm 12" without a comm.
std::string mm_label(MmId mm, const std::string& comm);

}  // namespace anonvma
