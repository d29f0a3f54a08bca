// SPDX-License-Identifier: Apache-2.0
#include "search/report/run_overview.hpp"

#include <algorithm>
#include <cmath>
#include <system_error>

#include "kernels/core/contract.hpp"
#include "search/store/owner.hpp"
#include "search/store/run_directory.hpp"
#include "search/store/run_file.hpp"
#include "search/store/run_status.hpp"

namespace pare::search {
namespace {

namespace fs = std::filesystem;

bool is_failed(const Trial& trial) {
  return std::any_of(trial.kl.begin(), trial.kl.end(), [](double kl) { return !std::isfinite(kl); });
}

/// Only ever yes for a process of this host that is not there: others cannot be seen from here.
bool is_gone(const RunStatus& status, const std::optional<Owner>& owner) {
  if (owner && owner->host == status.host && owner->pid == status.pid)
    return presence_of(*owner, this_process()) == Presence::gone;
  return writer_is_dead(status);
}

void read_state(RunOverview& overview) {
  const auto status = read_run_status(status_file(overview.directory));
  const auto owner = parse_owner(owner_text(journal_path(overview.directory)));
  overview.state = overview.verdict ? name_of(RunState::complete) : "UNKNOWN";
  if (!status) return;
  overview.state = !is_final(status->state) && is_gone(*status, owner) ? "KILLED" : name_of(status->state);
  overview.error = status->error;
  const bool same = owner && owner->host == status->host && owner->pid == status->pid;
  overview.process = same ? describe(*owner) : "pid " + std::to_string(status->pid) + " on host " + status->host;
}

void read_trials(RunOverview& overview) {
  const auto found = find_run(overview.directory);
  if (!found) return;
  const RunRecord& record = found->record;
  overview.warning = found->warning;
  overview.algorithm = record.algorithm;
  overview.trials = std::ssize(record.trials);
  overview.failed_trials = std::count_if(record.trials.begin(), record.trials.end(), is_failed);
  overview.objective = record.objective;
  overview.verdict = record.verdict;
  if (overview.progress) overview.best = best_so_far(record, overview.progress->budget_bytes);
}

}  // namespace

std::optional<BestSoFar> best_so_far(const RunRecord& record, const Budget& budget) {
  BestTracker tracker(record.space, record.objective, record.search_windows);
  for (const Trial& trial : record.trials) tracker.add(trial);
  return tracker.best(budget);
}

RunOverview read_overview(const fs::path& directory) {
  VALIDATE(fs::is_directory(directory), directory.string(), ": is not a directory, give the output of a search");
  RunOverview overview;
  overview.directory = directory;
  overview.progress = read_progress_file(progress_file(directory));
  read_trials(overview);
  read_state(overview);
  std::error_code unknown;
  if (fs::exists(run_file_path(directory), unknown))
    overview.snapshot_trials = std::ssize(read_run_file(run_file_path(directory)).trials);
  VALIDATE(overview.state != "UNKNOWN" || overview.trials > 0 || overview.progress, directory.string(),
           ": holds no run (neither status.json nor a journal nor run.h5), give the output of a search");
  return overview;
}

}  // namespace pare::search
