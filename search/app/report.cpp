// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <filesystem>

#include "kernels/core/contract.hpp"
#include "search/app/verbs.hpp"
#include "search/report/compare_table.hpp"
#include "search/report/recipe_yaml.hpp"
#include "search/report/verdict_json.hpp"
#include "search/report/verdict_table.hpp"
#include "search/store/compare_file.hpp"
#include "search/store/run_file.hpp"

namespace pare::search {

int report(const Arguments& arguments) {
  const bool directory = std::filesystem::is_directory(arguments.file);
  std::filesystem::path file = directory ? arguments.file / "run.h5" : arguments.file;
  if (directory && !std::filesystem::exists(file) && std::filesystem::exists(arguments.file / "compare.h5")) {
    file = arguments.file / "compare.h5";
  }
  if (is_compare_file(file)) {
    VALIDATE(!arguments.print_recipe, file.string(), ": a comparison has no winner, take --json for all its recipes");
    const CompareRecord record = read_compare_file(file);
    fmt::print("{}", arguments.json ? compare_json(record) : compare_table(record));
    return 0;
  }
  const RunRecord record = read_run_file(file);
  if (arguments.print_recipe) {
    VALIDATE(record.verdict, file.string(), ": the search has no winner yet, run it to its end");
    fmt::print("{}", recipe_yaml(record.space, record.verdict->contestants[record.verdict->winner].recipe));
    return 0;
  }
  fmt::print("{}\n", arguments.json ? verdict_json(record) : verdict_table(record));
  return 0;
}

}  // namespace pare::search
