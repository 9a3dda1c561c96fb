#include "tracers/load/read_walk.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "tracers/kernel/fd.h"

namespace anonvma {

Result<std::vector<std::byte>> read_walk(int program_fd, std::uint32_t tgid,
                                         const std::function<void()>& behind_task) {
  union bpf_iter_link_info info = {};
  info.task.pid = tgid;
  LIBBPF_OPTS(bpf_link_create_opts, options);
  if (tgid != 0) {
    options.iter_info = &info;
    options.iter_info_len = sizeof info;
  }
  const Fd link{bpf_link_create(program_fd, 0, BPF_TRACE_ITER, &options)};
  if (link.get() < 0)
    return Error{ErrorCode::io, fmt::format("cannot walk tgid {}: {}", tgid, strerror(errno))};
  const Fd iterator{bpf_iter_create(link.get())};
  if (iterator.get() < 0)
    return Error{ErrorCode::io, fmt::format("cannot walk: {}", strerror(errno))};

  std::vector<std::byte> bytes;
  std::array<std::byte, 65536> buffer;
  for (;;) {
    const ssize_t got = read(iterator.get(), buffer.data(), behind_task ? 1 : buffer.size());
    if (behind_task) behind_task();
    if (got == 0) return bytes;
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return Error{ErrorCode::io, fmt::format("cannot walk: {}", strerror(errno))};
    bytes.insert(bytes.end(), buffer.begin(), buffer.begin() + got);
  }
}

}  // namespace anonvma
