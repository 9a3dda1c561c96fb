// Runs the iterator that walks the kernel's lists.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "engine/result.h"

namespace anonvma {

// The bytes that the iterator writes for the whole system (tgid 0) or for one process, in the form
// that parse_walk() reads. With `behind_task` the iterator is read byte by byte, and the function
// is called after each read.
Result<std::vector<std::byte>> read_walk(int program_fd, std::uint32_t tgid,
                                         const std::function<void()>& behind_task = {});

}  // namespace anonvma
