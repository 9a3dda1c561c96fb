// Objects that the kernel and the model allocated and freed, side by side: by address space, and in
// total.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "engine/ids.h"
#include "engine/slab/budget.h"
#include "engine/slab/counts.h"

namespace anonvma {

// Objects that tasks of one mm allocated, and objects of that mm that were freed, outside of exec.
struct Book {
  Counts kernel, model;
  std::uint64_t kernel_prepared = 0, model_prepared = 0;
  std::uint32_t last_seq = 0;    // of the last operation replayed
  std::uint64_t op_ns = 0;       // when the call of that operation returned
  std::uint64_t freed_ns = 0;    // when an operation of the kernel last freed an object
  std::uint64_t exit_ns = 0;     // when the kernel last freed an object outside operations: an exit
  std::uint64_t gave_up_ns = 0;  // when an operation of the model last freed a vma
  bool ending = false;           // the last task has exited
  Counts exit_step;              // the model's objects in the last Step of the exit
};

// Relatives share anon_vmas, and the relative that ends last frees them. So frees of anon_vmas are
// only compared in total.
inline bool same_but_for_last_reference(const Counts& kernel, const Counts& model) {
  return kernel.allocs == model.allocs &&
         kernel.frees[kVmAreaStruct] == model.frees[kVmAreaStruct] &&
         kernel.frees[kAnonVmaChain] == model.frees[kAnonVmaChain];
}

class Books {
 public:
  // Opens the book of `mm` if there is none.
  Book& operator[](MmId mm) { return by_mm_[mm]; }
  Book* find(MmId mm);
  const Book* find(MmId mm) const;
  std::optional<Book> close(MmId mm);
  std::map<MmId, Book>& all() { return by_mm_; }
  const std::map<MmId, Book>& all() const { return by_mm_; }

  // Adds to the kernel's side of a book and of the total, or subtracts from both.
  void add_kernel(MmId mm, const Counts& counts);
  void drop_kernel(MmId mm, const Counts& counts);

  // Totals. They include the allocations of exec, which are in no book.
  Counts& kernel() { return kernel_; }
  const Counts& kernel() const { return kernel_; }
  Counts& model() { return model_; }
  const Counts& model() const { return model_; }

  // True when both sides of each book agree.
  bool agree() const;
  std::uint64_t bytes() const { return by_mm_.size() * (kNodeBytes + sizeof(Book)); }

 private:
  std::map<MmId, Book> by_mm_;  // of live mms
  Counts kernel_, model_;
};

// Objects that the kernel allocated and the model does not make. They are counted, and left out of
// the comparison.
struct LeftOut {
  Counts exec_temporaries, lost_races, failed, in_flight;
  std::uint64_t held_anon_vmas = 0;  // still allocated at the end, and in no address space
};

}  // namespace anonvma
