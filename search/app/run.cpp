// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <filesystem>

#include "framework/comm/exit_code.hpp"
#include "kernels/core/contract.hpp"
#include "search/app/experiment_argument.hpp"
#include "search/app/verbs.hpp"
#include "search/experiment/supervisor.hpp"
#include "search/report/verdict_json.hpp"
#include "search/report/verdict_table.hpp"
#include "search/store/run_file.hpp"

namespace pare::search {

int run(const Arguments& arguments, framework::ProcessGroup& group) {
  VALIDATE(group.size() == 1,
           "`pare run` starts mpirun itself, run it without one (or use `pare search` under mpirun)");
  const Experiment experiment = read_experiment_argument(arguments);
  Launch launch{.program = std::filesystem::read_symlink("/proc/self/exe").string(),
                .arguments = {arguments.file.string()},
                .ranks = arguments.ranks,
                .mpirun = arguments.mpirun};
  for (const std::string& each : arguments.overrides) launch.arguments.insert(launch.arguments.end(), {"--set", each});
  if (!arguments.output.empty()) launch.arguments.insert(launch.arguments.end(), {"--output", arguments.output});
  if (arguments.quiet) launch.arguments.emplace_back("--quiet");
  if (arguments.verbose) launch.arguments.emplace_back("--verbose");
  const int code = supervise(experiment, launch);
  if (code != framework::exit_code::complete) return code;
  const RunRecord record = read_run_file(experiment.output / "run.h5");
  fmt::print("{}\n", arguments.json ? verdict_json(record) : verdict_table(record));
  return code;
}

}  // namespace pare::search
