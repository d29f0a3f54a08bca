// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <cstdio>
#include <filesystem>
#include <utility>
#include <vector>

#include "kernels/core/contract.hpp"
#include "search/app/verbs.hpp"
#include "search/report/run_comparison.hpp"
#include "search/store/compare_file.hpp"
#include "search/store/run_directory.hpp"

namespace pare::search {

int compare(const Arguments& arguments) {
  std::vector<NamedRun> runs;
  for (const std::filesystem::path& path : arguments.runs) {
    VALIDATE(std::filesystem::is_directory(path) || !is_compare_file(path), path.string(),
             ": is a comparison of searches, show it with pare report");
    FoundRun found = open_run(path);
    if (!found.warning.empty()) fmt::print(stderr, "pare: warning: {}\n", found.warning);
    runs.push_back({path.string(), std::move(found.record)});
  }
  const RunComparison comparison = compare_runs(std::move(runs));
  fmt::print("{}", arguments.json ? run_comparison_json(comparison) : run_comparison_text(comparison));
  return 0;
}

}  // namespace pare::search
