// The namespaces of this process, as far as a recording depends on them.
#pragma once

#include <string_view>

namespace anonvma {

// The namespaces that the kernel booted with. A kernel without namespaces has no others.
bool is_initial_user_namespace();
bool is_initial_pid_namespace();

// True if /proc lists the processes of this pid namespace, by their numbers in it. /proc may be
// mounted for another namespace, or not at all.
bool proc_is_local();
// The same, from the text of /proc/self/status.
bool proc_is_local(std::string_view status);

}  // namespace anonvma
