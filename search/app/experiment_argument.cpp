// SPDX-License-Identifier: Apache-2.0
#include "search/app/experiment_argument.hpp"

namespace pare::search {

Experiment read_experiment_argument(const Arguments& arguments) {
  std::vector<std::string> overrides = arguments.overrides;
  if (!arguments.output.empty()) overrides.push_back("output=" + arguments.output);
  return read_experiment(arguments.file, overrides);
}

Verbosity verbosity_of(const Arguments& arguments) {
  if (arguments.quiet) return Verbosity::quiet;
  return arguments.verbose ? Verbosity::verbose : Verbosity::normal;
}

}  // namespace pare::search
