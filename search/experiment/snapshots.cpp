// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/snapshots.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "kernels/core/contract.hpp"

namespace pare::search {
namespace {

constexpr auto longest_interval = std::chrono::seconds(60);
constexpr auto shortest_interval = std::chrono::seconds(5);
constexpr std::uint64_t records_between = 256;

/// The environment without what makes a process a rank of our MPI job.
std::vector<char*> environment_of_no_rank() {
  constexpr std::array<std::string_view, 5> of_a_rank = {"OMPI_", "PMIX_", "PMI_", "ORTE_", "SLURM_STEP_"};
  std::vector<char*> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    bool keep = true;
    for (const std::string_view prefix : of_a_rank) keep = keep && !text.starts_with(prefix);
    if (keep) variables.push_back(*variable);
  }
  variables.push_back(nullptr);
  return variables;
}

std::string last_line_of(int descriptor) {
  std::array<char, 4096> text{};
  const ssize_t count = ::pread(descriptor, text.data(), text.size(), 0);
  std::string line(text.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
  while (!line.empty() && line.back() == '\n') line.pop_back();
  const std::size_t start = line.rfind('\n');
  return start == std::string::npos ? line : line.substr(start + 1);
}

}  // namespace

Snapshots::Snapshots(std::filesystem::path output, std::function<void(const std::string&)> say)
    : output_(std::move(output)), say_(std::move(say)), errors_(::memfd_create("pare-snapshot", MFD_CLOEXEC)) {}

Snapshots::~Snapshots() {
  cancel();
  if (errors_ >= 0) ::close(errors_);
}

void Snapshots::cancel() {
  if (child_ == 0) return;
  ::kill(child_, SIGKILL);
  ::waitpid(child_, nullptr, 0);
  child_ = 0;
}

void Snapshots::take_if_due(std::uint64_t journal_sequence) {
  collect();
  const auto passed = Clock::now() - started_;
  const std::uint64_t records = journal_sequence - sequence_;
  const bool due =
      passed >= shortest_interval && (records >= records_between || (passed >= longest_interval && records > 0));
  if (child_ != 0 || !due) return;
  started_ = Clock::now();
  sequence_ = journal_sequence;
  start();
}

void Snapshots::start() {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  if (errors_ >= 0) {
    if (::ftruncate(errors_, 0) == 0) ::lseek(errors_, 0, SEEK_SET);
    ::posix_spawn_file_actions_adddup2(&actions, errors_, STDERR_FILENO);
  }
  std::string directory = output_.string();
  std::array<std::string, 3> words = {"pare", "journal", "export"};
  const std::array<char*, 5> arguments = {words[0].data(), words[1].data(), words[2].data(), directory.data(), nullptr};
  std::vector<char*> environment = environment_of_no_rank();
  const int error = ::posix_spawn(&child_, "/proc/self/exe", &actions, nullptr, arguments.data(), environment.data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (error == 0) return;
  child_ = 0;
  say_(pare::detail::concatenate("warning: no snapshot of run.h5, its process cannot be started (",
                                 std::strerror(error), "); the search goes on"));
}

void Snapshots::collect() {
  if (child_ == 0) return;
  int status = 0;
  const pid_t ended = ::waitpid(child_, &status, WNOHANG);
  if (ended == 0) return;
  child_ = 0;
  if (ended < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) return;
  say_(pare::detail::concatenate(
      "warning: a snapshot of run.h5 failed (",
      WIFSIGNALED(status) ? pare::detail::concatenate("signal ", WTERMSIG(status)) : last_line_of(errors_),
      "); the search goes on, and the journal has everything"));
}

}  // namespace pare::search
