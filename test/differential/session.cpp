#include "test/differential/session.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/strategy/own.h"
#include "engine/strategy/registry.h"
#include "engine/trace/meta.h"
#include "engine/trace/text.h"
#include "engine/vma/kernel_rules.h"
#include "tracers/kernel/machine.h"
#include "tracers/kernel/probe.h"

namespace anonvma::differential {
namespace {

bool is_of_snapshot(const Event& event) {
  return std::holds_alternative<Snapshot>(event.body) || is_snapshot_part(event.body);
}

// The machine as `record` describes it, but read once: a session begins after every difference.
Meta this_machine() {
  static const Meta machine = [] {
    Meta meta = describe_machine();
    meta.truth = true;
    if (const Result<Behaviours> observed = probe_behaviours())
      meta.behaviours.insert(observed->begin(), observed->end());
    fmt::print("rules {}, {} behaviours known\n", rules_for(meta).name, meta.behaviours.size());
    return meta;
  }();
  return machine;
}

}  // namespace

Result<std::unique_ptr<Session>> Session::start(const std::string& target, bool aslr) {
  const Meta meta = this_machine();
  const StrategyInfo* const strategy = find_strategy(own_strategy(meta));
  if (strategy == nullptr)
    return Error{ErrorCode::not_supported, "no strategy is known to be this kernel's own"};
  std::unique_ptr<Session> session(new Session());
  session->spaces_ =
      std::make_unique<AddressSpaces>(rules_for(meta), meta.page_size, *strategy, session->slab_,
                                      Setting{.role = Role::own,
                                              .stack_guard_pages = meta.stack_guard_pages,
                                              .huge_page_bytes = meta.huge_page_bytes});
  session->verifier_ = std::make_unique<Verifier>(meta, session->slab_, *session->spaces_);
  session->driver_ =
      std::make_unique<Driver>(*session->spaces_, session->slab_, session->verifier_.get());
  auto family = Family::start(target, aslr);
  if (!family) return family.error();
  session->family_ = std::move(*family);
  RecorderOptions options;
  options.truth = true;
  options.command_tgid = session->family_->nursery();
  auto recorder = Recorder::open(options);
  if (!recorder) return recorder.error();
  session->recorder_ = std::move(*recorder);
  if (const Status begun = session->recorder_->begin(
          [s = session.get()](const Event& event) { return s->take(event); });
      !begun)
    return begun.error();
  if (const Status released = session->family_->release(); !released) return released.error();
  if (const Status compared = session->compare(true); !compared) return compared.error();
  return session;
}

Status Session::take(const Event& event) {
  driver_->apply(event, counts_.events++);
  events_.push_back(event);
  if (const auto* snapshot = std::get_if<Snapshot>(&event.body)) {
    ++counts_.states;
    counts_.vmas += snapshot->nr_vmas;
  }
  return ok();
}

Status Session::compare(bool with_nursery) {
  if (const Status polled = recorder_->poll(); !polled) return polled;
  for (const std::uint32_t pid : family_->processes())
    if (const Status walked = recorder_->snapshot(pid); !walked) return walked;
  return with_nursery ? recorder_->snapshot(family_->nursery()) : ok();
}

std::vector<MmId> Session::mms() const {
  std::vector<MmId> mms;
  for (const Event& event : events_)
    if (event.head.mm && std::find(mms.begin(), mms.end(), event.head.mm) == mms.end())
      mms.push_back(event.head.mm);
  return mms;
}

std::string Session::describe_events() const {
  std::string text;
  for (const Event& event : events_) {
    const auto* snapshot = std::get_if<Snapshot>(&event.body);
    const bool own =
        snapshot != nullptr && snapshot->reason == static_cast<std::uint64_t>(SnapReason::end);
    if (own || (snapshot == nullptr && is_of_snapshot(event))) continue;
    if (!std::holds_alternative<Truth>(event.body)) text += format_text(event) + "\n";
  }
  return text;
}

std::string Session::describe_kernel() const {
  std::string text;
  for (const MmId mm : mms()) {
    const auto last = std::find_if(events_.rbegin(), events_.rend(), [&](const Event& event) {
      return event.head.mm == mm && std::holds_alternative<Snapshot>(event.body);
    });
    if (last == events_.rend()) continue;
    for (auto event = last.base() - 1; event != events_.end() && is_of_snapshot(*event); ++event) {
      if (event->head.mm != mm) break;
      text += format_text(*event) + "\n";
    }
  }
  return text;
}

std::string Session::describe_model() const {
  std::string text;
  for (const MmId mm : mms()) {
    for (const VmaId id : spaces_->vmas(mm)) {
      const Vma& vma = spaces_->vma(id);
      text += fmt::format("mm={} {:#x}-{:#x} flags {:#x} pgoff {:#x} file {} ops {}{}\n", mm.v,
                          vma.start, vma.end, vma.flags, vma.pgoff, vma.file, vma.ops,
                          spaces_->strategy().faulted(id) ? " faulted" : "");
    }
  }
  return text;
}

Result<Verdict> Session::finish() {
  if (const Status ended = family_->end_program(); !ended) return ended.error();
  if (const Status compared = compare(true); !compared) return compared.error();
  if (const Status finished = recorder_->finish(); !finished) return finished.error();
  return driver_->verdict();
}

}  // namespace anonvma::differential
