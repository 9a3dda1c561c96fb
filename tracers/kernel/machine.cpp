#include "tracers/kernel/machine.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>

#include "tracers/kernel/btf.h"
#include "tracers/kernel/clock.h"

namespace anonvma {
namespace {

std::string read_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::uint64_t read_number(const std::string& path) {
  std::ifstream file(path);
  std::uint64_t number = 0;
  file >> number;
  return number;
}

// The word in brackets of "always [madvise] never".
std::string chosen(const std::string& line) {
  const auto open = line.find('['), close = line.find(']');
  if (open == std::string::npos || close == std::string::npos || close < open) return line;
  return line.substr(open + 1, close - open - 1);
}

// FNV-1a: tells two boots apart without naming either.
std::string hashed(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const unsigned char c : text) hash = (hash ^ c) * 0x100000001b3;
  return fmt::format("{:016x}", hash);
}

// slab_size is the size of a slot, which slabinfo calls objsize.
CacheSpec read_cache(CacheIndex cache) {
  CacheSpec spec;
  spec.name = cache_name(cache);
  const std::string path = "/sys/kernel/slab/" + spec.name + "/";
  spec.objsize = static_cast<std::uint32_t>(read_number(path + "slab_size"));
  if (spec.objsize == 0) return spec;
  spec.objperslab = static_cast<std::uint32_t>(read_number(path + "objs_per_slab"));
  spec.pagesperslab = 1u << (read_number(path + "order") & 15);
  return spec;
}

}  // namespace

void read_structures(const KernelBtf& btf, Meta& meta) {
  for (std::size_t i = 0; i < kNumCaches; ++i)
    meta.struct_sizes[i] = btf.struct_size(cache_name(static_cast<CacheIndex>(i)));
  meta.vma_free_rcu = btf.has_member("vm_area_struct", "vm_rcu");
  meta.anon_vma_members = btf.members("anon_vma");
  const int parameters = btf.function_parameters("anon_vma_clone");
  meta.anon_vma_clone_args = static_cast<std::uint64_t>(std::max(parameters, 0));
#define RULE_BY_FUNCTION(name, function, ...) \
  if (btf.function_parameters(function) >= 0) meta.behaviours[#name] = true;
#include "engine/vma/rules.def"
}

std::uint64_t huge_page_bytes() {
  std::ifstream file("/proc/meminfo");
  std::string key;
  std::uint64_t kib = 0;
  for (std::string line; std::getline(file, line);)
    if (std::istringstream words(line); words >> key >> kib && key == "Hugepagesize:")
      if (std::has_single_bit(kib)) return kib << 10;
  return Meta{}.huge_page_bytes;
}

// The kernel takes the last value that is a whole decimal number, and nothing behind "--".
std::uint64_t stack_guard_pages(std::string_view cmdline) {
  constexpr std::string_view kKey = "stack_guard_gap=";
  std::uint64_t pages = Meta{}.stack_guard_pages;
  std::istringstream words{std::string(cmdline)};
  for (std::string word; words >> word && word != "--";) {
    if (!word.starts_with(kKey)) continue;
    const char* const end = word.data() + word.size();
    std::uint64_t value = 0;
    const auto parsed = std::from_chars(word.data() + kKey.size(), end, value);
    if (parsed.ec == std::errc{} && parsed.ptr == end) pages = value;
  }
  return pages;
}

Meta describe_machine() {
  Meta meta;
  utsname names{};
  if (uname(&names) == 0) {
    meta.release = names.release;
    meta.machine = names.machine;
  }
  meta.page_size = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  meta.cpus = static_cast<std::uint64_t>(sysconf(_SC_NPROCESSORS_ONLN));
  meta.boot_id_hash = hashed(read_line("/proc/sys/kernel/random/boot_id"));
  meta.start_unix_ns = unix_ns();
  meta.thp_mode = chosen(read_line("/sys/kernel/mm/transparent_hugepage/enabled"));
  meta.overcommit = read_number("/proc/sys/vm/overcommit_memory");
  meta.huge_page_bytes = huge_page_bytes();
  meta.stack_guard_pages = stack_guard_pages(read_line("/proc/cmdline"));
  for (std::size_t i = 0; i < kNumCaches; ++i)
    meta.caches[i] = read_cache(static_cast<CacheIndex>(i));
  if (const Result<KernelBtf> btf = KernelBtf::load()) read_structures(*btf, meta);
  return meta;
}

bool compiles_bpf() { return read_line("/proc/sys/net/core/bpf_jit_enable") != "0"; }

bool is_realtime_kernel() { return read_number("/sys/kernel/realtime") == 1; }

bool is_tracefs_mounted() {
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);)
    if (line.find(" - tracefs ") != std::string::npos) return true;
  return false;
}

}  // namespace anonvma
