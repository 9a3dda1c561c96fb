// Removes from a trace whatever identifies people, programs and machines. Every replay of the copy
// has the same results. `kConcealment` in concealment.h says what becomes of each field of each
// event; a field that is not in that table does not compile.
//
//   gone      command line, hash of the boot id, start time, hash of the trace a slice is from;
//             hints and arguments that the kernel does not look at
//   renamed   comms ("p3f2", one per comm), tids and tgids, under the key. A number modulo the
//             CPUs stays: it chooses the CPU's slabs in the SLUB model. Texts (names of vmas, paths of
//             cgroups): a pseudonym has as many pieces as the text, and is padded to that by dots.
//   moved     addresses and the page offsets that come from them (address_shift.h), under the key.
//             Distances inside a region of 4 GiB stay, and so do the lowest 21 bits.
//   unchanged numbers that the recorder made up (mms, files, anon_vmas, objects, policies),
//             lengths, flags, offsets into files, times, lock numbers; kernel release and machine,
//             which choose rules and sizes
//
// There are two passes: learn() each event, settle(), then conceal() each event.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "engine/trace/address_shift.h"
#include "engine/trace/event.h"
#include "engine/trace/keyed.h"
#include "engine/trace/meta.h"
#include "engine/trace/texts.h"

namespace anonvma {

class Anonymizer {
 public:
  Anonymizer(Keyed::Key key, const Meta& meta);

  void learn(const Event& event);
  void settle() { shift_.settle(); }

  Event conceal(const Event& event);
  static Meta conceal(Meta meta);

 private:
  template <class Body>
  void learn_body(const EventHead& head, const Body& body);
  template <class Body>
  void conceal_body(MmId mm, Body& body);
  void learn_vma(MmId mm, const SnapVma& vma);
  std::uint64_t task(std::uint64_t tid) const;
  // The pseudonyms of one kind, by name, and all of them.
  struct Names {
    std::unordered_map<std::string, std::string> of;
    std::unordered_set<std::string> taken;
  };
  const std::string& renamed(Keyed::Kind kind, Names& names, const std::string& name);
  Comm renamed(const Comm& comm);
  Text renamed(const Text& piece);
  bool is_stack_page(const SnapVma& vma) const;
  bool is_address_page(const SnapVma& vma) const;

  Keyed keyed_;
  std::uint64_t page_size_, cpus_;
  AddressShift shift_;
  bool attaching_ = false;                       // in an attach snapshot
  std::unordered_map<std::uint32_t, MmId> kin_;  // one mm per anon_vma of an attach
  std::uint64_t stack_end_ = 0;                  // in pages; see is_stack_page()
  Texts texts_;
  Names comms_, text_names_;
};

}  // namespace anonvma
