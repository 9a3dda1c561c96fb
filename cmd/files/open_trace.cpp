#include "cmd/files/open_trace.h"

#include "cmd/messages.h"

namespace anonvma::cmd {

Result<OpenTrace> open_trace(const std::string& path, ReadTimes times) {
  Result<MappedFile> file = MappedFile::open_live(path, times);
  if (!file) return file.error();
  PipeCopy* const pipe = file->pipe();
  Result<TraceReader> reader =
      pipe == nullptr ? TraceReader::open(file->bytes())
                      : TraceReader::open_live([pipe](std::uint64_t from, std::uint64_t wanted) {
                          return pipe->more(from, wanted);
                        });
  if (!reader) {
    const Error& error = reader.error();
    return error.code == ErrorCode::bad_trace ? in_file(shown_path(path), error) : error;
  }
  const std::uint64_t total = pipe == nullptr ? file->bytes().size() : 0;
  return OpenTrace{std::move(*file), std::move(*reader), total};
}

}  // namespace anonvma::cmd
