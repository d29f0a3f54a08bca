// SPDX-License-Identifier: Apache-2.0
#include "framework/comm/launched_job.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <thread>

#include <fmt/core.h>

#include "framework/comm/process_info.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

constexpr auto patience = std::chrono::seconds(5);
constexpr auto nap = std::chrono::milliseconds(20);

std::string ending(int status) {
  if (WIFSIGNALED(status)) return fmt::format("signal {} ({})", WTERMSIG(status), ::strsignal(WTERMSIG(status)));
  return fmt::format("exit code {}", WEXITSTATUS(status));
}

/// Processes of the session that still run.
std::vector<pid_t> members(pid_t session) {
  std::vector<pid_t> found;
  DIR* directory = ::opendir("/proc");
  if (directory == nullptr) return found;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string name = entry->d_name;
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const pid_t pid = static_cast<pid_t>(std::stol(name));
    const auto process = find_process(pid);
    if (process && process->session == session && !process->ended()) found.push_back(pid);
  }
  ::closedir(directory);
  return found;
}

[[noreturn]] void run(pid_t parent, char* const* arguments, char* const* environment, int failure) {
  ::setsid();
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) _exit(1);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2}) ::signal(number, SIG_DFL);
  const int nothing = ::open("/dev/null", O_RDWR);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(nothing, STDOUT_FILENO);
  ::execvpe(arguments[0], arguments, environment);
  const int error = errno;
  [[maybe_unused]] const ssize_t told = ::write(failure, &error, sizeof(error));
  _exit(127);
}

}  // namespace

LaunchedJob::LaunchedJob(const std::vector<std::string>& command, const Environment& environment) {
  std::vector<std::string> settings;
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string_view setting(*each);
    bool replaced = false;
    for (const auto& [name, value] : environment) replaced = replaced || setting.starts_with(name + "=");
    if (!replaced) settings.emplace_back(setting);
  }
  for (const auto& [name, value] : environment) settings.push_back(name + "=" + value);
  std::vector<char*> variables, arguments;
  for (std::string& setting : settings) variables.push_back(setting.data());
  std::vector<std::string> words = command;
  for (std::string& word : words) arguments.push_back(word.data());
  variables.push_back(nullptr);
  arguments.push_back(nullptr);

  // Closed by a successful exec; else it says why there was none.
  std::array<int, 2> failure{};
  VALIDATE(::pipe2(failure.data(), O_CLOEXEC) == 0, command[0], ": cannot be started (no pipe)");
  // Whatever loses its parent in the session becomes our child, and is waited for.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) run(parent, arguments.data(), variables.data(), failure[1]);
  int error = pid_ < 0 ? errno : 0;
  ::close(failure[1]);
  if (pid_ > 0 && ::read(failure[0], &error, sizeof(error)) != sizeof(error)) error = 0;
  ::close(failure[0]);
  if (error != 0 && pid_ > 0) ::waitpid(pid_, nullptr, 0);
  VALIDATE(error == 0, command[0], ": cannot be started (", std::generic_category().message(error), ")");
}

LaunchedJob::~LaunchedJob() {
  end();
}

const std::optional<std::string>& LaunchedJob::ended() {
  int status = 0;
  if (!ended_ && ::waitpid(pid_, &status, WNOHANG) == pid_) ended_ = ending(status);
  return ended_;
}

void LaunchedJob::signal(int number) {
  if (!ended()) ::kill(pid_, number);
}

void LaunchedJob::end() {
  signal(SIGTERM);
  const auto start = std::chrono::steady_clock::now();
  while (true) {
    const bool leader_ended = ended().has_value();
    const std::vector<pid_t> left = members(pid_);
    if (leader_ended && left.empty()) break;
    if (std::chrono::steady_clock::now() - start > patience || leader_ended) {
      for (const pid_t pid : left) ::kill(pid, SIGKILL);
    }
    std::this_thread::sleep_for(nap);
    while (leader_ended && ::waitpid(-1, nullptr, WNOHANG | __WALL) > 0) continue;
  }
}

}  // namespace pare::framework
