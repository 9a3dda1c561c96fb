// Runs the program under test and reads the recorded trace.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "engine/replay/result.h"
#include "engine/trace/event.h"
#include "engine/trace/meta.h"

namespace anonvma::test {

struct Outcome {
  int status = -1;     // exit status
  std::string errors;  // stderr
};
// Starts `command` with stderr in a file beside `name`; finish() waits for it.
pid_t start(const std::vector<std::string>& command, const std::string& errors_path);
Outcome finish(pid_t pid, const std::string& errors_path);
// Waits until the recorder `pid` records into `trace`: it writes the header when all programs are
// attached and all live processes are read. False if the recorder has ended before.
bool records(pid_t pid, const std::string& trace);
Outcome run(const std::vector<std::string>& command);

// A folder of its own for one test, removed with everything in it.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  std::string path(const std::string& name) const { return folder_ + "/" + name; }

 private:
  std::string folder_;
};

struct Recording {
  Meta meta;
  EndInfo end;
  std::vector<Event> events;
  ReplayResult model;  // replayed under num-children
};
Recording read_recording(const std::string& path);

}  // namespace anonvma::test
