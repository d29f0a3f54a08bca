// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "search/app/experiment_argument.hpp"
#include "search/app/verbs.hpp"
#include "search/experiment/crew.hpp"
#include "search/experiment/run.hpp"
#include "search/report/verdict_json.hpp"
#include "search/report/verdict_table.hpp"

namespace pare::search {

int search(const Arguments& arguments, framework::ProcessGroup& group) {
  const RunRecord record = run_search(read_experiment_argument(arguments), group, verbosity_of(arguments));
  fmt::print("{}\n", arguments.json ? verdict_json(record) : verdict_table(record));
  return 0;
}

}  // namespace pare::search
