// The reading of a kernel's type information, from files made here.
#include "tracers/kernel/features.h"

#include <bpf/btf.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "engine/strategy/own.h"
#include "test/catch.h"
#include "tracers/kernel/machine.h"

namespace anonvma::test {
namespace {

// Type information with one thing of each kind.
class MadeUpBtf {
 public:
  MadeUpBtf() : btf_(btf__new_empty()) {
    int_ = btf__add_int(btf_, "int", 4, BTF_INT_SIGNED);
    char_ = btf__add_int(btf_, "char", 1, 0);
  }
  MadeUpBtf(const MadeUpBtf&) = delete;
  MadeUpBtf& operator=(const MadeUpBtf&) = delete;
  ~MadeUpBtf() { btf__free(btf_); }

  int pointer_to_const(int type) { return btf__add_ptr(btf_, btf__add_const(btf_, type)); }
  int structure(const char* name) { return btf__add_struct(btf_, name, 8); }
  void field(const char* name, int type) { btf__add_field(btf_, name, type, 0, 0); }
  void tracepoint(const char* name, const std::vector<int>& parameters) {
    const int proto = btf__add_func_proto(btf_, 0);
    btf__add_func_param(btf_, "__data", pointer_);
    for (const int type : parameters) btf__add_func_param(btf_, "", type);
    const int pointer = btf__add_ptr(btf_, proto);
    btf__add_typedef(btf_, (std::string("btf_trace_") + name).c_str(), pointer);
  }
  void function(const char* name) {
    const int proto = btf__add_func_proto(btf_, int_);
    btf__add_func_param(btf_, "task", int_);
    btf__add_func(btf_, name, BTF_FUNC_STATIC, proto);
  }
  void helpers(const char* name) {
    btf__add_enum(btf_, "bpf_func_id", 4);
    btf__add_enum_value(btf_, name, 1);
  }
  void type(const char* name) { btf__add_typedef(btf_, name, int_); }
  int integer() const { return int_; }
  int character() const { return char_; }

  KernelBtf read() const {
    char path[] = "/tmp/anonvma.features.XXXXXX";
    const int fd = mkstemp(path);
    REQUIRE(fd >= 0);
    __u32 size = 0;
    const void* const bytes = btf__raw_data(btf_, &size);
    REQUIRE(write(fd, bytes, size) == static_cast<ssize_t>(size));
    close(fd);
    Result<KernelBtf> read = KernelBtf::load(path);
    unlink(path);
    REQUIRE(read);
    return std::move(*read);
  }

 private:
  btf* btf_;
  int int_ = 0, char_ = 0;
  int pointer_ = 0;  // a pointer to void
};

Features everything() {
  Features features;
  features.has.fill(true);
  return features;
}

Features without(Feature feature) {
  Features features = everything();
  features.has[static_cast<std::size_t>(feature)] = false;
  return features;
}

}  // namespace

TEST_CASE("features: nothing is found where there is nothing") {
  const MadeUpBtf made;
  CHECK(find_features(made.read()) == Features{});
  CHECK(accuracy_tier(Features{}, {}) == Tier::unsupported);
}

TEST_CASE("features: a tracepoint, and the type of its parameters") {
  MadeUpBtf made;
  const int cache = made.structure("kmem_cache");
  made.tracepoint("kmem_cache_alloc", {made.integer(), made.pointer_to_const(cache)});
  made.tracepoint("kmem_cache_free", {made.integer()});
  made.tracepoint("mmap_lock_acquire_returned", {made.pointer_to_const(made.character())});
  const KernelBtf btf = made.read();
  CHECK(btf.tracepoint_parameters("kmem_cache_alloc") == 2);
  const Features features = find_features(btf);
  CHECK(features[Feature::kmem_cache_alloc]);
  CHECK(features[Feature::kmem_cache_alloc_cache]);
  CHECK(features[Feature::kmem_cache_free]);
  CHECK_FALSE(features[Feature::kmem_cache_free_cache]);
  CHECK(features[Feature::lock_has_path]);
  CHECK_FALSE(features[Feature::exit_mmap]);
}

TEST_CASE("features: a member inside anonymous and named structs") {
  MadeUpBtf made;
  const int seqcount = made.structure("seqcount");
  made.field("sequence", made.integer());
  const int anonymous = made.structure(nullptr);
  made.field("mm_lock_seq", seqcount);
  made.structure("mm_struct");
  made.field("", anonymous);
  const Features features = find_features(made.read());
  CHECK(features[Feature::mm_lock_seq]);
  CHECK(features[Feature::mm_lock_seqcount]);
  CHECK_FALSE(features[Feature::maple_tree]);
}

TEST_CASE("features: mm_lock_seq as an int is no seqcount") {
  MadeUpBtf made;
  made.structure("mm_struct");
  made.field("mm_lock_seq", made.integer());
  const Features features = find_features(made.read());
  CHECK(features[Feature::mm_lock_seq]);
  CHECK_FALSE(features[Feature::mm_lock_seqcount]);
}

TEST_CASE("features: helpers and functions") {
  MadeUpBtf made;
  made.helpers("BPF_FUNC_loop");
  made.function("bpf_iter_task_vma");
  const Features features = find_features(made.read());
  CHECK(features[Feature::loop]);
  CHECK_FALSE(features[Feature::find_vma]);
  CHECK(features[Feature::task_vma_walk]);
}

TEST_CASE("features: a type by its name") {
  MadeUpBtf made;
  CHECK_FALSE(find_features(made.read())[Feature::preemptible_programs]);
  made.structure("class_srcu_fast_notrace_t");  // not the typedef
  CHECK_FALSE(find_features(made.read())[Feature::preemptible_programs]);
  made.type("class_srcu_fast_notrace_t");
  CHECK(find_features(made.read())[Feature::preemptible_programs]);
}

TEST_CASE("features: the tier is the worst of what is missing") {
  CHECK(accuracy_tier(everything(), {}) == Tier::exact);
  CHECK(accuracy_tier(everything(), {.sees_touches = false}) == Tier::without_get_user_pages);
  CHECK(accuracy_tier(everything(), {.all_writes = false}) == Tier::own_strategy);
  for (const FeatureRow& row : feature_rows()) {
    INFO(title_of(row));
    CHECK(accuracy_tier(without(row.id), {}) == row.tier_without);
    CHECK_FALSE(row.without.empty());
    CHECK(row.is_fact != row.with.empty());
  }
  CHECK(accuracy_tier(without(Feature::sys_enter), {.attaches = false}) == Tier::unsupported);
}

// The types of real kernels in test/btf: the features that each lacks, among those that
// a hook needs.
TEST_CASE("features: of the kernels in test/btf", "[features]") {
  const auto of = [](const std::string& kernel) {
    const Result<KernelBtf> btf =
        KernelBtf::load(std::string(ANONVMA_SOURCE_DIR) + "/test/btf/" + kernel + ".btf");
    REQUIRE(btf);
    return find_features(*btf);
  };
  for (const std::string arch : {"x", "a"}) {
    const bool x86 = arch == "x";
    for (const std::string release : {"5.10", "6.1", "6.12", "6.18", "7.x"}) {
      INFO(arch + release);
      const Features f = of(arch + release);
      const bool is_5_10 = release == "5.10", is_6_1 = release == "6.1";
      const bool is_new = release == "6.18" || release == "7.x";
      CHECK(f[Feature::x86_registers] == x86);
      CHECK(f[Feature::arm64_registers] == !x86);
      CHECK(f[Feature::page_fault_user] == x86);
      CHECK(f[Feature::sys_enter]);
      CHECK(f[Feature::preemptible_programs] == (release == "7.x"));
      CHECK(f[Feature::kmem_cache_alloc]);
      CHECK(f[Feature::kmem_cache_alloc_cache] == !is_5_10);
      CHECK(f[Feature::mmap_lock] == !is_5_10);
      CHECK(f[Feature::exit_mmap] == !is_5_10);
      CHECK(f[Feature::task_storage] == !is_5_10);
      CHECK(f[Feature::find_vma] == !is_5_10);
      CHECK(f[Feature::task_vma_walk] == !is_5_10);
      CHECK(f[Feature::maple_tree] == !is_5_10);
      CHECK(f[Feature::mm_lock_seq] == !(is_5_10 || is_6_1));
      CHECK(f[Feature::loop] == !is_5_10);
      CHECK(f[Feature::vma_freed_by_rcu] == (release == "6.12"));
      CHECK(f[Feature::lock_has_path] == (is_6_1 || release == "6.12"));
      CHECK(f[Feature::exit_with_mm] == is_new);
      CHECK(f[Feature::num_children]);
    }
  }
}

TEST_CASE("features: the strategy of each kernel in test/btf, whatever its release", "[features]") {
  std::size_t kernels = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(ANONVMA_SOURCE_DIR) + "/test/btf")) {
    INFO(entry.path());
    const Result<KernelBtf> btf = KernelBtf::load(entry.path());
    REQUIRE(btf);
    Meta meta;
    read_structures(*btf, meta);
    const bool is_7 = entry.path().filename().string().substr(1, 2) == "7.";
    CHECK(own_strategy(meta) == (is_7 ? "linux-7.0" : "num-children"));
    CHECK(find_features(*btf)[Feature::clone_operation] == is_7);
    CHECK((meta.struct_sizes[kAnonVma] == 88 || meta.struct_sizes[kAnonVma] == 96));
    CHECK(meta.struct_sizes[kAnonVmaChain] == 64);
    ++kernels;
  }
  CHECK(kernels >= 12);
}

TEST_CASE("features: what is no type information is one clear error") {
  const Result<KernelBtf> none = KernelBtf::load("/nowhere/vmlinux");
  REQUIRE_FALSE(none);
  CHECK(none.error().code == ErrorCode::not_supported);
}

}  // namespace anonvma::test
