// Placement of objects into slabs against values of kernels in sysfs and /proc/slabinfo, sizes of
// each era, and the choice of sizes for a row of a comparison.
#include "engine/slab/geometry.h"

#include <unistd.h>

#include <fstream>
#include <string>

#include "engine/replay/row_specs.h"
#include "engine/strategy/registry.h"
#include "test/catch.h"

namespace anonvma {

std::ostream& operator<<(std::ostream& out, const Placement& p) {
  return out << p.objperslab << " per " << p.pagesperslab << " pages";
}

namespace {

struct Measured {
  std::uint32_t objsize;
  std::uint64_t page_size, cpus;
  Placement placement;
};

void check_all(std::initializer_list<Measured> all) {
  for (const Measured& m : all) {
    INFO(m.objsize << " bytes, pages of " << m.page_size << ", " << m.cpus << " CPUs");
    CHECK(slub_placement(m.objsize, m.page_size, m.cpus) == m.placement);
  }
}

TEST_CASE("objects are placed into slabs as measured on kernels") {
  // Debian guests with 2 CPUs, 5.10 to 7.3.
  check_all({{200, 4096, 2, {20, 1}},
             {152, 4096, 2, {26, 1}},
             {176, 4096, 2, {23, 1}},
             {192, 4096, 2, {21, 1}},
             {104, 4096, 2, {39, 1}},
             {96, 4096, 2, {42, 1}},
             {64, 4096, 2, {64, 1}},
             {256, 4096, 2, {16, 1}},
             {40, 4096, 2, {102, 1}}});
  // arm64 with 16K pages.
  check_all({{176, 16384, 2, {93, 1}},
             {104, 16384, 2, {157, 1}},
             {64, 16384, 2, {256, 1}},
             {256, 16384, 2, {64, 1}},
             {40, 16384, 2, {409, 1}}});
  // Guests with 1, 8 and 32 CPUs.
  check_all({{192, 4096, 1, {21, 1}},
             {192, 4096, 8, {21, 1}},
             {256, 4096, 8, {32, 2}},
             {152, 4096, 32, {53, 2}},
             {176, 4096, 32, {46, 2}},
             {192, 4096, 32, {42, 2}},
             {104, 4096, 32, {39, 1}},
             {64, 4096, 32, {64, 1}}});
  // The kmalloc caches of a 6.18 kernel with 2 CPUs.
  check_all({{32, 4096, 2, {128, 1}},
             {512, 4096, 2, {16, 2}},
             {1024, 4096, 2, {16, 4}},
             {2048, 4096, 2, {16, 8}},
             {4096, 4096, 2, {8, 8}}});
}

TEST_CASE("more CPUs ask for more objects per slab") {
  check_all({{176, 4096, 15, {23, 1}},
             {184, 4096, 15, {22, 1}},
             {200, 4096, 15, {20, 1}},
             {176, 4096, 16, {46, 2}},
             {184, 4096, 16, {44, 2}},
             {192, 4096, 16, {42, 2}},
             {200, 4096, 16, {40, 2}},
             {152, 4096, 31, {26, 1}},
             {144, 4096, 63, {28, 1}},
             {144, 4096, 64, {56, 2}},
             {104, 4096, 255, {39, 1}},
             {104, 4096, 256, {78, 2}},
             {88, 4096, 511, {46, 1}},
             {64, 4096, 8192, {64, 1}},
             {192, 65536, 256, {341, 1}}});
}

TEST_CASE("placement answers for any number a file may hold") {
  CHECK(slub_placement(0, 4096, 2) == Placement{});
  CHECK(slub_placement(104, 0, 2) == Placement{});
  CHECK(slub_placement(104, 4096, 0) == slub_placement(104, 4096, 2));
  CHECK(slub_placement(192, 4096, ~0ull) == slub_placement(192, 4096, 8192));
  CHECK(slub_placement(65536, 4096, 2) == Placement{1, 16});
  CHECK(slub_placement(4u << 20, 4096, 2) == Placement{1, 1024});
  CHECK(slub_placement((4u << 20) + 1, 4096, 2) == Placement{});
  CHECK(slub_placement(~0u, 4096, 2) == Placement{});
}

// Up to Linux 6.6 SLUB tried fewer objects before it accepted more waste.
Placement old_placement(unsigned size, std::uint64_t page, unsigned cpus) {
  unsigned fls = 0;
  for (unsigned c = cpus; c != 0; c >>= 1) ++fls;
  unsigned wanted = 4 * (fls + 1);
  while (wanted > 1 && wanted * size > (page << 3)) --wanted;
  for (; wanted > 1; --wanted)
    for (unsigned fraction = 16; fraction >= 4; fraction /= 2)
      for (unsigned order = 0; order <= 3; ++order) {
        const std::uint64_t bytes = page << order;
        if (bytes < std::uint64_t{wanted} * size || bytes % size > bytes / fraction) continue;
        return {static_cast<std::uint32_t>(bytes / size), 1u << order};
      }
  return {};
}

TEST_CASE("older kernels place our sizes in the same way") {
  for (const std::uint64_t page : {4096, 16384, 65536})
    for (const unsigned cpus : {1u, 2u, 8u, 16u, 64u, 256u})
      for (unsigned size = 8; size <= 4096; size += 8) {
        INFO(size << " bytes, pages of " << page << ", " << cpus << " CPUs");
        REQUIRE(slub_placement(size, page, cpus) == old_placement(size, page, cpus));
      }
}

TEST_CASE("what SLUB keeps per CPU and node, as a 6.18 kernel has it in sysfs") {
  CHECK(slub_cpu_partial_slabs(104, 39, 4096) == 7);  // anon_vma: at most 7 were observed
  CHECK(slub_cpu_partial_slabs(64, 64, 4096) == 4);
  CHECK(slub_cpu_partial_slabs(192, 21, 4096) == 12);
  CHECK(slub_cpu_partial_slabs(256, 16, 4096) == 7);   // 52 objects
  CHECK(slub_cpu_partial_slabs(1024, 16, 4096) == 3);  // 24
  CHECK(slub_cpu_partial_slabs(4096, 8, 4096) == 2);   // 6
  CHECK(slub_cpu_partial_slabs(4096, 128, 65536) == 1);
  CHECK(slub_min_partial(64) == 5);
  CHECK(slub_min_partial(104) == 5);
  CHECK(slub_min_partial(2048) == 5);
  CHECK(slub_min_partial(4096) == 6);
  CHECK(slub_min_partial(~0u) == 10);
}

std::uint64_t read_number(const std::string& path) {
  std::uint64_t number = 0;
  std::ifstream(path) >> number;
  return number;
}

TEST_CASE("the running kernel places its caches as we do") {
  const std::string slab = "/sys/kernel/slab/";
  std::string present;
  std::ifstream("/sys/devices/system/cpu/present") >> present;
  if (read_number(slab + "anon_vma/objs_per_slab") == 0 || !present.starts_with("0")) {
    WARN("skipped: /sys/kernel/slab/anon_vma/objs_per_slab or the list of CPUs is not readable");
    return;
  }
  const std::size_t dash = present.find('-');
  const std::uint64_t cpus = dash == present.npos ? 1 : std::stoull(present.substr(dash + 1)) + 1;
  if (cpus == 1 || present.find(',') != present.npos) {
    WARN("skipped: the kernel counts CPUs that may yet come");
    return;
  }
  for (const std::string_view cache : {"anon_vma", "anon_vma_chain", "vm_area_struct"}) {
    const std::string at = slab + std::string(cache) + "/";
    const auto objsize = static_cast<std::uint32_t>(read_number(at + "slab_size"));
    const auto objperslab = static_cast<std::uint32_t>(read_number(at + "objs_per_slab"));
    INFO(cache << ", " << objsize << " bytes, " << cpus << " CPUs");
    CHECK(slub_placement(objsize, static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)), cpus) ==
          Placement{objperslab, 1u << read_number(at + "order")});
    CHECK(slub_min_partial(objsize) == read_number(at + "min_partial"));
  }
}

TEST_CASE("sizes of an era are those of the newest set not newer") {
  using Sizes = std::array<std::uint32_t, kNumCaches>;
  const auto sizes = [](std::string_view era) {
    const EraSizes* found = era_sizes(era);
    return found ? found->objsizes : Sizes{};
  };
  CHECK(sizes("2.6.32") == Sizes{176, 0, 32});
  CHECK(sizes("2.6.34") == Sizes{184, 48, 32});
  CHECK(sizes("2.6.37") == Sizes{184, 48, 40});
  CHECK(sizes("3.0") == Sizes{176, 48, 72});
  CHECK(sizes("3.10") == Sizes{184, 64, 64});
  CHECK(sizes("3.19") == Sizes{184, 64, 80});
  CHECK(sizes("5.6") == Sizes{200, 64, 88});
  CHECK(sizes("5.10.7") == Sizes{200, 64, 88});
  CHECK(sizes("5.10.223") == Sizes{200, 64, 104});
  CHECK(sizes("5.13") == Sizes{200, 64, 88});
  CHECK(sizes("6.1") == Sizes{152, 64, 104});
  CHECK(sizes("6.12.117") == Sizes{176, 64, 104});
  CHECK(sizes("6.18") == Sizes{192, 64, 104});
  CHECK(sizes("7.0") == Sizes{192, 64, 104});
  CHECK(sizes("7.2.12-cloud-amd64") == Sizes{192, 64, 96});
  CHECK(era_sizes("2.6.31") == nullptr);
  CHECK(era_sizes("") == nullptr);
  CHECK(era_sizes("next") == nullptr);
  for (const StrategyInfo& s : strategies()) {
    INFO(s.name);
    CHECK((s.era.empty() || era_sizes(s.era) != nullptr));
  }
}

// A 6.1 kernel with 16 CPUs.
Meta recorder() {
  Meta meta;
  meta.release = "6.1.0";
  meta.cpus = 16;
  meta.anon_vma_members = {"root", "num_children", "num_active_vmas"};
  meta.anon_vma_clone_args = 2;
  meta.caches = {CacheSpec{"vm_area_struct", 152, 26, 1}, CacheSpec{":A-0000064", 64, 64, 1},
                 CacheSpec{"anon_vma", 104, 39, 1}};
  return meta;
}

RowSpecs row_of(std::string_view strategy, const Meta& meta, const ReplayOptions& options = {}) {
  const StrategyInfo* info = find_strategy(strategy);
  REQUIRE(info != nullptr);
  return row_specs(meta, *info, options);
}

TEST_CASE("a row has the recorder's caches, and those of proposals from the table") {
  const RowSpecs row = row_of("legacy", recorder());
  CHECK(row.specs[kVmAreaStruct] == CacheSpec{"vm_area_struct", 152, 26, 1});
  CHECK(row.specs[kAnonVmaChain] == CacheSpec{"anon_vma_chain", 64, 64, 1});
  CHECK(row.specs[kAnonVma] == CacheSpec{"anon_vma", 104, 39, 1});
  CHECK(row.specs[kCowContext] == CacheSpec{"cow_context", 96, 42, 1});
  CHECK(row.specs[kMapleNode] == CacheSpec{"maple_node", 256, 32, 2});  // 16 CPUs
  CHECK(row.specs[kCowRemapArray + 7] == CacheSpec{"cow_remap_array-4096", 4096, 8, 8});
  for (std::size_t c = 0; c < kAllCaches; ++c)
    CHECK(row.sources[c] == (c < kNumCaches ? SpecSource::trace : SpecSource::table));
}

TEST_CASE("a row of its own era has that era's sizes, but not the recorder's own strategy") {
  ReplayOptions options;
  options.era_accurate = true;
  CHECK(row_of("num-children", recorder(), options) == row_of("num-children", recorder()));

  const RowSpecs old = row_of("legacy", recorder(), options);
  CHECK(old.specs[kVmAreaStruct] == CacheSpec{"vm_area_struct", 176, 46, 2});
  CHECK(old.specs[kAnonVma] == CacheSpec{"anon_vma", 32, 128, 1});
  CHECK(old.sources[kAnonVma] == SpecSource::table);
  // 2.6.32 has no chains: nothing to take from the table.
  CHECK(old.specs[kAnonVmaChain] == CacheSpec{"anon_vma_chain", 64, 64, 1});
  CHECK(old.sources[kAnonVmaChain] == SpecSource::trace);

  const RowSpecs newer = row_of("lazy-v1-noleak", recorder(), options);
  CHECK(newer.specs[kVmAreaStruct] == CacheSpec{"vm_area_struct", 192, 42, 2});
  CHECK(newer.specs[kMapleNode] == CacheSpec{"maple_node", 256, 32, 2});
}

TEST_CASE("sizes that the user names win, and are placed anew") {
  ReplayOptions options;
  options.era_accurate = true;
  options.objsizes = {{kAnonVma, 128}, {kCowContext, 200}, {kAnonVma, 176}};
  for (const std::string_view name : {"num-children", "legacy"}) {
    const RowSpecs row = row_of(name, recorder(), options);
    CHECK(row.specs[kAnonVma] == CacheSpec{"anon_vma", 176, 46, 2});
    CHECK(row.specs[kCowContext] == CacheSpec{"cow_context", 200, 40, 2});
    CHECK(row.sources[kAnonVma] == SpecSource::option);
    CHECK(row.sources[kCowContext] == SpecSource::option);
    CHECK(row.sources[kMapleNode] == SpecSource::table);
  }
}

TEST_CASE("geometry that a trace does not name is assumed for its pages and CPUs") {
  const RowSpecs plain = row_of("num-children", Meta{});
  CHECK(plain.specs == default_cache_specs());
  for (std::size_t c = 0; c < kNumCaches; ++c) CHECK(plain.sources[c] == SpecSource::assumed);

  Meta meta;
  meta.page_size = 16384;
  meta.caches[kAnonVma] = {"anon_vma", 104, 0, 0};  // its placement could not be read
  const RowSpecs row = row_of("num-children", meta);
  CHECK(row.specs[kVmAreaStruct] == CacheSpec{"vm_area_struct", 192, 85, 1});
  CHECK(row.specs[kAnonVma] == CacheSpec{"anon_vma", 104, 157, 1});
  CHECK(row.sources[kAnonVma] == SpecSource::trace);
}

TEST_CASE("object sizes of the command line") {
  const auto parsed = parse_objsize("anon_vma=128");
  REQUIRE(parsed);
  CHECK(*parsed == std::pair{kAnonVma, 128u});
  const auto array = parse_objsize("cow_remap_array-64=65536");
  REQUIRE(array);
  CHECK(*array == std::pair{static_cast<CacheIndex>(kCowRemapArray + 1), 65536u});
  REQUIRE(parse_objsize("vm_area_struct=8"));

  const auto message = [](std::string_view text) {
    const auto result = parse_objsize(text);
    REQUIRE(!result);
    CHECK(result.error().code == ErrorCode::usage);
    return result.error().message;
  };
  CHECK(message("anon_vma") == "'anon_vma' is no object size; write CACHE=BYTES");
  CHECK_THAT(message("anon-vma=128"),
             ContainsSubstring("unknown cache 'anon-vma'; did you mean 'anon_vma'?; known are "
                               "vm_area_struct anon_vma_chain "
                               "anon_vma cow_context maple_node cow_remap_array "));
  for (const std::string text : {"7", "65537", "", "-8", "96x", "0x60", " 96", "99999999999"}) {
    INFO(text);
    CHECK(message("anon_vma=" + text) ==
          "'" + text + "' is no object size of anon_vma; it is a number of bytes from 8 to 65536");
  }
}

}  // namespace
}  // namespace anonvma
