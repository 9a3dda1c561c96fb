#include "cmd/record/slab_watch.h"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

namespace anonvma::cmd {
namespace {

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (bad != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The next word of `rest`; empty at its end.
std::string_view word(std::string_view& rest) {
  const std::size_t begin = std::min(rest.find_first_not_of(" \t"), rest.size());
  rest.remove_prefix(begin);
  const std::string_view found = rest.substr(0, std::min(rest.find_first_of(" \t"), rest.size()));
  rest.remove_prefix(found.size());
  return found;
}

}  // namespace

Result<SlabTrigger> parse_slab_trigger(std::string_view text) {
  const Error wrong{
      ErrorCode::usage,
      fmt::format("'{}' is no trigger: CACHE=+N% or CACHE=N, as anon_vma=+20%", text)};
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) return wrong;
  SlabTrigger trigger;
  trigger.cache = text.substr(0, equals);
  // The name becomes part of a path.
  if (trigger.cache.find('/') != std::string::npos || trigger.cache.front() == '.') return wrong;
  std::string_view amount = text.substr(equals + 1);
  const bool relative = amount.starts_with('+') && amount.ends_with('%') && amount.size() > 2;
  if (relative) amount = amount.substr(1, amount.size() - 2);
  const std::optional<std::uint64_t> value = number(amount);
  if (!value || *value == 0 || *value > 1'000'000'000'000) return wrong;
  if (relative && *value > 100'000) return wrong;
  (relative ? trigger.percent : trigger.objs) = *value;
  return trigger;
}

std::optional<std::uint64_t> active_objs(std::string_view slabinfo, std::string_view cache) {
  while (!slabinfo.empty()) {
    const std::size_t end = std::min(slabinfo.find('\n'), slabinfo.size());
    std::string_view line = slabinfo.substr(0, end);
    slabinfo.remove_prefix(std::min(end + 1, slabinfo.size()));
    if (word(line) == cache) return number(word(line));
  }
  return std::nullopt;
}

std::uint64_t SlabWatch::Watched::threshold() const {
  if (trigger.percent == 0) return trigger.objs;
  return baseline + (baseline * trigger.percent + 99) / 100;
}

// slabinfo lists each cache once. The folder has a link for every name, but the kernel has to count
// whole lists for it, so it is read only if slabinfo does not list the name.
std::optional<std::uint64_t> SlabWatch::read(const std::string& name) const {
  if (const auto listed = active_objs(read_file(sources_.slabinfo), name)) return listed;
  const std::string text = read_file(sources_.folder + "/" + name + "/objects");
  return number(std::string_view(text).substr(0, text.find_first_not_of("0123456789")));
}

Result<SlabWatch::Watched> SlabWatch::find(const SlabTrigger& trigger) const {
  namespace fs = std::filesystem;
  Watched watched{trigger, trigger.cache, 0, false};
  const std::string slabinfo = read_file(sources_.slabinfo);
  if (!slabinfo.empty() && !active_objs(slabinfo, trigger.cache)) {
    // The cache was merged with others: slabinfo lists one of the names of the same folder.
    std::error_code error;
    const fs::path own = fs::canonical(fs::path(sources_.folder) / trigger.cache, error);
    if (!error)
      for (const auto& entry : fs::directory_iterator(sources_.folder, error)) {
        const std::string name = entry.path().filename();
        std::error_code unread;
        if (active_objs(slabinfo, name) && fs::canonical(entry.path(), unread) == own)
          watched.name = name;
      }
  }
  const std::optional<std::uint64_t> value = read(watched.name);
  if (value) {
    watched.baseline = *value;
    return watched;
  }
  std::error_code error;
  const bool exists = fs::exists(fs::path(sources_.folder) / trigger.cache, error);
  if (exists || (slabinfo.empty() && !fs::exists(sources_.folder, error)))
    return Error{ErrorCode::no_privilege,
                 fmt::format("cannot read the objects of slab cache {}: only root may read {}",
                             trigger.cache, sources_.slabinfo)};
  return Error{ErrorCode::usage, fmt::format("this kernel has no slab cache {}: see {}",
                                             trigger.cache, sources_.slabinfo)};
}

Result<SlabWatch> SlabWatch::open(const std::vector<SlabTrigger>& triggers, Sources sources) {
  SlabWatch watch(std::move(sources));
  for (const SlabTrigger& trigger : triggers) {
    Result<Watched> watched = watch.find(trigger);
    if (!watched) return watched.error();
    watched->above = watched->baseline >= watched->threshold();
    watch.watched_.push_back(std::move(*watched));
  }
  return watch;
}

std::optional<std::string> SlabWatch::look() {
  std::optional<std::string> passed;
  for (Watched& watched : watched_) {
    const std::optional<std::uint64_t> now = read(watched.name);
    if (!now) continue;
    const bool before = std::exchange(watched.above, *now >= watched.threshold());
    if (before || !watched.above || passed) continue;
    const SlabTrigger& trigger = watched.trigger;
    passed =
        fmt::format("{}={}: {} objects{}", trigger.cache,
                    trigger.percent != 0 ? fmt::format("+{}%", trigger.percent)
                                         : fmt::format("{}", trigger.objs),
                    *now, trigger.percent != 0 ? fmt::format(" after {}", watched.baseline) : "");
  }
  return passed;
}

void SlabWatch::rebase() {
  for (Watched& watched : watched_)
    if (const std::optional<std::uint64_t> now = read(watched.name)) {
      watched.baseline = *now;
      watched.above = *now >= watched.threshold();
    }
}

std::vector<std::string> SlabWatch::describe() const {
  std::vector<std::string> lines;
  for (const Watched& watched : watched_)
    lines.push_back(
        fmt::format("{}: {} objects now, writes at {}{}", watched.trigger.cache, watched.baseline,
                    watched.threshold(),
                    watched.name == watched.trigger.cache
                        ? ""
                        : fmt::format(" (merged with other caches, listed as {})", watched.name)));
  return lines;
}

}  // namespace anonvma::cmd
