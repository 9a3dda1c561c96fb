#include "engine/trace/anonymize.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "engine/slab/geometry.h"
#include "engine/trace/abi.h"
#include "engine/trace/concealment.h"

namespace anonvma {
namespace {

constexpr std::uint64_t kLargestHugePage = 1ull << 34;

// The greatest distance that the kernel moves a stack down from the place for which it made its vma
// (16 GiB on x86_64, half of that on arm64), plus room for the stack to grow.
constexpr std::uint64_t kStackPages = 1ull << 23;
// The shift of all page offsets of stacks. It is the same for all, as the offsets were the same for
// all. It is beyond the shift of any address, so that a stack can grow as far down as before.
constexpr std::uint64_t kStackShiftPages = 1ull << 40;

// Calls `visit(field, how)` for each field of the event, `how` as a constant.
template <class Body, class Visit>
void each_field(Visit&& visit) {
  constexpr auto fields = Body::fields();
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (visit(std::get<I>(fields), std::integral_constant<Concealed, concealed<Body, I>()>{}), ...);
  }
  (std::make_index_sequence<std::tuple_size_v<decltype(fields)>>{});
}

// The address of a mapping without MAP_FIXED is a hint, and often 0.
template <class Body>
bool is_place(const Body& body) {
  if constexpr (std::is_same_v<Body, Map>)
    return (body.map_flags & (kMapFixed | kMapFixedNoReplace)) != 0;
  return true;
}

// One past the last byte; the highest number where there is none.
std::uint64_t end_of(std::uint64_t start, std::uint64_t len) {
  return len > ~0ull - start ? ~0ull : start + len;
}

}  // namespace

Anonymizer::Anonymizer(Keyed::Key key, const Meta& meta)
    : keyed_(key),
      page_size_(std::max<std::uint64_t>(meta.page_size, 1)),
      cpus_(slub_cpus(meta.cpus)),
      shift_(keyed_) {}

// Stacks.
//
// The kernel makes a stack at the end of the address space and moves it down from there by a random
// distance; its page offset stays. So that offset is one number for all processes, and would reveal
// the shift of its region. It moves by a constant that everybody knows.
bool Anonymizer::is_stack_page(const SnapVma& vma) const {
  return (vma.vm_flags & kVmGrowsDown) && vma.file == 0 && vma.pgoff != vma.start / page_size_ &&
         vma.pgoff < stack_end_ && stack_end_ - vma.pgoff <= kStackPages;
}

// True if the page offset comes from an address. That is so for anonymous memory, wherever mremap
// has moved it since. A private mapping of /dev/zero is anonymous and has the offset into the file,
// until it is moved before its first write.
bool Anonymizer::is_address_page(const SnapVma& vma) const {
  if (!(vma.ops & kOpsAnonymous)) return false;
  if (vma.file == 0) return !is_stack_page(vma);
  return vma.pgoff == vma.start / page_size_ || vma.pgoff >= (1ull << 32) / page_size_;
}

// First pass.

void Anonymizer::learn_vma(MmId mm, const SnapVma& vma) {
  shift_.touched(mm, vma.start, vma.end, true);
  if (attaching_ && vma.anon_vma)
    shift_.unite(kin_.try_emplace(vma.anon_vma.v, mm).first->second, mm);
  const std::uint64_t page = vma.start / page_size_;
  const std::uint64_t pages = (vma.end - std::min(vma.start, vma.end)) / page_size_;
  if ((vma.vm_flags & kVmGrowsDown) && vma.file == 0 && (vma.ops & kOpsAnonymous) &&
      vma.pgoff > page && vma.pgoff - page <= kStackPages)
    stack_end_ = std::max(stack_end_, end_of(vma.pgoff, pages));
  if (is_address_page(vma) && vma.pgoff < AddressShift::kEnd / page_size_)
    shift_.touched(mm, vma.pgoff * page_size_, (vma.pgoff + pages) * page_size_);
}

template <class Body>
void Anonymizer::learn_body(const EventHead& head, const Body& body) {
  const MmId mm = head.mm;
  const auto point = [&](std::uint64_t at) { shift_.touched(mm, at, end_of(at, 1)); };
  each_field<Body>([&](const auto& field, auto how) {
    const std::uint64_t value = to_word(body.*field.member);
    if constexpr (how == Concealed::place || how == Concealed::place_or_none ||
                  how == Concealed::result) {
      if (value >= AddressShift::kLow) point(value);
    }
  });
  if constexpr (requires {
                  body.addr;
                  body.len;
                })
    if (is_place(body)) shift_.touched(mm, body.addr, end_of(body.addr, body.len));
  if constexpr (std::is_same_v<Body, Map>) {
    const bool huge = (body.map_flags & kMapHugeTlb) || (body.vm_flags & kVmHugeTlb);
    const std::uint64_t len = end_of(body.len, huge ? kLargestHugePage : 0);
    if (body.ret >= 0)
      shift_.touched(mm, static_cast<std::uint64_t>(body.ret),
                     end_of(static_cast<std::uint64_t>(body.ret), len), true);
  } else if constexpr (std::is_same_v<Body, Brk>) {
    if (body.old_brk != 0 && body.addr != 0 && static_cast<std::uint64_t>(body.ret) == body.addr)
      shift_.touched(mm, std::min(body.old_brk, body.addr), std::max(body.old_brk, body.addr));
  } else if constexpr (std::is_same_v<Body, Remap>) {
    const std::uint64_t longest = std::max(body.old_len, body.new_len);
    shift_.touched(mm, body.addr, end_of(body.addr, longest));
    if (body.flags & (kMremapFixed | kMremapDontUnmap))
      shift_.touched(mm, body.new_addr, end_of(body.new_addr, longest));
    if (body.ret >= 0)
      shift_.touched(mm, static_cast<std::uint64_t>(body.ret),
                     end_of(static_cast<std::uint64_t>(body.ret), longest));
    if (body.stopped != 0) point(body.stopped);
  } else if constexpr (std::is_same_v<Body, Fork>) {
    shift_.forked(mm, body.child);
  } else if constexpr (std::is_same_v<Body, Snapshot>) {
    attaching_ = body.reason == static_cast<std::uint64_t>(SnapReason::attach);
  } else if constexpr (std::is_same_v<Body, Text>) {
    texts_.take(body);
  } else if constexpr (std::is_same_v<Body, SnapVma>) {
    learn_vma(mm, body);
  } else if constexpr (std::is_same_v<Body, SnapChain>) {
    if (attaching_ && body.anon_vma)
      shift_.unite(kin_.try_emplace(body.anon_vma.v, mm).first->second, mm);
  }
}

// clang-tidy 14 does not see that the lambda uses `this`. NOLINTNEXTLINE(*-convert-member-functions-to-static)
void Anonymizer::learn(const Event& event) {
  std::visit([&](const auto& body) { learn_body(event.head, body); }, event.body);
}

// Second pass.

std::uint64_t Anonymizer::task(std::uint64_t tid) const {
  const auto renamed = [&](std::uint64_t t) {
    constexpr std::uint64_t kPids = 1ull << 22;  // PID_MAX_LIMIT
    return keyed_.permuted(Keyed::Kind::task, t / cpus_, kPids / cpus_ + 1) * cpus_ + t % cpus_;
  };
  if (tid == 0) return 0;  // 0 means no task, and is no pseudonym
  const std::uint64_t name = renamed(tid);
  return name == 0 ? renamed(0) : name;
}

// Short names are enough: if a name is taken, it gets another digit.
const std::string& Anonymizer::renamed(Keyed::Kind kind, Names& names, const std::string& name) {
  const auto [entry, fresh] = names.of.try_emplace(name);
  if (fresh) {
    const std::string digits = fmt::format("p{:016x}", keyed_.of(kind, name));
    std::size_t length = 4;
    while (length < 15 && names.taken.contains(digits.substr(0, length))) ++length;
    entry->second = digits.substr(0, length);
    names.taken.insert(entry->second);
  }
  return entry->second;
}

Comm Anonymizer::renamed(const Comm& comm) {
  std::array<char, 16> storage{};
  const std::string text(comm_view(comm, storage));
  if (text.empty()) return {};
  return make_comm(renamed(Keyed::Kind::comm, comms_, text));
}

// The copy has as many events as the trace. Pieces of no whole text stay damaged, without a byte.
Text Anonymizer::renamed(const Text& piece) {
  Text out{.kind = piece.kind, .id = piece.id, .length = piece.length, .offset = piece.offset};
  const auto text = texts_.find(piece.kind, piece.id);
  if (!text || text->empty()) return out;
  std::string name = renamed(Keyed::Kind::text, text_names_, std::string(*text));
  const std::size_t last = (text->size() - 1) / Text::kPieceBytes * Text::kPieceBytes;
  if (name.size() <= last) name.resize(last + 1, '.');
  const std::vector<Text> pieces = text_pieces(static_cast<TextKind>(piece.kind), piece.id, name);
  const std::uint64_t index = piece.offset / Text::kPieceBytes;
  return index < pieces.size() ? pieces[index] : out;
}

template <class Body>
void Anonymizer::conceal_body(MmId mm, Body& body) {
  const Body before = body;
  each_field<Body>([&](const auto& field, auto how) {
    auto& value = body.*field.member;
    using Value = std::remove_reference_t<decltype(value)>;
    [[maybe_unused]] const std::uint64_t word = to_word(value);
    if constexpr (how == Concealed::tid) value = static_cast<Value>(task(word));
    if constexpr (how == Concealed::place) value = static_cast<Value>(shift_.moved(mm, word));
    if constexpr (how == Concealed::place_or_none)
      if (word != 0) value = static_cast<Value>(shift_.moved(mm, word));
    if constexpr (how == Concealed::result)
      if (value >= 0 && !(Body::type == EventType::brk && word == 0))
        value = static_cast<Value>(shift_.moved(mm, word));
  });
  if constexpr (std::is_same_v<Body, Map>) {
    body.addr = is_place(before) ? shift_.moved(mm, before.addr) : 0;
    if (before.file == 0 && (before.map_flags & (kMapAnonymous | kMapHugeTlb)) == kMapAnonymous)
      body.pgoff = 0;
  } else if constexpr (std::is_same_v<Body, Remap>) {
    const bool asked = (before.flags & (kMremapFixed | kMremapDontUnmap)) != 0;
    body.new_addr = asked ? shift_.moved(mm, before.new_addr) : 0;
    if (before.stopped != 0 && before.stopped != ~0ull)
      body.stopped = shift_.moved(mm, before.stopped);
  } else if constexpr (std::is_same_v<Body, Snapshot>) {
    const Comm name = renamed(Comm{before.comm_lo, before.comm_hi});
    body.comm_lo = name.lo;
    body.comm_hi = name.hi;
  } else if constexpr (std::is_same_v<Body, Text>) {
    body = renamed(before);
  } else if constexpr (std::is_same_v<Body, SnapVma>) {
    if (is_address_page(before))
      body.pgoff = shift_.moved_page(mm, before.pgoff, page_size_);
    else if (is_stack_page(before))
      body.pgoff = before.pgoff + kStackShiftPages;
  }
  // A range that ended just below the end of all user addresses still does. Only a call that fails
  // may have asked for it.
  if constexpr (requires {
                  body.addr;
                  body.len;
                }) {
    const std::uint64_t by = body.addr - before.addr;
    const std::uint64_t end = end_of(before.addr, before.len);
    if (is_place(before) && before.addr < AddressShift::kEnd && end < AddressShift::kEnd &&
        end >= AddressShift::kEnd - by && before.len > by)
      body.len = before.len - by;
  }
}

Event Anonymizer::conceal(const Event& event) {
  Event out = event;
  out.head.tid = static_cast<std::uint32_t>(task(event.head.tid));
  std::visit([&](auto& body) { conceal_body(event.head.mm, body); }, out.body);
  return out;
}

Meta Anonymizer::conceal(Meta meta) {
  meta.command.clear();
  meta.cgroup.clear();
  meta.boot_id_hash.clear();
  meta.start_unix_ns = 0;
  meta.series.clear();
  meta.part = 0;
  meta.cut.source.clear();
  meta.anonymized = true;
  return meta;
}

}  // namespace anonvma
