// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <cstdio>
#include <filesystem>
#include <utility>

#include "kernels/core/contract.hpp"
#include "search/app/verbs.hpp"
#include "search/report/chosen_recipe.hpp"
#include "search/report/compare_table.hpp"
#include "search/report/recipe_yaml.hpp"
#include "search/report/verdict_json.hpp"
#include "search/report/verdict_table.hpp"
#include "search/store/compare_file.hpp"
#include "search/store/run_directory.hpp"

namespace pare::search {
namespace {

/// A run file, or what the directory of a run knows.
RunRecord read_run(const std::filesystem::path& path) {
  FoundRun found = open_run(path);
  if (!found.warning.empty()) fmt::print(stderr, "pare: warning: {}\n", found.warning);
  return std::move(found.record);
}

}  // namespace

int report(const Arguments& arguments) {
  std::filesystem::path file = arguments.file;
  if (std::filesystem::is_directory(file) && !std::filesystem::exists(run_file_path(file)) &&
      std::filesystem::exists(file / "compare.h5")) {
    file /= "compare.h5";
  }
  if (!std::filesystem::is_directory(file) && is_compare_file(file)) {
    VALIDATE(!arguments.print_recipe, file.string(), ": a comparison has no winner, take --json for all its recipes");
    const CompareRecord record = read_compare_file(file);
    fmt::print("{}", arguments.json ? compare_json(record) : compare_table(record));
    return 0;
  }
  const RunRecord record = read_run(arguments.file);
  if (arguments.print_recipe) {
    VALIDATE(record.verdict, arguments.file.string(), ": the search has no winner yet, run it to its end");
    fmt::print("{}", recipe_yaml(record.space, chosen_recipe(record, arguments.budget)));
    return 0;
  }
  fmt::print("{}\n", arguments.json ? verdict_json(record) : verdict_table(record));
  return 0;
}

}  // namespace pare::search
