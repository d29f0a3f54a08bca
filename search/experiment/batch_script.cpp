// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/batch_script.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <regex>
#include <string_view>

#include "framework/config/utf8.hpp"
#include "kernels/core/contract.hpp"

namespace pare::search {
namespace {

namespace fs = std::filesystem;

// Longest path of Linux; keeps the regular expressions from long texts, too.
constexpr std::size_t longest_value = 4096;

/// From here on every batch file of scripts/slurm is the same as this one; tests compare them.
constexpr const char* body = R"bash(
# ---- What follows is the same in every batch file of pare. ----
cd "$directory" || exit 73
echo "pare: job $SLURM_JOB_ID, start $((${SLURM_RESTART_COUNT:-0} + 1)), on $SLURM_JOB_NODELIST, $(date -Is)"

# Without --cpus-per-task the ranks of a node share all of its cores.
cpus=${SLURM_CPUS_PER_TASK:-0}
((cpus == 0)) || arguments+=(--set "threads=$cpus")

# One rank a GPU; without GPUs as many ranks a node as --ntasks-per-node says. Rank 0 coordinates beside evaluating: it
# needs no slot of its own, and it is on the first node, as this script is. `pare run` starts the ranks with mpirun, and
# starts them again, in seconds, when one fails. Where there is no mpirun, srun starts them, and this job starts again.
if command -v mpirun >/dev/null; then
  launch=("$pare" run "$experiment" "${arguments[@]}" -n "$SLURM_NTASKS" -- --bind-to none)
else
  launch=(srun --mpi=pmix --kill-on-bad-exit=1)
  if ((cpus == 0)); then launch+=(--cpu-bind=none); else launch+=(--cpus-per-task="$cpus" --cpu-bind=cores); fi
  launch+=("$pare" search "$experiment" "${arguments[@]}")
fi
"${launch[@]}" &
child=$!

# SLURM sends USR2 before the time limit, TERM at a preemption, a requeue or a cancel. No result is ever lost: each is
# in the journal before the search uses it. USR2 only saves the evaluations that are under way.
ended=no
trap 'kill -USR2 "$child" 2>/dev/null' USR2
trap 'ended=yes; kill -TERM "$child" 2>/dev/null' TERM
# A trapped signal interrupts wait; when the child has ended, wait tells its exit code however often it is asked.
while kill -0 "$child" 2>/dev/null; do wait "$child"; done
wait "$child"
code=$?

echo "pare: ended with $code, $(date -Is)"
# 75: try again, 76: drained. After TERM it is for SLURM to decide: a preempted job starts again, a canceled one does not.
# More than 100 starts are a fault that no further start will mend.
if [[ $ended == no ]] && ((code == 75 || code == 76)) && ((${SLURM_RESTART_COUNT:-0} < 100)); then
  scontrol requeue "${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_}${SLURM_ARRAY_TASK_ID:-$SLURM_JOB_ID}"
fi
exit "$code"
)bash";

/// A text that may stand in a script at all.
void check_text(const char* option, const std::string& value) {
  VALIDATE(value.size() <= longest_value, option, ": ", value.size(), " bytes, at most ", longest_value,
           " are allowed");
  VALIDATE(!framework::first_invalid_utf8(value), option, ": '", framework::printable(value), "' is not UTF-8");
  const bool control = std::any_of(value.begin(), value.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  VALIDATE(!control, option, ": '", framework::printable(value), "' holds a line break or another control character");
}

/// A value of an #SBATCH line.
void check_value(const char* option, const std::string& value, const char* pattern, const char* expectation) {
  check_text(option, value);
  VALIDATE(std::regex_match(value, std::regex(pattern)), option, ": '", framework::printable(value), "' is not ",
           expectation);
}

void check_range(const char* option, int value, int min, int max) {
  VALIDATE(value >= min && value <= max, option, ": ", value, " is not between ", min, " and ", max);
}

void check(const BatchJob& job) {
  check_range("--nodes", job.nodes, 1, 100'000);
  check_range("--tasks-per-node", job.tasks_per_node, 1, 1024);
  check_range("--cpus-per-task", job.cpus_per_task, 0, 4096);
  check_range("--gpus-per-node", job.gpus_per_node, 0, 64);
  if (!job.time.empty()) {
    check_value("--time", job.time, "([0-9]{1,3}-)?[0-9]{1,5}(:[0-9]{1,2}){0,2}",
                "a time of SLURM: minutes, hours:minutes:seconds, or days-hours:minutes:seconds");
  }
  if (!job.partition.empty()) {
    check_value("--partition", job.partition, "[A-Za-z0-9][A-Za-z0-9_.,-]{0,127}",
                "names of letters, digits, '_', '.' and '-' with commas between them");
  }
  if (!job.account.empty()) {
    check_value("--account", job.account, "[A-Za-z0-9][A-Za-z0-9_.-]{0,127}",
                "a name of letters, digits, '_', '.' and '-'");
  }
  check_value("output", job.output.string(), "/[A-Za-z0-9 _./+=:@,~-]*",
              "a path that may stand in an #SBATCH line: letters, digits, blanks and _./+=:@,~-");
  check_text("pare", job.command.string());
  check_text("experiment", job.experiment.string());
  check_text("working directory", job.directory.string());
  for (const std::string& override : job.overrides) check_text("--set", override);
  for (const std::string& bits : job.budgets) {
    check_value("--array-budgets", bits, "[0-9]{1,2}(\\.[0-9]{1,6})?", "a number of bits a weight, such as 3.5");
  }
}

/// One word of bash, literally.
std::string quoted(const std::string& text) {
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? "'\\''" : std::string(1, c);
  return word + "'";
}

/// Letters and digits of the experiment's name.
std::string job_name(const fs::path& experiment) {
  std::string name = "pare-" + experiment.stem().string().substr(0, 60);
  for (char& c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.';
    if (!plain) c = '-';
  }
  return name;
}

/// Where the script and the ranks print: beside the run's own files.
std::string log_file(const BatchJob& job) {
  return job.budgets.empty() ? (job.output / "slurm-%j.out").string() : job.output.string() + "-slurm-%A_%a.out";
}

std::string requests(const BatchJob& job) {
  std::string text;
  const auto line = [&](std::string_view option, const auto& value) {
    text += fmt::format("#SBATCH --{}={}\n", option, value);
  };
  line("job-name", job_name(job.experiment));
  line("nodes", job.nodes);
  line("ntasks-per-node", job.tasks_per_node);
  if (job.cpus_per_task > 0) line("cpus-per-task", job.cpus_per_task);
  if (job.cpus_per_task == 0) text += "#SBATCH --exclusive\n";
  if (job.gpus_per_node > 0) line("gpus-per-node", job.gpus_per_node);
  if (!job.time.empty()) line("time", job.time);
  if (!job.partition.empty()) line("partition", job.partition);
  if (!job.account.empty()) line("account", job.account);
  if (!job.budgets.empty()) line("array", fmt::format("0-{}", job.budgets.size() - 1));
  line("output", "'" + log_file(job) + "'");
  text += "#SBATCH --open-mode=append --requeue --signal=B:USR2@240\n";
  return text;
}

}  // namespace

fs::path budget_output(const fs::path& output, const std::string& bits) {
  return output.string() + "-" + bits;
}

std::string batch_script(const BatchJob& job) {
  check(job);
  std::string text = "#!/bin/bash\n" + requests(job) + "\n";
  text += "pare=" + quoted(job.command.string()) + "\n";
  text += "experiment=" + quoted(job.experiment.string()) + "\n";
  text += "directory=" + quoted(job.directory.string()) + "\n";
  text += "arguments=(";
  for (const std::string& override : job.overrides) text += "--set " + quoted(override) + " ";
  if (job.budgets.empty()) {
    text += "--output " + quoted(job.output.string()) + ")\n";
  } else {
    std::vector<std::string> words;
    for (const std::string& bits : job.budgets) words.push_back(quoted(bits));
    text += fmt::format(")\nbudgets=({})\n", fmt::join(words, " "));
    text += "bits=${budgets[SLURM_ARRAY_TASK_ID]}\n";
    text += "arguments+=(--set \"budget.bits_per_weight=$bits\" --output " + quoted(job.output.string() + "-") +
            "\"$bits\")\n";
  }
  return text + body;
}

}  // namespace pare::search
