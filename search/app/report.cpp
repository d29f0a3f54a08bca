// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>

#include "framework/io/atomic_file.hpp"
#include "kernels/core/contract.hpp"
#include "search/app/verbs.hpp"
#include "search/report/chosen_recipe.hpp"
#include "search/report/compare_table.hpp"
#include "search/report/html_page.hpp"
#include "search/report/markdown_report.hpp"
#include "search/report/recipe_yaml.hpp"
#include "search/report/run_overview.hpp"
#include "search/report/trials_csv.hpp"
#include "search/report/verdict_json.hpp"
#include "search/report/verdict_table.hpp"
#include "search/store/compare_file.hpp"
#include "search/store/run_directory.hpp"

namespace pare::search {
namespace {

namespace fs = std::filesystem;

/// To the file, whole or not at all, or to standard output for "-".
void deliver(const fs::path& file, const std::string& text) {
  if (file == "-") {
    fmt::print("{}", text);
    return;
  }
  framework::write_file_atomically(file, text);
  fmt::print(stderr, "{}: written, {:.0f} kB\n", file.string(), static_cast<double>(text.size()) / 1000);
}

void write_files(const RunRecord& record, const Arguments& arguments) {
  std::optional<RunOverview> overview;
  if (!record.verdict && fs::is_directory(arguments.file)) overview = read_overview(arguments.file);
  if (!arguments.html.empty()) deliver(arguments.html, html_page(record, overview));
  if (!arguments.markdown.empty()) deliver(arguments.markdown, markdown_report(record));
  if (!arguments.csv.empty()) deliver(arguments.csv, trials_csv(record));
}

int report_comparison(const fs::path& file, const Arguments& arguments) {
  VALIDATE(!arguments.print_recipe, file.string(), ": a comparison has no winner, take --json for all its recipes");
  VALIDATE(arguments.html.empty() && arguments.markdown.empty() && arguments.csv.empty(), file.string(),
           ": a comparison of searches is a table; its CSV is compare.csv beside it");
  const CompareRecord record = read_compare_file(file);
  fmt::print("{}", arguments.json ? compare_json(record) : compare_table(record));
  return 0;
}

}  // namespace

int report(const Arguments& arguments) {
  fs::path file = arguments.file;
  if (fs::is_directory(file) && !fs::exists(run_file_path(file)) && fs::exists(file / "compare.h5"))
    file /= "compare.h5";
  if (!fs::is_directory(file) && is_compare_file(file)) return report_comparison(file, arguments);
  const FoundRun found = open_run(file);
  const RunRecord& record = found.record;
  if (!found.warning.empty()) fmt::print(stderr, "pare: warning: {}\n", found.warning);
  if (!arguments.html.empty() || !arguments.markdown.empty() || !arguments.csv.empty()) {
    write_files(record, arguments);
  } else if (arguments.print_recipe) {
    VALIDATE(record.verdict, file.string(), ": the search has no winner yet, run it to its end");
    fmt::print("{}", recipe_yaml(record.space, chosen_recipe(record, arguments.budget)));
  } else {
    fmt::print("{}\n", arguments.json ? verdict_json(record) : verdict_table(record));
  }
  return 0;
}

}  // namespace pare::search
