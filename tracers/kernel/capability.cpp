#include "tracers/kernel/capability.h"

#include <linux/capability.h>

#include <algorithm>
#include <cstdint>
#include <fstream>

namespace anonvma {
namespace {

std::string first_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

}  // namespace

std::vector<std::string> missing_capabilities() {
  std::uint64_t effective = 0;
  std::ifstream status("/proc/self/status");
  for (std::string key; status >> key;)
    if (key == "CapEff:") status >> std::hex >> effective;
  const auto has = [&](int capability) { return (effective >> capability & 1) != 0; };
  std::vector<std::string> missing;
  if (has(CAP_SYS_ADMIN)) return missing;
  if (!has(CAP_BPF)) missing.emplace_back("CAP_BPF");
  if (!has(CAP_PERFMON)) missing.emplace_back("CAP_PERFMON");
  return missing;
}

bool is_locked_down() {
  return is_locked_down(first_line("/sys/kernel/security/lockdown"), first_line("/proc/cmdline"));
}

bool is_locked_down(std::string_view lockdown, std::string_view command_line) {
  // The file decides: root may have tightened the lockdown since the boot.
  if (!lockdown.empty()) return lockdown.find("[confidentiality]") != std::string_view::npos;
  constexpr std::string_view kWord = "lockdown=";
  bool locked = false;
  while (!command_line.empty()) {
    const std::string_view word = command_line.substr(0, command_line.find_first_of(" \n"));
    if (word.substr(0, kWord.size()) == kWord)
      locked = word.substr(kWord.size()) == "confidentiality";
    command_line.remove_prefix(std::min(word.size() + 1, command_line.size()));
  }
  return locked;
}

}  // namespace anonvma
