// Compares the numbers that the BPF programs write with the engine's: events carry them unchanged.
#include "engine/slab/cache.h"
#include "engine/trace/abi.h"
#include "engine/trace/event.h"
#include "tracers/records.h"

namespace anonvma {
namespace {

template <class Engine>
constexpr bool is(long long record, Engine engine) {
  return record == static_cast<long long>(engine);
}

static_assert(is(ANONVMA_OPS_ANONYMOUS, kOpsAnonymous));
static_assert(is(ANONVMA_OPS_CLOSE, kOpsClose));
static_assert(is(ANONVMA_OPS_UNREAD, kOpsUnread));
static_assert(is(ANONVMA_OPS_READONLY_FILE, kOpsReadonlyFile));
static_assert(is(ANONVMA_OPS_NO_EXEC, kOpsNoExec));
static_assert(is(ANONVMA_OPS_HOLE, kOpsHole));
static_assert(is(ANONVMA_OPS_PLACES, kOpsPlaces));
static_assert(is(ANONVMA_OPS_SHARED, kOpsShared));

static_assert(is(ANONVMA_FAULT_WRITE, kFaultWrite));
static_assert(is(ANONVMA_FAULT_USER, kFaultUser));
static_assert(is(ANONVMA_FAULT_SHARED, kFaultShared));

static_assert(is(ANONVMA_REASON_UNKNOWN_WRITE, SnapReason::unknown_write));
static_assert(is(ANONVMA_REASON_EXIT, SnapReason::exit));

static_assert(is(ANONVMA_SITE_OTHER, TruthSite::other));
static_assert(is(ANONVMA_SITE_VMA_ALLOC, TruthSite::vma_alloc));
static_assert(is(ANONVMA_SITE_VMA_DUP, TruthSite::vma_dup));
static_assert(is(ANONVMA_SITE_PREPARE, TruthSite::prepare));
static_assert(is(ANONVMA_SITE_CLONE, TruthSite::clone));
static_assert(is(ANONVMA_SITE_FORK, TruthSite::fork));
static_assert(is(ANONVMA_SITE_UNLINK, TruthSite::unlink));
static_assert(is(ANONVMA_SITE_VMA_FREE, TruthSite::vma_free));
static_assert(is(ANONVMA_SITE_VMA_FREE_RCU, TruthSite::vma_free_rcu));
// The sites from here on never leave the BPF programs.
static_assert(ANONVMA_SITE_PUT == ANONVMA_SITE_VMA_FREE_RCU + 1);
static_assert(ANONVMA_SITE_ANON_VMA_ALLOC == ANONVMA_SITE_PUT + 1);

static_assert(is(ANONVMA_CACHE_VMA, kVmAreaStruct));
static_assert(is(ANONVMA_CACHE_AVC, kAnonVmaChain));
static_assert(is(ANONVMA_CACHE_ANON_VMA, kAnonVma));

static_assert(is(ANONVMA_PROT_READ_IMPLIES_EXEC, kProtReadImpliesExec));
static_assert(is(ANONVMA_PROT_EXECUTE_ONLY_KEY, kProtExecuteOnlyKey));
static_assert(is(ANONVMA_PROT_ARM64, kProtArm64));
static_assert(is(ANONVMA_PROT_MTE_MACHINE, kProtMteMachine));

static_assert(is(ANONVMA_COMPAT, UnknownWrite::kCompatCall));

}  // namespace
}  // namespace anonvma
