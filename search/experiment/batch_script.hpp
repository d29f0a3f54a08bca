// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace pare::search {

/// What a SLURM batch script asks for and runs. Texts may come from anybody: batch_script() checks them.
struct BatchJob {
  std::filesystem::path command;     ///< absolute path of pare
  std::filesystem::path experiment;  ///< absolute path
  std::filesystem::path directory;   ///< where relative paths of the experiment begin; absolute
  std::filesystem::path output;      ///< directory of the run; absolute
  std::vector<std::string> overrides;
  /// Bits a weight, one array task each; its run goes to budget_output(). Empty: one run.
  std::vector<std::string> budgets;

  int nodes = 1;           ///< 1 to 100,000
  int tasks_per_node = 0;  ///< ranks, 1 to 1,024; left 0, pare submit takes 1, or one a GPU
  int cpus_per_task = 0;   ///< up to 4,096; 0: whole nodes, whose cores the ranks share
  int gpus_per_node = 0;   ///< up to 64
  std::string time;        ///< as SLURM writes it, 30 or 12:00:00 or 2-0; empty: the partition's own limit
  std::string partition;   ///< names with commas between them; empty: the default one
  std::string account;     ///< empty: the user's own
};

/// The directory of an array task: OUTPUT-BITS, beside the others, so that they share the cache.
std::filesystem::path budget_output(const std::filesystem::path& output, const std::string& bits);

/// The script, a function of the job alone. Values in #SBATCH lines hold nothing but what a fixed set of characters
/// allows; all others are single-quoted words of bash, whatever they hold but control characters, which are refused.
/// The script drains the search 4 minutes before the time limit, queues itself again when work is left (exit codes
/// 75 and 76), and ends with the exit code of the search. Throws InputError naming the option.
std::string batch_script(const BatchJob& job);

}  // namespace pare::search
