#include "engine/replay/vector_ops.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <optional>

namespace anonvma {
namespace {

constexpr std::int64_t kMaxId = 1 << 20;        // names are an array, and ids are input
constexpr std::int64_t kMaxNumber = 1ll << 52;  // pages of a 64-bit address space
constexpr std::uint64_t kIgnoredFlags = 0b111;  // read, write, exec
constexpr std::size_t kMaxFields = 7;

std::string_view take_word(std::string_view& text) {
  const std::size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return text = {};
  text.remove_prefix(begin);
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  return word;
}

std::size_t field_count(char kind) {
  switch (kind) {
    case 'M':
      return 7;
    case 'C':
      return 5;
    case 'S':
    case 'K':
      return 4;
    case 'G':
      return 2;
    case 'F':
    case 'U':
      return 1;
  }
  return 0;  // kind is input
}

}  // namespace

struct VectorLife::Op {
  char kind = 0;
  std::array<std::int64_t, kMaxFields> fields{};  // each in -1..kMaxNumber

  static std::optional<Op> parse(std::string_view text, std::string& error) {
    Op op;
    const std::string_view word = take_word(text);
    const std::size_t count = word.size() == 1 ? field_count(word[0]) : 0;
    if (count == 0) {
      error = "no such operation";
      return {};
    }
    op.kind = word[0];
    for (std::size_t i = 0; i < count; ++i) {
      const std::string_view number = take_word(text);
      const char* const end = number.data() + number.size();
      const auto [last, problem] = std::from_chars(number.data(), end, op.fields[i]);
      if (number.empty() || problem != std::errc{} || last != end || op.fields[i] < -1 ||
          op.fields[i] > kMaxNumber) {
        error = fmt::format("field {} is missing or no number from -1 to 2^52", i + 1);
        return {};
      }
    }
    if (!take_word(text).empty()) {
      error = fmt::format("more than {} fields", count);
      return {};
    }
    return op;
  }
};

Status VectorLife::apply(std::string_view text) {
  error_.clear();
  const std::optional<Op> op = Op::parse(text, error_);
  bool done = false;
  if (op) switch (op->kind) {
      case 'M':
        done = map(*op);
        break;
      case 'F':
        done = fault(*op);
        break;
      case 'S':
        done = split(*op);
        break;
      case 'G':
        done = merge(*op);
        break;
      case 'C':
        done = copy(*op);
        break;
      case 'K':
        done = fork(*op);
        break;
      case 'U':
        done = unmap(*op);
        break;
    }
  strategy_->settle();
  if (done) return ok();
  return Error{ErrorCode::bad_trace, fmt::format("operation '{}': {}", text, error_)};
}

bool VectorLife::compatible(VmaId lower, VmaId upper) const {
  const Vma &l = vmas_[lower.v], &u = vmas_[upper.v];
  return l.mm == u.mm && l.end == u.start && ((l.flags ^ u.flags) & ~kIgnoredFlags) == 0 &&
         u.pgoff == l.pgoff + (l.end - l.start);
}

VmaView VectorLife::view(VmaId vma) const {
  const Vma& v = vmas_[vma.v];
  return {.mm = mms_.at(v.mm).slot,
          .start = v.start,
          .pages = v.end - v.start,
          .pgoff = v.pgoff,
          .file = 0,
          .anonymous = true,
          .has_close = false};
}

void VectorLife::enter_mm(std::uint64_t mm, VmaId parent) {
  const auto [entry, fresh] = mms_.try_emplace(mm);
  if (fresh) {
    Mm& made = entry->second;
    if (free_slots_.empty()) {
      made.slot = MmSlot{static_cast<std::uint32_t>(mms_.size() - 1)};
    } else {
      made.slot = free_slots_.back();
      free_slots_.pop_back();
    }
    strategy_->mm_init(made.slot);
    if (parent) strategy_->mm_forked(made.slot, mms_.at(vmas_[parent.v].mm).slot);
  }
  ++entry->second.vmas;
}

void VectorLife::leave_mm(std::uint64_t mm) {
  const auto left = mms_.find(mm);
  if (--left->second.vmas > 0) return;
  strategy_->mm_exit(left->second.slot);
  free_slots_.push_back(left->second.slot);
  mms_.erase(left);
}

bool VectorLife::fail(std::string reason) {
  error_ = std::move(reason);
  return false;
}

bool VectorLife::is_fresh(std::int64_t id) {
  if (id < 0 || id >= kMaxId) return fail(fmt::format("vma id {} is not in 0..2^20", id));
  const auto name = static_cast<std::size_t>(id);
  if (name < names_.size() && names_[name].used) return fail(fmt::format("vma {} is used", id));
  return true;
}

bool VectorLife::find(std::int64_t id, VmaId& vma) {
  vma = id < 0 ? VmaId{} : this->vma(static_cast<std::uint64_t>(id));
  return vma ? true : fail(fmt::format("there is no vma {}", id));
}

bool VectorLife::find_or_none(std::int64_t id, std::uint64_t mm, VmaId& vma) {
  vma = VmaId{};
  if (id == -1) return true;
  if (!find(id, vma)) return false;
  return vmas_[vma.v].mm == mm ? true : fail(fmt::format("vma {} is in another mm", id));
}

bool VectorLife::find_place(std::int64_t prev, std::int64_t next, Vma& vma) {
  if (!find_or_none(prev, vma.mm, vma.prev) || !find_or_none(next, vma.mm, vma.next)) return false;
  if ((vma.prev && vmas_[vma.prev.v].next != vma.next) ||
      (vma.next && vmas_[vma.next.v].prev != vma.prev))
    return fail("prev and next are no neighbours");
  if (vma.start >= vma.end) return fail("the range is empty");
  if ((vma.prev && vmas_[vma.prev.v].end > vma.start) ||
      (vma.next && vmas_[vma.next.v].start < vma.end))
    return fail("the range is not between prev and next");
  return true;
}

VmaId VectorLife::make(std::int64_t id, const Vma& vma) {
  VmaId made;
  if (free_.empty()) {
    made = VmaId{static_cast<std::uint32_t>(vmas_.size())};
    vmas_.emplace_back();
  } else {
    made = free_.back();
    free_.pop_back();
  }
  vmas_[made.v] = vma;
  const auto name = static_cast<std::size_t>(id);
  if (name >= names_.size()) names_.resize(name + 1);
  names_[name] = {made, true};
  slab_.alloc(kVmAreaStruct);
  return made;
}

void VectorLife::insert(VmaId vma) {
  const Vma& v = vmas_[vma.v];
  if (v.prev) vmas_[v.prev.v].next = vma;
  if (v.next) vmas_[v.next.v].prev = vma;
}

void VectorLife::remove(std::int64_t id) {
  VmaId& name = names_[static_cast<std::size_t>(id)].vma;
  const Vma& v = vmas_[name.v];
  if (v.prev) vmas_[v.prev.v].next = v.next;
  if (v.next) vmas_[v.next.v].prev = v.prev;
  name = VmaId{};
}

bool VectorLife::map(const Op& op) {
  const auto& [id, mm, prev, next, start, end, flags] = op.fields;
  if (mm < 0 || start < 0 || end < 0 || flags < 0) return fail("mm, range or flags are negative");
  Vma vma{.mm = static_cast<std::uint64_t>(mm),
          .start = static_cast<std::uint64_t>(start),
          .end = static_cast<std::uint64_t>(end),
          .pgoff = static_cast<std::uint64_t>(start),
          .flags = static_cast<std::uint64_t>(flags),
          .prev = {},
          .next = {}};
  if (!is_fresh(id) || !find_place(prev, next, vma)) return false;
  enter_mm(vma.mm, {});
  insert(make(id, vma));
  return true;
}

bool VectorLife::fault(const Op& op) {
  VmaId vma;
  if (!find(op.fields[0], vma)) return false;
  if (!strategy_->faulted(vma)) strategy_->prepare(vma);
  return true;
}

bool VectorLife::split(const Op& op) {
  const auto [id, new_id, addr, below] =
      std::array{op.fields[0], op.fields[1], op.fields[2], op.fields[3]};
  VmaId old;
  if (!find(id, old) || !is_fresh(new_id)) return false;
  const auto at = static_cast<std::uint64_t>(addr);
  if (addr < 0 || at <= vmas_[old.v].start || at >= vmas_[old.v].end)
    return fail("the address is not inside the vma");
  if (below != 0 && below != 1) return fail("below is neither 0 nor 1");

  Vma half = vmas_[old.v];
  half.prev = half.next = VmaId{};
  enter_mm(half.mm, {});
  const VmaId fresh = make(new_id, half);
  strategy_->clone(fresh, old, CloneOp::split);  // ranges change after the clone
  Vma &o = vmas_[old.v], &f = vmas_[fresh.v];
  Vma &low = below ? f : o, &high = below ? o : f;
  high.pgoff = o.pgoff + (at - o.start);
  high.start = low.end = at;
  f.prev = below ? o.prev : old;
  f.next = below ? old : o.next;
  insert(fresh);
  strategy_->resized(old);
  strategy_->resized(fresh);
  return true;
}

bool VectorLife::merge(const Op& op) {
  VmaId keep, gone;
  if (!find(op.fields[0], keep) || !find(op.fields[1], gone)) return false;
  const bool upper = vmas_[keep.v].next == gone;
  if (keep == gone || (!upper && vmas_[keep.v].prev != gone)) return fail("they are no neighbours");
  const Vma low = vmas_[upper ? keep.v : gone.v], high = vmas_[upper ? gone.v : keep.v];
  if (low.end != high.start) return fail("they are not adjacent");

  if (!strategy_->faulted(keep) && strategy_->faulted(gone))
    strategy_->clone(keep, gone, CloneOp::merge);
  remove(op.fields[1]);
  strategy_->unlink_merged(gone, keep);
  strategy_->release(gone);
  Vma& kept = vmas_[keep.v];
  kept.start = low.start;
  kept.pgoff = low.pgoff;
  kept.end = high.end;
  strategy_->resized(keep);
  leave_mm(kept.mm);
  return true;
}

bool VectorLife::copy(const Op& op) {
  const auto [id, new_id, start, prev, next] =
      std::array{op.fields[0], op.fields[1], op.fields[2], op.fields[3], op.fields[4]};
  VmaId src;
  if (!find(id, src) || !is_fresh(new_id)) return false;
  if (start < 0) return fail("start is negative");
  Vma vma = vmas_[src.v];
  vma.end = static_cast<std::uint64_t>(start) + (vma.end - vma.start);
  vma.start = static_cast<std::uint64_t>(start);
  // An unfaulted vma has no pages: it starts anew at its new place.
  if (!strategy_->faulted(src)) vma.pgoff = vma.start;
  if (!find_place(prev, next, vma)) return false;
  enter_mm(vma.mm, {});
  const VmaId dst = make(new_id, vma);
  strategy_->clone(dst, src, CloneOp::remap);
  insert(dst);
  return true;
}

bool VectorLife::fork(const Op& op) {
  const auto [id, new_id, mm, child_prev] =
      std::array{op.fields[0], op.fields[1], op.fields[2], op.fields[3]};
  VmaId parent;
  if (!find(id, parent) || !is_fresh(new_id)) return false;
  Vma vma = vmas_[parent.v];
  if (mm < 0 || vma.mm == static_cast<std::uint64_t>(mm)) return fail("that is no other mm");
  vma.mm = static_cast<std::uint64_t>(mm);
  if (!find_place(child_prev, -1, vma)) return false;
  enter_mm(vma.mm, parent);
  const VmaId child = make(new_id, vma);
  strategy_->fork(child, parent, vma.prev);
  insert(child);
  return true;
}

bool VectorLife::unmap(const Op& op) {
  VmaId vma;
  if (!find(op.fields[0], vma)) return false;
  remove(op.fields[0]);
  const std::uint64_t mm = vmas_[vma.v].mm;
  strategy_->unlink(vma);
  strategy_->release(vma);
  leave_mm(mm);
  return true;
}

}  // namespace anonvma
