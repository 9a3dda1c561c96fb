#include "test/differential/family.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <fstream>
#include <new>
#include <set>
#include <system_error>
#include <utility>

namespace anonvma::differential {
namespace {

constexpr int kPatienceSeconds = 10;

Error failed(const std::string& what) {
  return {ErrorCode::io, what + ": " + std::generic_category().message(errno)};
}

// Waits until `word` is no longer `value`, or for a second.
void wait_while(std::atomic<std::uint32_t>& word, std::uint32_t value) {
  const timespec second{1, 0};
  if (word == value) syscall(SYS_futex, &word, FUTEX_WAIT, value, &second, nullptr, 0);
}
void wake(std::atomic<std::uint32_t>& word) {
  syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

bool ends_userfaultfd(Op op) {
  return op == Op::uffd_open || op == Op::uffd_close || op == Op::exec || op == Op::exit;
}

}  // namespace

Family::Family(std::string target, bool aslr, Files files)
    : target_(std::move(target)), aslr_(aslr), files_(std::move(files)) {}

Result<std::unique_ptr<Family>> Family::start(const std::string& target, bool aslr) {
  Result<Files> files = Files::open();
  if (!files) return files.error();
  std::unique_ptr<Family> family(new Family(target, aslr, std::move(*files)));
  void* mapped = mmap(nullptr, sizeof(Mailbox), PROT_READ | PROT_WRITE, MAP_SHARED,
                      family->files_.mailbox(), 0);
  if (mapped == MAP_FAILED) return failed("cannot map the mailbox");
  family->mailbox_ = new (mapped) Mailbox();
  if (target.size() >= sizeof(Mailbox::path)) return Error{ErrorCode::usage, "path too long"};
  std::memcpy(family->mailbox_->path, target.c_str(), target.size() + 1);
  if (const Status forked = family->fork_nursery(); !forked) return forked.error();
  return family;
}

Family::~Family() {
  kill_all();
  if (go_ >= 0) close(go_);
  if (mailbox_ != nullptr) munmap(mailbox_, sizeof(Mailbox));
}

Status Family::fork_nursery() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return failed("cannot make a pipe");
  const pid_t pid = fork();
  if (pid == 0) become_nursery(ends[0]);
  close(ends[0]);
  go_ = ends[1];
  if (pid < 0) return failed("cannot fork");
  pids_[kNursery] = pid;
  return ok();
}

void Family::become_nursery(int go) const {
  char byte = 0;
  if (read(go, &byte, 1) != 1) _exit(126);
  files_.place();
  if (!aslr_) personality(ADDR_NO_RANDOMIZE);
  // The target inherits nothing of the driver: its descriptors are closed at exec.
  const std::string name = std::to_string(kNursery);
  execl(target_.c_str(), target_.c_str(), name.c_str(), nullptr);
  _exit(126);
}

Status Family::release() {
  slot(kNursery).ready = 0;
  if (write(go_, "g", 1) != 1) return failed("cannot start the nursery");
  return wait_for_birth(kNursery);
}

std::vector<std::uint32_t> Family::processes() const {
  std::set<std::uint32_t> pids;
  for (unsigned actor = 0; actor < kFamily; ++actor)
    if (alive(actor)) pids.insert(static_cast<std::uint32_t>(pids_[actor]));
  return {pids.begin(), pids.end()};
}

unsigned Family::threads_of(pid_t process) const {
  return static_cast<unsigned>(std::count(pids_.begin(), pids_.end(), process));
}

bool Family::possible(const Operation& operation) const {
  if (!alive(operation.actor) || mailbox_->slots[operation.actor].count >= kBurst) return false;
  const auto other = static_cast<unsigned>(operation.args[0]);
  const unsigned threads = threads_of(pids_[operation.actor]);
  switch (operation.op) {
    case Op::fork:
    case Op::spawn:
    case Op::thread:
      return !alive(other);
    case Op::remote_write:
      return alive(other);
    case Op::exec:
      return threads == 1;
    // An inherited userfaultfd acts upon the parent. Recordings do not tell the owner of objects
    // that the kernel allocates there.
    case Op::uffd_register:
    case Op::uffd_unregister:
      return own_uffd_[operation.actor];
    case Op::leave:  // the first thread stays, as its end is not visible
      return threads > 1 && mailbox_->slots[operation.actor].tid != pids_[operation.actor];
    case Op::sync:
      return false;
    default:
      return true;
  }
}

bool Family::issue(const Operation& operation, std::size_t index) {
  if (!possible(operation)) return false;
  if (operation.op == Op::poke) {
    poke(operation, index);
    return true;
  }
  if (operation.op == Op::limit) {
    limit(operation, index);
    return true;
  }
  if (ends_userfaultfd(operation.op)) listeners_.erase(pids_[operation.actor]);
  const Command next = command(operation);
  Slot& self = slot(operation.actor);
  if (next.act == Act::fork || next.act == Act::spawn || next.act == Act::thread)
    slot(next.child).ready = 0;
  if (next.act == Act::exec) self.ready = 0;
  issued_.push_back({index, operation, operation.actor, self.count});
  self.queue[self.count++] = next;
  return true;
}

// A byte of the actor's memory, written by a process that is not recorded.
void Family::poke(const Operation& operation, std::size_t index) {
  const pid_t pid = pids_[operation.actor];
  const int fd = open(fmt::format("/proc/{}/mem", pid).c_str(), O_RDWR | O_CLOEXEC);
  const auto where = static_cast<off_t>(place_of(operation.actor, operation.args[0]));
  const bool done = fd >= 0 && pwrite(fd, "p", 1, where) == 1;
  outcomes_.push_back({index, done ? 0 : -errno});
  if (fd >= 0) close(fd);
}

// Sets a limit of the actor's process to so many pages more than it has now.
void Family::limit(const Operation& operation, std::size_t index) {
  const pid_t pid = pids_[operation.actor];
  std::ifstream statm(fmt::format("/proc/{}/statm", pid));
  std::uint64_t total = 0, resident = 0, shared = 0, text = 0, library = 0, data = 0;
  statm >> total >> resident >> shared >> text >> library >> data;
  const auto resource = static_cast<__rlimit_resource>(operation.args[0]);
  const std::uint64_t pages =
      (resource == RLIMIT_AS ? total : data) + static_cast<std::uint64_t>(operation.args[1]);
  const rlimit to{pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)), RLIM_INFINITY};
  outcomes_.push_back({index, prlimit(pid, resource, &to, nullptr) == 0 ? 0 : -errno});
}

Result<std::vector<Family::Outcome>> Family::sync() {
  if (const Status given = give_turns(); !given) return given.error();
  for (const Issued& issued : std::exchange(issued_, {})) {
    const std::int64_t result = slot(issued.actor).queue[issued.place].result;
    outcomes_.push_back({issued.index, result});
    if (const Status settled = settle(issued, result); !settled) return settled.error();
  }
  for (Slot& slot : mailbox_->slots) slot.count = 0;
  for (const auto& [process, listener] : listeners_) listener->settle();
  return std::exchange(outcomes_, {});
}

// Starts every actor with commands, and waits until each is done or gone.
Status Family::give_turns() {
  std::vector<unsigned> busy;
  for (unsigned actor = 0; actor < kActors; ++actor)
    if (slot(actor).count > 0) busy.push_back(actor);
  for (const unsigned actor : busy) ++slot(actor).go;
  for (const unsigned actor : busy) wake(slot(actor).go);
  for (const unsigned actor : busy) {
    const Op last = std::find_if(issued_.rbegin(), issued_.rend(), [&](const Issued& i) {
                      return i.actor == actor;
                    })->operation.op;
    if (last == Op::exit || last == Op::exec || last == Op::leave) continue;  // see settle()
    if (const Status waited = wait_for_turn(actor); !waited) return waited;
  }
  return ok();
}

Status Family::wait_for_turn(unsigned actor) {
  Slot& self = slot(actor);
  for (int seconds = 0; seconds < kPatienceSeconds; ++seconds) {
    for (std::uint32_t done = self.done; done != self.go; done = self.done) {
      wait_while(self.done, done);
      if (self.done == done) break;
    }
    if (self.done == self.go || died(actor)) return ok();
  }
  return Error{ErrorCode::io, fmt::format("actor {} does not come back", actor)};
}

Status Family::wait_for_birth(unsigned actor) {
  for (int seconds = 0; seconds < kPatienceSeconds && slot(actor).ready == 0; ++seconds) {
    wait_while(slot(actor).ready, 0);
    if (slot(actor).ready == 0 && pids_[actor] != 0 && died(actor)) return ok();
  }
  if (slot(actor).ready == 0)
    return Error{ErrorCode::io, fmt::format("actor {} is not born", actor)};
  pids_[actor] = slot(actor).tgid;
  return ok();
}

Status Family::wait_for_end(unsigned actor) {
  const pid_t process = pids_[actor];
  int status = 0;
  if (waitpid(process, &status, 0) != process) return failed("cannot wait");
  forget(process);
  return ok();
}

// Updates the family after an operation.
Status Family::settle(const Issued& issued, std::int64_t result) {
  const auto child = static_cast<unsigned>(issued.operation.args[0]);
  switch (issued.operation.op) {
    case Op::fork:
    case Op::thread:
      slot(child).heap = slot(issued.actor).heap;
      slot(child).stack = slot(issued.actor).stack;
      slot(child).aio = 0;
      own_uffd_[child] = issued.operation.op == Op::thread && own_uffd_[issued.actor];
      return result > 0 ? wait_for_birth(child) : ok();
    case Op::spawn:
      if (result <= 0) return ok();
      pids_[child] = static_cast<pid_t>(result);
      own_uffd_[child] = false;
      return wait_for_birth(child);
    case Op::uffd_open:
      own_uffd_[issued.actor] |= result == 0;
      if (result == 0 && issued.operation.args[0] != 0) return listen(issued.actor);
      return ok();
    case Op::vfork:
      if (result > 0) waitpid(static_cast<pid_t>(result), nullptr, 0);
      return ok();
    case Op::exec:
      own_uffd_[issued.actor] = false;
      return wait_for_birth(issued.actor);
    case Op::exit:
      return alive(issued.actor) ? wait_for_end(issued.actor) : ok();
    case Op::leave: {
      const std::string task =
          fmt::format("/proc/{}/task/{}", pids_[issued.actor], slot(issued.actor).tid);
      for (int i = 0; access(task.c_str(), F_OK) == 0 && i < 10000; ++i) usleep(100);
      pids_[issued.actor] = 0;
      return ok();
    }
    default:
      return ok();
  }
}

Status Family::listen(unsigned actor) {
  const pid_t process = pids_[actor];
  std::unique_ptr<Listener> listener = Listener::of(process, kUserfaultFd);
  if (!listener) return failed("cannot take a userfaultfd");
  listeners_[process] = std::move(listener);
  return ok();
}

// True if the process has ended without a command to do so.
bool Family::died(unsigned actor) {
  const pid_t process = pids_[actor];
  if (process == 0) return true;
  int status = 0;
  if (waitpid(process, &status, WNOHANG) != process) return false;
  forget(process);
  ++deaths_;
  return true;
}

void Family::forget(pid_t process) {
  listeners_.erase(process);
  std::replace(pids_.begin(), pids_.end(), process, 0);
}

Status Family::end_program() {
  for (unsigned actor = 0; actor < kFamily; ++actor) {
    if (!alive(actor)) continue;
    issue({Op::exit, actor, {}}, 0);
    if (const auto ended = sync(); !ended) return ended.error();
  }
  return ok();
}

void Family::kill_all() {
  for (const pid_t process : std::set<pid_t>(pids_.begin(), pids_.end())) {
    if (process <= 0) continue;
    kill(process, SIGKILL);
    waitpid(process, nullptr, 0);
  }
}

}  // namespace anonvma::differential
