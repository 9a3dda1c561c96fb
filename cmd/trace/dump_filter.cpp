#include "cmd/trace/dump_filter.h"

#include <array>
#include <utility>

namespace anonvma::cmd {
namespace {

std::uint64_t nanoseconds(const std::optional<double>& seconds, std::uint64_t otherwise) {
  return seconds ? static_cast<std::uint64_t>(*seconds * 1e9) : otherwise;
}

}  // namespace

DumpFilter::DumpFilter(const Options& options)
    : from_ns_(nanoseconds(options.from_s, 0)),
      to_ns_(nanoseconds(options.to_s, ~0ull)),
      mms_(options.mms.begin(), options.mms.end()),
      comms_(options.comms.begin(), options.comms.end()) {}

bool DumpFilter::in_window(const Event& event) const {
  return from_ns_ <= event.head.time_ns && event.head.time_ns <= to_ns_;
}

// True for an event that acts on a chosen mm, forks it or leaves it by an exec, and for an event of
// a task with a chosen mm. Lost records may have concerned any mm, and any mm may use a text.
bool DumpFilter::concerns_mm(const Event& event) const {
  if (mms_.empty() || mms_.contains(event.head.mm.v)) return true;
  return std::visit(overloaded{
                        [&](const Fork& e) { return mms_.contains(e.child.v); },
                        [&](const Exec& e) { return mms_.contains(e.old_mm.v); },
                        [&](const Touch& e) { return mms_.contains(e.by.v); },
                        [&](const Snapshot& e) { return mms_.contains(e.by.v); },
                        [](const Lost&) { return true; },
                        [](const Text&) { return true; },
                        [](const auto&) { return false; },
                    },
                    event.body);
}

bool DumpFilter::is_one_of(MmId mm) const {
  const auto known = comm_of_.find(mm.v);
  return known != comm_of_.end() && comms_.contains(known->second);
}

bool DumpFilter::concerns_comm(const Event& event) const {
  if (comms_.empty() || is_one_of(event.head.mm)) return true;
  if (const auto* exec = std::get_if<Exec>(&event.body)) return is_one_of(exec->old_mm);
  return std::holds_alternative<Lost>(event.body) || std::holds_alternative<Text>(event.body);
}

// Keeps the names of mms, which come from a snapshot or from the parent.
void DumpFilter::follow(const Event& event) {
  if (comms_.empty()) return;
  if (const auto* snapshot = std::get_if<Snapshot>(&event.body)) {
    std::array<char, 16> storage{};
    comm_of_[event.head.mm.v] = comm_view({snapshot->comm_lo, snapshot->comm_hi}, storage);
  } else if (const auto* fork = std::get_if<Fork>(&event.body)) {
    if (const auto parent = comm_of_.find(event.head.mm.v); parent != comm_of_.end())
      comm_of_[fork->child.v] = std::string(parent->second);
  }
}

void DumpFilter::add(const Event& event) {
  if (in_window(event) && concerns_mm(event) && concerns_comm(event)) out_.push_back(event);
}

const std::vector<Event>& DumpFilter::pass(const Event& event) {
  out_.clear();
  follow(event);
  if (exec_) add(*std::exchange(exec_, std::nullopt));
  if (comms() && std::holds_alternative<Exec>(event.body)) {
    exec_ = event;
    return out_;
  }
  add(event);
  if (comms() && std::holds_alternative<ExitMmap>(event.body)) comm_of_.erase(event.head.mm.v);
  return out_;
}

const std::vector<Event>& DumpFilter::finish() {
  out_.clear();
  if (exec_) add(*std::exchange(exec_, std::nullopt));
  return out_;
}

}  // namespace anonvma::cmd
