#include "tracers/kernel/namespaces.h"

#include <sys/stat.h>

#include <fstream>
#include <iterator>
#include <string>

namespace anonvma {
namespace {

// PROC_USER_INIT_INO and PROC_PID_INIT_INO of include/linux/proc_ns.h.
constexpr ino_t kInitialUser = 0xEFFFFFFD, kInitialPid = 0xEFFFFFFC;

bool is_namespace(const char* path, ino_t inode) {
  struct stat status {};
  return stat(path, &status) != 0 || status.st_ino == inode;
}

}  // namespace

bool is_initial_user_namespace() { return is_namespace("/proc/self/ns/user", kInitialUser); }
bool is_initial_pid_namespace() { return is_namespace("/proc/self/ns/pid", kInitialPid); }

bool proc_is_local() {
  std::ifstream file("/proc/self/status");
  return proc_is_local(std::string(std::istreambuf_iterator<char>(file), {}));
}

// NSpid has a number for each namespace from the one that /proc is mounted for down to the
// process's own. If /proc is that of a namespace without this process, there is no /proc/self.
bool proc_is_local(std::string_view status) {
  constexpr std::string_view kKey = "\nNSpid:";
  const auto at = status.find(kKey);
  if (at == std::string_view::npos) return !status.empty();  // a kernel without pid namespaces
  std::string_view line = status.substr(at + kKey.size());
  line = line.substr(0, line.find('\n'));
  const auto begin = line.find_first_not_of(" \t");
  return begin != std::string_view::npos &&
         line.find_first_of(" \t", begin) == std::string_view::npos;
}

}  // namespace anonvma
