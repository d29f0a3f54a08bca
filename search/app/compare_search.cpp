// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/compare_search.hpp"

#include <fmt/core.h>

#include "search/app/experiment_argument.hpp"
#include "search/app/verbs.hpp"
#include "search/report/compare_table.hpp"

namespace pare::search {

int compare_search(const Arguments& arguments, framework::ProcessGroup& group) {
  Arguments with_rules = arguments;
  const auto override_rule = [&](const char* key, const std::string& value) {
    if (!value.empty()) with_rules.overrides.push_back(std::string("compare.") + key + "=" + value);
  };
  override_rule("algorithms", arguments.algorithms.empty() ? "" : "[" + arguments.algorithms + "]");
  override_rule("seeds", arguments.seeds.empty() ? "" : "[" + arguments.seeds + "]");
  override_rule("tokens", arguments.tokens);
  const CompareRecord record = compare_search(read_experiment_argument(with_rules), group, arguments.quiet);
  fmt::print("{}", arguments.json ? compare_json(record) : compare_table(record));
  return 0;
}

}  // namespace pare::search
