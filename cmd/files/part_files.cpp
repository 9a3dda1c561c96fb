#include "cmd/files/part_files.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string_view>

namespace anonvma::cmd {

std::string part_name(const std::string& output, std::uint64_t number, const std::string& stamp) {
  constexpr std::string_view kSuffix = ".trace";
  std::string_view base = output;
  if (base.size() > kSuffix.size() && base.ends_with(kSuffix) &&
      base[base.size() - kSuffix.size() - 1] != '/')
    base.remove_suffix(kSuffix.size());
  return fmt::format("{}{}{}.{:04}{}", base, stamp.empty() ? "" : ".", stamp, number, kSuffix);
}

Result<OutputFile> PartFiles::create(std::uint64_t number, const std::string& stamp) {
  const std::string path =
      options_.numbered ? part_name(options_.output, number, stamp) : options_.output;
  Result<OutputFile> file = OutputFile::create(path, options_.force);
  struct stat info {};
  if (file && options_.keep > 0 && lstat(path.c_str(), &info) == 0)
    made_.push_back({path, info.st_dev, info.st_ino});
  return file;
}

void PartFiles::prune() {
  for (; options_.keep > 0 && made_.size() > options_.keep; made_.pop_front()) {
    const Made& oldest = made_.front();
    struct stat info {};
    if (lstat(oldest.path.c_str(), &info) != 0 || info.st_dev != oldest.device ||
        info.st_ino != oldest.inode)
      continue;
    if (unlink(oldest.path.c_str()) == 0) ++removed_;
  }
}

}  // namespace anonvma::cmd
