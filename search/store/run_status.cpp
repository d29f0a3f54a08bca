// SPDX-License-Identifier: Apache-2.0
#include "search/store/run_status.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <exception>
#include <fstream>

#include "framework/comm/process_info.hpp"
#include "framework/io/atomic_file.hpp"
#include "framework/io/json.hpp"
#include "kernels/core/contract.hpp"

namespace pare::search {
namespace {

constexpr std::array names = {"STARTING", "READY", "RUNNING", "COMPLETE", "DRAINED", "STALLED", "FAILED"};
constexpr auto write_interval = std::chrono::seconds(1);

std::string program_of(const std::string& process) {
  std::ifstream file("/proc/" + process + "/comm");
  std::string name;
  std::getline(file, name);
  return name;
}

/// A process that was killed but not waited for yet is still there, as a zombie.
bool is_running(const RunStatus& status) {
  const auto process = framework::find_process(status.pid);
  return process && !process->ended();
}

}  // namespace

std::string name_of(RunState state) {
  return names.at(static_cast<std::size_t>(state));
}

bool is_final(RunState state) {
  return state >= RunState::complete;
}

RunStatus status_of_this_process() {
  RunStatus status;
  status.host = framework::host_name();
  status.pid = getpid();
  return status;
}

bool is_at_work(const RunStatus& status) {
  // A number may have passed to a stranger since, so the program has to be ours, too.
  return !is_final(status.state) && status.host == framework::host_name() && status.pid != getpid() &&
         is_running(status) && program_of(std::to_string(status.pid)) == program_of("self");
}

bool writer_is_dead(const RunStatus& status) {
  return status.host == framework::host_name() && !is_running(status);
}

std::filesystem::path status_file(const std::filesystem::path& output) {
  return output / "status.json";
}

void write_run_status(const std::filesystem::path& file, const RunStatus& status) {
  const framework::Json json{{"state", name_of(status.state)},
                             {"launch", status.launch},
                             {"host", status.host},
                             {"pid", status.pid},
                             {"journal_sequence", status.sequence},
                             {"progress", status.progress},
                             {"trials", status.trials},
                             {"tokens", status.tokens},
                             {"exit_code", status.exit_code},
                             {"error", status.error}};
  framework::replace_file(file, json.dump(2, ' ', false, framework::Json::error_handler_t::replace) + "\n");
}

std::optional<RunStatus> read_run_status(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) return std::nullopt;
  const framework::Json json = framework::parse_json_file(file);
  try {
    const auto state = std::find(names.begin(), names.end(), json.at("state").get<std::string>());
    VALIDATE(state != names.end(), file.string(), ": no such state: ", json.at("state").dump());
    return RunStatus{.state = static_cast<RunState>(state - names.begin()),
                     .launch = json.at("launch"),
                     .host = json.at("host"),
                     .pid = json.at("pid"),
                     .sequence = json.at("journal_sequence"),
                     .progress = json.at("progress"),
                     .trials = json.at("trials"),
                     .tokens = json.at("tokens"),
                     .exit_code = json.at("exit_code"),
                     .error = json.at("error")};
  } catch (const framework::Json::exception& error) {
    throw InputError(file.string() + ": not the status of a run (" + error.what() + ")");
  }
}

StatusKeeper::StatusKeeper(std::filesystem::path file) : file_(std::move(file)) {
  const char* launch = std::getenv("PARE_LAUNCH");
  status_ = status_of_this_process();
  status_.launch = launch != nullptr ? launch : "";
}

void StatusKeeper::enter(RunState state) {
  status_.state = state;
  write();
}

void StatusKeeper::end(RunState state, int exit_code, const std::string& error) {
  status_.exit_code = exit_code;
  status_.error = error;
  status_.state = state;
  write();
}

void StatusKeeper::advance(std::uint64_t tasks) {
  status_.progress += tasks;
  changed_ = changed_ || tasks > 0;
  if (changed_ && status_.state == RunState::ready) status_.state = RunState::running;
  if (changed_ && std::chrono::steady_clock::now() - written_ >= write_interval) write();
}

void StatusKeeper::record(std::uint64_t sequence, std::int64_t trials, std::int64_t tokens) {
  const bool first_new = records_ == 1 && tokens > status_.tokens;
  if (records_ == 0 || first_new) ++records_;
  changed_ = changed_ || sequence != status_.sequence || trials != status_.trials;
  status_.sequence = sequence;
  status_.trials = trials;
  status_.tokens = tokens;
  if (first_new) write();
}

void StatusKeeper::write() {
  changed_ = false;
  written_ = std::chrono::steady_clock::now();
  try {
    const auto found = read_run_status(file_);
    const bool same_launch = found && !status_.launch.empty() && found->launch == status_.launch;
    if (found && !same_launch && is_at_work(*found)) return;
    write_run_status(file_, status_);
  } catch (const std::exception&) {
    // The journal decides whether a run can go on; the supervisor restarts what it cannot see.
  }
}

}  // namespace pare::search
