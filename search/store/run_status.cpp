// SPDX-License-Identifier: Apache-2.0
#include "search/store/run_status.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <fstream>

#include "framework/io/json.hpp"
#include "framework/io/system_error.hpp"
#include "kernels/core/contract.hpp"

namespace pare::search {
namespace {

constexpr std::array names = {"STARTING", "READY", "RUNNING", "COMPLETE", "DRAINED", "STALLED", "FAILED"};
constexpr auto write_interval = std::chrono::seconds(1);

std::string host_name() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

/// The status of a process of this host that is alive and still at it.
bool belongs_to_another(const RunStatus& status, const RunStatus& own) {
  const bool at_work = status.state < RunState::complete;
  const bool same_launch = !own.launch.empty() && status.launch == own.launch;
  return at_work && !same_launch && status.host == own.host && status.pid != own.pid && status.pid > 0 &&
         kill(static_cast<pid_t>(status.pid), 0) == 0;
}

}  // namespace

std::string name_of(RunState state) {
  return names.at(static_cast<std::size_t>(state));
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
                             {"exit_code", status.exit_code},
                             {"error", status.error}};
  // One temporary name, and no fsync: the status is worth nothing after a power loss, and kills leave no litter.
  const std::filesystem::path temporary = file.parent_path() / ("." + file.filename().string() + ".tmp");
  std::ofstream out(temporary, std::ios::binary);
  out << json.dump(2, ' ', false, framework::Json::error_handler_t::replace) << "\n";
  out.close();
  VALIDATE(!out.fail(), file.string(), ": cannot be written (", framework::system_reason(errno), ")");
  std::filesystem::rename(temporary, file);
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
                     .exit_code = json.at("exit_code"),
                     .error = json.at("error")};
  } catch (const framework::Json::exception& error) {
    throw InputError(file.string() + ": not the status of a run (" + error.what() + ")");
  }
}

StatusKeeper::StatusKeeper(std::filesystem::path file) : file_(std::move(file)) {
  const char* launch = std::getenv("PARE_LAUNCH");
  status_.launch = launch != nullptr ? launch : "";
  status_.host = host_name();
  status_.pid = getpid();
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

void StatusKeeper::record(std::uint64_t sequence, std::int64_t trials) {
  status_.sequence = sequence;
  status_.trials = trials;
  changed_ = true;
}

void StatusKeeper::write() {
  changed_ = false;
  written_ = std::chrono::steady_clock::now();
  try {
    const auto found = read_run_status(file_);
    if (found && belongs_to_another(*found, status_)) return;
    write_run_status(file_, status_);
  } catch (const std::exception&) {
    // The journal decides whether a run can go on; the supervisor restarts what it cannot see.
  }
}

}  // namespace pare::search
