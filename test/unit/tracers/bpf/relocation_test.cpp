// Each BPF object against the type information of the kernels that run it, of both architectures,
// without those kernels. libbpf relocates the object as on such a kernel, and the test takes the
// programs that it would load. An access without a member becomes a call that no kernel has; it may
// only stand where no path leads.
//
// test/btf holds the types that each kernel has of those that the recorder uses;
// scripts/btf-fixtures renews it.
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "test/catch.h"
#include "test/unit/tracers/bpf/bpf_paths.h"
#include "tracers/kernel/features.h"
#include "tracers/load/settings.h"
#include "tracers/records.h"
// The skeletons need tracers/records.h.
#include "anonvma.skel.h"
#include "anonvma_5_10.skel.h"
#include "anonvma_5_10_other.skel.h"
#include "anonvma_other.skel.h"
#include "anonvma_preemptible.skel.h"
#include "anonvma_preemptible_other.skel.h"

namespace anonvma::test {
namespace {

// The programs and maps that a load gave to bpf(2).
struct Taken {
  std::map<std::string, std::vector<bpf_insn>> programs;
  int rodata_fd = -1;
  std::vector<std::uint8_t> rodata;
  std::map<int, std::uint32_t> value_sizes;  // of maps, by descriptor
  std::map<int, std::string> map_names;
};
Taken* g_taken = nullptr;  // while a load is in progress
std::string g_unresolved;

int some_descriptor() { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

// Every request is granted.
long take(int command, const bpf_attr& attr) {
  const int fd = some_descriptor();
  switch (command) {
    case BPF_PROG_LOAD: {
      const auto* const code = reinterpret_cast<const bpf_insn*>(attr.insns);
      if (std::string_view(attr.prog_name).starts_with("anonvma"))
        g_taken->programs[attr.prog_name].assign(code, code + attr.insn_cnt);
      return fd;
    }
    case BPF_MAP_CREATE:
      g_taken->value_sizes[fd] = attr.value_size;
      g_taken->map_names[fd] = attr.map_name;
      return fd;
    case BPF_BTF_LOAD:
      return fd;
    case BPF_MAP_UPDATE_ELEM: {
      close(fd);
      const int map = static_cast<int>(attr.map_fd);
      if (!g_taken->map_names[map].ends_with(".rodata")) return 0;
      const auto* const value = reinterpret_cast<const std::uint8_t*>(attr.value);
      g_taken->rodata_fd = map;
      g_taken->rodata.assign(value, value + g_taken->value_sizes[map]);
      return 0;
    }
    case BPF_MAP_FREEZE:
    case BPF_PROG_BIND_MAP:
      close(fd);
      return 0;
    default:
      close(fd);
      errno = EINVAL;
      return -1;
  }
}

int keep_unresolved(libbpf_print_level, const char* format, va_list arguments) {
  std::array<char, 1024> text;
  std::vsnprintf(text.data(), text.size(), format, arguments);
  const std::string_view line = text.data();
  if (line.find("no matching targets found") != std::string_view::npos ||
      line.find("failed") != std::string_view::npos)
    g_unresolved += line;
  return 0;
}

// From here on no program has a hook: libbpf would look up attach targets of the running kernel.
// This is never undone, as libbpf 1.1 frees data in use when the last such handler is removed.
void want_no_hooks() {
  static const bool done = [] {
    for (const char* const section : {"tp_btf+", "iter+"})
      libbpf_register_prog_handler(section, BPF_PROG_TYPE_RAW_TRACEPOINT,
                                   static_cast<bpf_attach_type>(0), nullptr);
    return true;
  }();
  static_cast<void>(done);
}

// Loads the object without a kernel.
template <class Skeleton>
Taken load_object(const std::string& kernel, const Features& features) {
  want_no_hooks();
  bpf_object_open_opts options{};
  options.sz = sizeof options;
  options.btf_custom_path = kernel.c_str();
  std::unique_ptr<Skeleton, void (*)(Skeleton*)> skeleton(Skeleton::open(&options),
                                                          Skeleton::destroy);
  REQUIRE(skeleton);
  fit(*skeleton, features);
  Taken taken;
  g_taken = &taken;
  g_unresolved.clear();
  const libbpf_print_fn_t print = libbpf_set_print(keep_unresolved);
  const int error = bpf_object__load(skeleton->obj);
  libbpf_set_print(print);
  g_taken = nullptr;
  INFO(g_unresolved);
  REQUIRE(error == 0);
  return taken;
}

Features features_of(const std::string& kernel) {
  const Result<KernelBtf> btf = KernelBtf::load(kernel);
  REQUIRE(btf);
  return find_features(*btf);
}

// The object that the kernel runs.
template <class Usual, class Preemptible, class Listed>
Taken load_for(const std::string& kernel) {
  const Features features = features_of(kernel);
  switch (object_for(features)) {
    case BpfObject::listed:
      return load_object<Listed>(kernel, features);
    case BpfObject::preemptible:
      return load_object<Preemptible>(kernel, features);
    case BpfObject::usual:
      break;
  }
  return load_object<Usual>(kernel, features);
}

#if defined(__x86_64__)
constexpr char kNative = 'x';
#else
constexpr char kNative = 'a';
#endif

Taken load(const std::filesystem::path& kernel) {
  return kernel.filename().string().front() == kNative
             ? load_for<anonvma_bpf, anonvma_preemptible_bpf, anonvma_5_10_bpf>(kernel)
             : load_for<anonvma_other_bpf, anonvma_preemptible_other_bpf, anonvma_5_10_other_bpf>(
                   kernel);
}

// Programs that could reach an access without a member.
std::vector<std::string> broken(const Taken& taken) {
  constexpr int kPoison = 0xbad2310;  // libbpf's replacement of such an access
  std::vector<std::string> names;
  for (const auto& [name, code] : taken.programs) {
    const BpfPaths paths(code, taken.rodata_fd, taken.rodata);
    for (std::size_t at = 0; at < code.size(); ++at)
      if (code[at].code == (BPF_JMP | BPF_CALL) && code[at].imm == kPoison && paths.reached(at)) {
        names.push_back(name);
        break;
      }
  }
  return names;
}

std::vector<std::filesystem::path> fixtures() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(ANONVMA_SOURCE_DIR) + "/test/btf"))
    if (entry.path().extension() == ".btf") paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

// A copy of a fixture with one name replaced.
std::string renamed(const std::string& kernel, std::string_view name) {
  std::ifstream file(std::string(ANONVMA_SOURCE_DIR) + "/test/btf/" + kernel, std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(file), {});
  const std::string whole = '\0' + std::string(name) + '\0';
  const auto at = bytes.find(whole);
  REQUIRE(at != std::string::npos);
  bytes[at + 1] = '_';
  const std::string path = std::filesystem::temp_directory_path() /
                           (kernel.substr(0, 1) + "renamed." + std::to_string(getpid()) + ".btf");
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

std::vector<std::string> broken_without(const std::string& kernel, std::string_view name) {
  const std::string path = renamed(kernel, name);
  const std::vector<std::string> names = broken(load(path));
  std::filesystem::remove(path);
  return names;
}

}  // namespace

TEST_CASE("relocation: every kernel has what the BPF programs read of it", "[relocation]") {
  REQUIRE(fixtures().size() >= 12);
  for (const std::filesystem::path& kernel : fixtures()) {
    INFO(kernel);
    const Taken taken = load(kernel);
    CHECK(taken.programs.size() >= 7);
    CHECK(taken.rodata_fd >= 0);
    // A kernel that the recorder refuses for another reason does not get here.
    if (accuracy_tier(features_of(kernel), {}) == Tier::unsupported) continue;
    CHECK(broken(taken) == std::vector<std::string>{});
  }
}

TEST_CASE("relocation: each object has kernels that run it", "[relocation]") {
  std::set<BpfObject> objects;
  for (const std::filesystem::path& kernel : fixtures())
    objects.insert(object_for(features_of(kernel)));
  CHECK(objects.size() == 3);
}

TEST_CASE("relocation: a missing member is seen, unless it is asked for first", "[relocation]") {
  for (const char* const kernel : {"x6.18.btf", "a6.18.btf"}) {
    INFO(kernel);
    CHECK_FALSE(broken_without(kernel, "map_count").empty());
    CHECK_FALSE(broken_without(kernel, "same_vma").empty());
    CHECK(broken_without(kernel, "num_active_vmas").empty());
    CHECK(broken_without(kernel, "home_node").empty());
  }
}

TEST_CASE("relocation: paths that constants rule out are not taken", "[relocation]") {
  const auto insn = [](unsigned code, unsigned dst, unsigned src, int off, int imm) {
    return bpf_insn{static_cast<__u8>(code), static_cast<__u8>(dst & 15),
                    static_cast<__u8>(src & 15), static_cast<__s16>(off), imm};
  };
  const auto exit = insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
  const auto jump_if_zero = insn(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1, 0);
  const auto set = [&](int value) { return insn(BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0, value); };
  const auto next = insn(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0);
  CHECK_FALSE(BpfPaths({set(0), jump_if_zero, next, exit}, -1, {}).reached(2));
  CHECK(BpfPaths({set(1), jump_if_zero, next, exit}, -1, {}).reached(2));
  CHECK(BpfPaths({next, jump_if_zero, next, exit}, -1, {}).reached(2));
  const auto from_map = insn(BPF_LD | BPF_IMM | BPF_DW, 2, BPF_PSEUDO_MAP_VALUE, 0, 7);
  const auto offset = insn(0, 0, 0, 0, 1);
  const auto load = insn(BPF_LDX | BPF_MEM | BPF_B, 1, 2, 0, 0);
  CHECK_FALSE(BpfPaths({from_map, offset, load, jump_if_zero, next, exit}, 7, {5, 0}).reached(4));
  CHECK(BpfPaths({from_map, offset, load, jump_if_zero, next, exit}, 7, {0, 5}).reached(4));
  CHECK(BpfPaths({from_map, offset, load, jump_if_zero, next, exit}, 8, {5, 0}).reached(4));
}

}  // namespace anonvma::test

// libbpf calls bpf(2) through this function of libc, which this definition replaces.
extern "C" long syscall(long number, ...) {
  va_list arguments;
  va_start(arguments, number);
  std::array<long, 6> a;
  for (long& value : a) value = va_arg(arguments, long);
  va_end(arguments);
  if (anonvma::test::g_taken && number == SYS_bpf)
    return anonvma::test::take(static_cast<int>(a[0]), *reinterpret_cast<const bpf_attr*>(a[1]));
#if defined(__x86_64__)
  long result = number;
  register long r10 asm("r10") = a[3];
  register long r8 asm("r8") = a[4];
  register long r9 asm("r9") = a[5];
  asm volatile("syscall"
               : "+a"(result)
               : "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
#else
  register long result asm("x0") = a[0];
  register long x1 asm("x1") = a[1];
  register long x2 asm("x2") = a[2];
  register long x3 asm("x3") = a[3];
  register long x4 asm("x4") = a[4];
  register long x5 asm("x5") = a[5];
  register long x8 asm("x8") = number;
  asm volatile("svc 0"
               : "+r"(result)
               : "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5), "r"(x8)
               : "memory");
#endif
  if (result >= 0 || result < -4095) return result;
  errno = static_cast<int>(-result);
  return -1;
}
