// The instructions of a BPF program that can run, as far as its constants decide: settings in
// .rodata and results of CO-RE relocations. It is a much simpler relative of the kernel's verifier,
// which removes dead code in the same way. It knows registers, joins paths, and follows both ways
// of a branch that it cannot decide.
#pragma once

#include <linux/bpf.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace anonvma::test {

class BpfPaths {
 public:
  // `rodata_fd`: the descriptor in ld_imm64, in place of the map's address.
  BpfPaths(std::vector<bpf_insn> code, int rodata_fd, std::vector<std::uint8_t> rodata)
      : code_(std::move(code)), rodata_fd_(rodata_fd), rodata_(std::move(rodata)) {
    states_.resize(code_.size());
    reach(0, Registers{});
    while (!todo_.empty()) {
      const std::size_t at = todo_.front();
      todo_.pop_front();
      queued_.erase(at);
      step(at, *states_[at]);
    }
  }

  bool reached(std::size_t at) const { return states_[at].has_value(); }

 private:
  struct Value {
    enum class Kind : std::uint8_t { unknown, number, rodata } kind = Kind::unknown;
    std::uint64_t number = 0;  // or the offset
    friend bool operator==(const Value&, const Value&) = default;
  };
  using Registers = std::array<Value, 11>;
  static Value number(std::uint64_t n) { return {Value::Kind::number, n}; }

  void reach(std::size_t at, const Registers& registers) {
    if (at >= code_.size()) return;
    if (!states_[at]) {
      states_[at] = registers;
    } else {
      const Registers before = *states_[at];
      for (std::size_t i = 0; i < before.size(); ++i)
        if (before[i] != registers[i]) (*states_[at])[i] = {};
      if (*states_[at] == before) return;
    }
    if (queued_.insert(at).second) todo_.push_back(at);
  }

  void step(std::size_t at, Registers registers) {
    const bpf_insn& insn = code_[at];
    const unsigned op_class = BPF_CLASS(insn.code);
    if (op_class == BPF_JMP || op_class == BPF_JMP32) return jump(at, insn, registers);
    if (insn.code == (BPF_LD | BPF_IMM | BPF_DW)) {
      load_constant(at, insn, registers);
      return reach(at + 2, registers);
    }
    if (op_class == BPF_ALU64 || op_class == BPF_ALU)
      registers[insn.dst_reg] = computed(insn, registers);
    else if (op_class == BPF_LDX)
      registers[insn.dst_reg] = loaded(insn, registers[insn.src_reg]);
    else if (op_class == BPF_STX && BPF_MODE(insn.code) == BPF_ATOMIC)
      registers[insn.src_reg] = registers[0] = {};
    reach(at + 1, registers);
  }

  void load_constant(std::size_t at, const bpf_insn& insn, Registers& registers) {
    const auto high = static_cast<std::uint32_t>(code_[at + 1].imm);
    Value& value = registers[insn.dst_reg];
    value = {};
    if (insn.src_reg == 0)
      value = number(std::uint64_t{high} << 32 | static_cast<std::uint32_t>(insn.imm));
    else if (insn.src_reg == BPF_PSEUDO_MAP_VALUE && insn.imm == rodata_fd_)
      value = {Value::Kind::rodata, high};
    else if (insn.src_reg == BPF_PSEUDO_FUNC)  // a callback: some helper will call it
      reach(at + 1 + static_cast<std::size_t>(insn.imm), Registers{});
  }

  Value loaded(const bpf_insn& insn, const Value& from) const {
    const std::size_t size = BPF_SIZE(insn.code) == BPF_B   ? 1
                             : BPF_SIZE(insn.code) == BPF_H ? 2
                             : BPF_SIZE(insn.code) == BPF_W ? 4
                                                            : 8;
    const std::uint64_t at = from.number + static_cast<std::uint64_t>(insn.off);
    if (from.kind != Value::Kind::rodata || at + size > rodata_.size()) return {};
    std::uint64_t value = 0;
    std::memcpy(&value, rodata_.data() + at, size);
    return number(value);
  }

  static Value computed(const bpf_insn& insn, const Registers& registers) {
    const Value a = registers[insn.dst_reg];
    const Value b = BPF_SRC(insn.code) == BPF_X
                        ? registers[insn.src_reg]
                        : number(static_cast<std::uint64_t>(std::int64_t{insn.imm}));
    const bool wide = BPF_CLASS(insn.code) == BPF_ALU64;
    if (BPF_OP(insn.code) == BPF_MOV && wide) return b;
    if (BPF_OP(insn.code) == BPF_ADD && wide && a.kind == Value::Kind::rodata &&
        b.kind == Value::Kind::number)
      return {Value::Kind::rodata, a.number + b.number};
    if (b.kind != Value::Kind::number) return {};
    const std::uint64_t mask = wide ? ~std::uint64_t{0} : 0xffffffff;
    if (BPF_OP(insn.code) == BPF_MOV) return number(b.number & mask);
    if (a.kind != Value::Kind::number) return {};
    const std::uint64_t x = a.number & mask, y = b.number & mask;
    const unsigned shift = y & (wide ? 63 : 31);
    switch (BPF_OP(insn.code)) {
      case BPF_ADD:
        return number((x + y) & mask);
      case BPF_SUB:
        return number((x - y) & mask);
      case BPF_AND:
        return number(x & y);
      case BPF_OR:
        return number(x | y);
      case BPF_XOR:
        return number(x ^ y);
      case BPF_LSH:
        return number((x << shift) & mask);
      case BPF_RSH:
        return number(x >> shift);
      default:
        return {};
    }
  }

  void jump(std::size_t at, const bpf_insn& insn, Registers& registers) {
    switch (BPF_OP(insn.code)) {
      case BPF_EXIT:
        return;
      case BPF_CALL:
        if (insn.src_reg == BPF_PSEUDO_CALL)
          reach(at + 1 + static_cast<std::size_t>(insn.imm), Registers{});
        for (std::size_t i = 0; i <= 5; ++i) registers[i] = {};
        return reach(at + 1, registers);
      case BPF_JA:
        return reach(at + 1 + static_cast<std::size_t>(insn.off), registers);
      default:
        break;
    }
    const std::optional<bool> taken = decided(insn, registers);
    if (taken != true) reach(at + 1, registers);
    if (taken != false) reach(at + 1 + static_cast<std::size_t>(insn.off), registers);
  }

  static std::optional<bool> decided(const bpf_insn& insn, const Registers& registers) {
    const Value a = registers[insn.dst_reg];
    const Value b = BPF_SRC(insn.code) == BPF_X
                        ? registers[insn.src_reg]
                        : number(static_cast<std::uint64_t>(std::int64_t{insn.imm}));
    if (a.kind != Value::Kind::number || b.kind != Value::Kind::number) return {};
    const std::uint64_t mask = BPF_CLASS(insn.code) == BPF_JMP ? ~std::uint64_t{0} : 0xffffffff;
    const std::uint64_t x = a.number & mask, y = b.number & mask;
    switch (BPF_OP(insn.code)) {
      case BPF_JEQ:
        return x == y;
      case BPF_JNE:
        return x != y;
      case BPF_JGT:
        return x > y;
      case BPF_JGE:
        return x >= y;
      case BPF_JLT:
        return x < y;
      case BPF_JLE:
        return x <= y;
      case BPF_JSET:
        return (x & y) != 0;
      default:
        return {};
    }
  }

  std::vector<bpf_insn> code_;
  int rodata_fd_;
  std::vector<std::uint8_t> rodata_;
  std::vector<std::optional<Registers>> states_;
  std::deque<std::size_t> todo_;
  std::set<std::size_t> queued_;
};

}  // namespace anonvma::test
