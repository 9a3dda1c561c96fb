// The differences between kernels in the VMA layer, as data. One value is chosen once per replay;
// nothing else compares versions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"
#include "engine/trace/abi.h"

namespace anonvma {

struct Meta;

// When the VMA layer takes the lock of an anon_vma (of its root, from 2.6.36 on) to change the
// range of a vma: in vma_adjust() up to 6.2, in vma_expand() from 6.1 and vma_prepare() from 6.3
// on. "Shifts": a vma takes over pages of another one, in part or whole.
enum class LayerLock : std::uint8_t {
  linking,    // 2.6.32: as `inserting`; links and unlinks of the change are under the same lock
  none,       // 2.6.34 and 2.6.35
  inserting,  // 2.6.36: a vma is inserted, pages shift or the start moves
  shifting,   // 3.0: pages shift or the start moves
  always,     // 3.7
};

// Every bool is a rule of rules.def, which has its meaning and its releases.
struct KernelRules {
  // "6.18.8": the first release that has these rules. "6.18.8+probe(self_merge=0)": with the
  // differences that a probe has found.
  std::string name;
  // vm_flags that may differ between vmas that merge, and that the merged vma keeps ("sticky").
  std::uint64_t sticky = 0;
  std::uint64_t sealed = kVmSealed63;  // VM_SEALED
  std::uint64_t mte = kVmMte32;        // VM_MTE of arm64; VM_MTE_ALLOWED is the next bit
  LayerLock layer_lock = LayerLock::linking;
#define RULE(name, ...) bool name = false;
#define RULE_BY_FUNCTION(name, ...) bool name = false;
#define RULE_UNPROBED(name, ...) bool name = false;
#include "engine/vma/rules.def"

  // A note for tables about rules that were taken from 5.10, because no older source was read. It
  // is empty from 5.10 on.
  std::string assumed;

  // Bit 27 is ignored in all eras. It is VM_SOFTDIRTY in every trace, and the older kernels either
  // did not have that (it was VM_CAN_NONLINEAR up to 3.6, a property of the file, which must be
  // equal anyway) or ignored it. The releases between (3.11 to 3.13) held such vmas apart; none of
  // these sets is for them.
  std::uint64_t ignored_by_merge() const { return kVmSoftDirty | sticky; }
  std::uint64_t ignored_by_sharing() const { return kVmAccess | kVmSoftDirty | sticky; }
};

// The rules of a kernel by its whole release ("6.18.44-cloud-amd64"): the newest set that is not
// newer, or the oldest. A text that is no release gets the set of the oldest kernel that can
// record.
KernelRules rules_for_release(std::string_view release);
// The same for the kernel that recorded a trace: results of the recorder's probes override the
// rules of its release.
KernelRules rules_for(const Meta& meta);
// The probed rules that differ from those of the release: "remap_many=1,self_merge=0", mostly none.
std::string unlike_release(const Meta& meta);
// Sets the rule of this name, if it has a probe. False if no such rule exists, or if it has this
// value already.
bool override_rule(KernelRules& rules, std::string_view behaviour, bool value);
// Every set, oldest first: one for each release at which an interval of rules.def begins or ends.
const std::vector<KernelRules>& known_rules();
// By name; nullptr if there is none. A branch such as "6.18", which has several sets, means the
// newest.
const KernelRules* find_rules(std::string_view name);
// The same for a name from the command line: a usage error lists the known names.
Result<KernelRules> rules_named(std::string_view name);

}  // namespace anonvma
