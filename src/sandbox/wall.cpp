// Two parts that do not need each other, so that one holds where a kernel lacks the other:
//
//   seccomp   a list of the system calls that computing, memory and threads need. Every other one
//             fails with EPERM, which libraries take as "not there" and go on without.
//   Landlock  no rule grants anything: no path can be opened, made or removed, no port reached.
//
// What a library would open later must be open before: verify/ and read/ warm theirs up first.
#include "sandbox/wall.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>

#include "base/memory.h"

namespace onnxport::sandbox {
namespace {

Error failed(const char* what) {
  return Error{std::string("the sandbox cannot be put up: ") + what + ": " + std::strerror(errno) +
                   ". --sandbox off runs without it, for files that you trust",
               ""};
}

// Newer than Debian 12's headers; the kernel ignores nothing, so each is used only from its version
// of the interface on.
constexpr uint64_t kTruncate = uint64_t{1} << 14;     // 3
constexpr uint64_t kIoctlDevice = uint64_t{1} << 15;  // 5
constexpr uint64_t kTcp = 3;                          // 4: bind and connect
constexpr uint64_t kScopes = 3;                       // 6: abstract sockets and signals
struct Ruleset {
  uint64_t files = 0;
  uint64_t network = 0;
  uint64_t scopes = 0;
};

int landlock_version() {
  return static_cast<int>(
      syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION));
}

Status restrict_files() {
  const int version = landlock_version();
  Ruleset rules;
  rules.files = (uint64_t{1} << 13) - 1;  // all of the first version
  size_t size = sizeof rules.files;
  if (version >= 2) rules.files |= LANDLOCK_ACCESS_FS_REFER;
  if (version >= 3) rules.files |= kTruncate;
  if (version >= 4) {
    rules.network = kTcp;
    size = 2 * sizeof(uint64_t);
  }
  if (version >= 5) rules.files |= kIoctlDevice;
  if (version >= 6) {
    rules.scopes = kScopes;
    size = 3 * sizeof(uint64_t);
  }
  const auto fd = static_cast<int>(syscall(SYS_landlock_create_ruleset, &rules, size, 0));
  if (fd < 0) return failed("Landlock");
  const bool bound = syscall(SYS_landlock_restrict_self, fd, 0) == 0;
  const int why = errno;
  close(fd);
  errno = why;
  return bound ? Status() : failed("Landlock");
}

// With any arguments. None of them takes a path, and none reaches another process.
constexpr int kAllowed[] = {
    // memory
    SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect),
    SCMP_SYS(madvise), SCMP_SYS(mincore), SCMP_SYS(membarrier), SCMP_SYS(get_mempolicy),
    // what is open
    SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(preadv), SCMP_SYS(write),
    SCMP_SYS(writev), SCMP_SYS(lseek), SCMP_SYS(fstat), SCMP_SYS(close), SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    // threads
    SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(get_robust_list), SCMP_SYS(rseq),
    SCMP_SYS(set_tid_address), SCMP_SYS(gettid), SCMP_SYS(getpid), SCMP_SYS(sched_yield),
    SCMP_SYS(getcpu), SCMP_SYS(sched_getaffinity), SCMP_SYS(exit), SCMP_SYS(exit_group),
    SCMP_SYS(restart_syscall),
    // signals, to itself
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),
    // time and chance
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(times), SCMP_SYS(getrusage),
    SCMP_SYS(getrandom),
    // the machine
    SCMP_SYS(uname), SCMP_SYS(sysinfo), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid),
    SCMP_SYS(getegid)};

// Allowed where one argument is as it must be.
struct Narrow {
  int call;
  scmp_arg_cmp argument;
};

Status restrict_calls() {
  const std::unique_ptr<void, void (*)(scmp_filter_ctx)> filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)),
                                                                seccomp_release);
  if (filter == nullptr) return failed("seccomp");
  const auto own = static_cast<scmp_datum_t>(getpid());
  const Narrow narrow[] = {
      // Threads only. clone3 keeps its flags where a filter cannot see them: it is "not there".
      {SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)},
      {SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_EQ, own)},  // abort()
      {SCMP_SYS(prctl), SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME)},
      {SCMP_SYS(prctl), SCMP_A0(SCMP_CMP_EQ, PR_GET_NAME)},
      {SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_EQ, F_GETFL)},
      {SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_EQ, F_GETFD)},
      // Of this process; what it may set with it is never more than it has.
      {SCMP_SYS(prlimit64), SCMP_A2(SCMP_CMP_EQ, 0)},
  };
  int bad = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_NNP, 1);
  for (const int call : kAllowed) {
    // A call that this architecture lacks has a number below 0: there is nothing to allow.
    if (call >= 0) bad = std::min(bad, seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0));
  }
  for (const Narrow& rule : narrow) {
    bad = std::min(
        bad, seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, rule.call, 1, &rule.argument));
  }
  bad = std::min(bad, seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0));
  if (bad == 0) bad = seccomp_load(filter.get());
  if (bad == 0) return {};
  errno = -bad;
  return failed("seccomp");
}

void limit(__rlimit_resource which, uint64_t most) {
  rlimit now{};
  if (getrlimit(which, &now) != 0) return;
  now.rlim_max = std::min<rlim_t>(now.rlim_max, most);
  now.rlim_cur = std::min(now.rlim_cur, now.rlim_max);
  setrlimit(which, &now);
}

void apply(const Limits& limits) {
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_FSIZE, 0);  // a pipe has no size
  limit(RLIMIT_NOFILE, 64);
  limit(RLIMIT_MSGQUEUE, 0);
#if !defined(__SANITIZE_ADDRESS__)  // whose shadow is memory that is only asked for
  if (limits.memory > 0) limit(RLIMIT_DATA, limits.memory);
#endif
  if (limits.seconds > 0) limit(RLIMIT_CPU, limits.seconds);
}

// 0 to 2 lead nowhere; of the rest only `keep` is left.
Status close_others(std::vector<int> keep) {
  const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nowhere < 0) return failed("/dev/null");
#if defined(__SANITIZE_ADDRESS__)  // whose findings are told there
  constexpr int kLast = 1;
#else
  constexpr int kLast = 2;
#endif
  for (int fd = 0; fd <= kLast; ++fd) {
    if (nowhere != fd) dup2(nowhere, fd);
  }
  std::sort(keep.begin(), keep.end());
  unsigned from = 3;
  for (const int fd : keep) {
    if (fd < 3) continue;
    const auto kept = static_cast<unsigned>(fd);
    if (kept > from) syscall(SYS_close_range, from, kept - 1, 0);
    from = kept + 1;
  }
  if (syscall(SYS_close_range, from, ~0U, 0) != 0) return failed("close_range");
  return {};
}

bool has_seccomp() {
  return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0 &&
         seccomp_api_get() > 0;  // what libseccomp found of the kernel
}

}  // namespace

Policy at_most_more(Policy policy, uint64_t bytes) {
  uint64_t& memory = policy.limits.memory;
  const uint64_t most = taken_memory() + bytes;
  memory = memory > 0 ? std::min(memory, most) : most;
  return policy;
}

Parts available() {
  static const Parts parts{landlock_version() > 0, has_seccomp()};
  return parts;
}

Status raise_wall(const Parts& parts, const Limits& limits, const std::vector<int>& keep) {
  TRY(close_others(keep));
  apply(limits);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed("no_new_privs");
  // Nobody reads its memory through /proc, and no core is written.
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (parts.landlock) TRY(restrict_files());
  if (parts.seccomp) TRY(restrict_calls());
  return {};
}

std::string description(Mode mode) {
  if (mode == Mode::kOff) return "off";
  const Parts have = available();
  if (have.landlock && have.seccomp) return "landlock, seccomp";
  if (have.landlock) return "landlock (this kernel has no seccomp)";
  if (have.seccomp) return "seccomp (this kernel has no landlock)";
  return "none (this kernel has neither landlock nor seccomp)";
}

}  // namespace onnxport::sandbox
