// The subcommands. main.cpp parses the command line into these; each run_ function is one file and
// returns the process's exit status.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/report/render.h"
#include "engine/result.h"

namespace anonvma::cmd {

// The contract of the README; the first that applies.
enum ExitStatus : int {
  kOk = 0,
  kFinding = 1,
  kUsage = 2,
  kEventsLost = 3,
  kBadTrace = 65,
  kNotSupported = 69,
  kIoError = 74,
  kNoPrivilege = 77,
  kInterrupted = 130,
};
int exit_status(ErrorCode code);
// "anonvma: <message>" on stderr, with the offset when there is one; returns exit_status(code).
int fail(const Error& error);

struct RecordOptions {
  std::string output;     // empty: anonvma-<date>.trace in the current directory
  bool force = false;     // overwrite
  double duration_s = 0;  // 0: until a signal, or the command's end
  std::vector<int> pids;
  bool truth = false;
  std::string faults = "write";
  std::uint64_t ring_mib = 0;  // 0: what fits the machine
  bool quiet = false;
  std::vector<std::string> command;
  // Several files; 0: one.
  std::uint64_t rotate_bytes = 0, rotate_ns = 0;
  std::size_t keep = 0;         // 0: all
  std::uint64_t max_bytes = 0;  // of all files
  // A flight recorder; 0: none.
  std::uint64_t flight_ns = 0;
  std::uint64_t flight_bytes = 256u << 20;
  std::vector<std::string> slab_triggers;
  bool trigger_once = false;
  bool flight_at_end = false;
};
int run_record(const RecordOptions& options);

struct DoctorOptions {
  bool json = false;
};
int run_doctor(const DoctorOptions& options);

struct InfoOptions {
  std::string file;
  bool full = false;  // read every chunk
  bool json = false;
};
int run_info(const InfoOptions& options);

struct CheckCommandOptions {
  std::vector<std::string> files;
  std::uint64_t most = 10;  // findings of a kind to print
  bool json = false;
};
int run_check(const CheckCommandOptions& options);

struct RepairOptions {
  std::string file, output;
  bool force = false;
  bool json = false;
};
int run_repair(const RepairOptions& options);

struct DumpOptions {
  std::string file;
  bool json = false;
  std::optional<double> from_s, to_s;
  std::vector<std::uint32_t> mms;
  std::vector<std::string> comms;
};
int run_dump(const DumpOptions& options);

struct CutOptions {
  std::string file;
  std::string output;
  bool force = false;                  // overwrite
  std::optional<double> from_s, to_s;  // none: the start, the end
};
int run_cut(const CutOptions& options);

struct AnonymizeOptions {
  std::string file;
  std::string output;
  bool force = false;              // overwrite
  std::optional<std::string> key;  // none, and no file: a random one
  std::string key_file;
};
int run_anonymize(const AnonymizeOptions& options);

// What `compare` and `replay` share.
struct TableOptions {
  ReportOptions report;
  std::string rules;  // empty: the recording kernel's
  bool era_accurate = false;
  std::vector<std::string> objsizes;  // CACHE=BYTES
  bool slub = false;                  // model the slabs that SLUB would hold
  bool check_reach = false;
  std::optional<double> at_s;
  unsigned threads = 0;
  bool no_limits = false;  // of what a trace may ask for
  std::string command;     // the command line, for the footer
};

struct CompareOptions {
  std::vector<std::string> files;
  std::string strategies = "default";  // comma-separated names and groups
  std::string baseline;                // empty: the recording kernel's own
  TableOptions table;
};
int run_compare(const CompareOptions& options);

struct ReplayCommandOptions {
  std::string file;
  std::string strategy;
  TableOptions table;
};
int run_replay(const ReplayCommandOptions& options);

struct VerifyOptions {
  std::string file;
  bool no_limits = false;
  bool json = false;
};
int run_verify(const VerifyOptions& options);

struct VectorsOptions {
  std::vector<std::string> files;
  bool json = false;
};
int run_vectors(const VectorsOptions& options);

struct StrategiesOptions {
  std::string name;
  bool json = false;
};
int run_strategies(const StrategiesOptions& options);

}  // namespace anonvma::cmd
