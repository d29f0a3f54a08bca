// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "framework/io/system_error.hpp"
#include "kernels/core/contract.hpp"
#include "search/algorithm/feasibility.hpp"
#include "search/app/experiment_argument.hpp"
#include "search/app/verbs.hpp"
#include "search/experiment/make_directory.hpp"
#include "search/experiment/plan.hpp"

namespace pare::search {
namespace {

namespace fs = std::filesystem;

/// What would end the job at once ends here, for every budget of the array.
void check_budgets(const Arguments& arguments, const Plan& plan) {
  std::set<std::string> seen;
  for (const std::string& bits : arguments.job.budgets) {
    VALIDATE(seen.insert(bits).second, "--array-budgets: ", bits, " is listed twice");
    std::vector<std::string> overrides = arguments.overrides;
    overrides.push_back("budget.bits_per_weight=" + bits);
    for (const BudgetRules& rules : read_experiment(arguments.file, overrides).budgets) {
      with_fitting_recipe(plan.space, resolve_budget(plan.space, rules));
    }
  }
}

BatchJob complete(const Arguments& arguments, const Experiment& experiment) {
  BatchJob job = arguments.job;
  job.command = fs::read_symlink("/proc/self/exe");
  job.directory = fs::current_path();
  job.experiment = fs::absolute(arguments.file).lexically_normal();
  job.output = fs::absolute(experiment.output).lexically_normal();
  if (!job.output.has_filename()) job.output = job.output.parent_path();
  job.overrides = arguments.overrides;
  if (job.tasks_per_node == 0) job.tasks_per_node = job.gpus_per_node > 0 ? job.gpus_per_node : 1;
  return job;
}

/// sbatch reads the script from its standard input and prints the number of the job.
void queue(const std::string& script) {
  std::signal(SIGPIPE, SIG_IGN);  // an sbatch that ends early is told by its exit code
  std::FILE* sbatch = ::popen("sbatch", "w");
  VALIDATE(sbatch != nullptr, "sbatch cannot be started (", framework::system_reason(errno), ")");
  std::fwrite(script.data(), 1, script.size(), sbatch);
  const int status = ::pclose(sbatch);
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  VALIDATE(code != 127,
           "sbatch is not on this machine, submit from a login node of the cluster (--dry-run prints the "
           "script)");
  VALIDATE(code == 0, "sbatch did not take the job, its reason is above");
}

}  // namespace

int submit(const Arguments& arguments) {
  const Experiment experiment = read_experiment_argument(arguments);
  const BatchJob job = complete(arguments, experiment);
  const std::string script = batch_script(job);
  const std::int64_t ranks = std::int64_t{job.nodes} * job.tasks_per_node;
  VALIDATE(ranks % experiment.containment.ranks_per_worker == 0,
           "cluster.ranks_per_worker: ", experiment.containment.ranks_per_worker,
           " ranks make a worker, but the job would have ", ranks,
           ": choose --nodes and the ranks of a node so that they make whole workers");
  check_budgets(arguments, Plan(experiment));
  fmt::print("{}", script);
  std::fflush(stdout);
  if (arguments.dry_run) return 0;
  // SLURM opens the log before the job has begun, and does not make its directory.
  make_directory(job.budgets.empty() ? job.output : job.output.parent_path(), "output");
  queue(script);
  return 0;
}

}  // namespace pare::search
