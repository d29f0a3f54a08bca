// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>

#include "framework/config/near_name.hpp"
#include "framework/config/utf8.hpp"
#include "kernels/core/contract.hpp"
#include "search/app/verbs.hpp"
#include "search/experiment/export_run.hpp"
#include "search/experiment/recipe_file.hpp"
#include "search/report/chosen_recipe.hpp"
#include "search/report/number_text.hpp"
#include "search/report/recipe_yaml.hpp"
#include "search/report/run_overview.hpp"
#include "search/store/progress_file.hpp"
#include "search/store/run_directory.hpp"

namespace pare::search {
namespace {

namespace fs = std::filesystem;

std::string format_of(const Arguments& arguments, const Experiment& experiment) {
  const std::vector<std::string>& known = export_formats();
  std::string list;
  for (const std::string& name : known) list += (list.empty() ? "" : ", ") + name;
  if (arguments.format.empty()) {
    VALIDATE(experiment.target != framework::Target::none,
             "--format is missing: the experiment's target is none (known: ", list, ")");
    return experiment.target == framework::Target::vllm ? "compressed-tensors" : "gguf";
  }
  VALIDATE(std::find(known.begin(), known.end(), arguments.format) != known.end(), "--format '",
           framework::printable(arguments.format), "' is unknown", framework::did_you_mean(arguments.format, known),
           " (known: ", list, ")");
  return arguments.format;
}

/// The best on the search windows of a run that has no verdict yet.
Recipe best_of_unfinished(const RunRecord& record, const fs::path& run) {
  const fs::path directory = fs::is_directory(run) ? run : run.parent_path();
  const auto progress = read_progress_file(progress_file(directory));
  const auto best = progress ? best_so_far(record, progress->budget_bytes) : std::nullopt;
  VALIDATE(best, run.string(), ": the search has measured no recipe within its budget yet, try again later");
  return best->recipe;
}

/// Fills in the recipe and its name.
void choose_recipe(const RunRecord& record, const Arguments& arguments, ExportRequest& request) {
  const std::string wanted = arguments.recipe.empty() ? "best" : arguments.recipe.string();
  if (wanted == "best" && !record.verdict) {
    request.recipe_name = "best so far";
    request.recipe = best_of_unfinished(record, arguments.file);
    return;
  }
  if (record.verdict) {
    const std::vector<Contestant>& contestants = record.verdict->contestants;
    const Recipe& best = chosen_recipe(record, arguments.budget);
    const auto found = std::find_if(contestants.begin(), contestants.end(), [&](const Contestant& c) {
      return wanted == "best" ? c.recipe == best : c.name == wanted;
    });
    if (found != contestants.end()) {
      request.recipe_name = found->name;
      request.recipe = found->recipe;
      return;
    }
  }
  request.recipe_name = wanted;
  request.recipe = read_recipe(record.space, wanted);
}

std::string bytes_line(const char* name, std::int64_t promised, std::int64_t found) {
  std::string text = fmt::format("  {:<22}  {:>15}  {:>15}", name, grouped(promised), grouped(found));
  if (found != promised && promised > 0)
    text += fmt::format("  {:+.2f} %", 100.0 * static_cast<double>(found - promised) / static_cast<double>(promised));
  return text + "\n";
}

void print_remarks(const ExportReport& report) {
  for (const std::string& remark : report.remarks) fmt::print("{}\n", remark);
}

void print_report(const ExportRequest& request, const ExportReport& report) {
  fmt::print("{}: '{}' as {}\n", request.output.string(), request.recipe_name, request.format);
  if (report.total_bytes == 0) return print_remarks(report);
  fmt::print("\n  {:<22}  {:>15}  {:>15}\n", "", "promised", "in the file");
  fmt::print("{}", bytes_line("bytes, searched layers", report.promised_bytes, report.layer_bytes));
  fmt::print("  {:<22}  {:>15}  {:>15}\n", "bytes, all tensors", "", grouped(report.total_bytes));
  if (const auto& found = report.verification) {
    fmt::print("  {:<22}  {:>15.6f}  {:>15.6f}  tolerance {:.1e}\n", "KL, held out", found->promised_kl, found->kl,
               found->tolerance);
    fmt::print("\nread back: {} weights are the bank's, bit for bit; perplexity {:.4f}{}\n", grouped(found->weights),
               found->perplexity,
               found->measured_before ? "" : "; the run had not measured this recipe on the held-out windows");
    fmt::print("{:.1f} s to write, {:.1f} s to verify\n", report.seconds, found->seconds);
  } else {
    fmt::print("\nnot read back (--no-verify); {:.1f} s to write\n", report.seconds);
  }
  print_remarks(report);
}

}  // namespace

int export_model(const Arguments& arguments, framework::ProcessGroup& group) {
  const FoundRun found = open_run(arguments.file);
  if (!found.warning.empty()) fmt::print(stderr, "pare: warning: {}\n", found.warning);
  const RunRecord& record = found.record;
  const Experiment experiment =
      parse_experiment(record.yaml, arguments.file.string() + ": its experiment", arguments.overrides);
  ExportRequest request{.format = format_of(arguments, experiment),
                        .output = arguments.output,
                        .base = arguments.base,
                        .recipe_name = {},
                        .recipe = {},
                        .recipe_text = {},
                        .verify = !arguments.no_verify,
                        .replace = arguments.force,
                        .quiet = arguments.quiet};
  choose_recipe(record, arguments, request);
  request.recipe_text = recipe_yaml(record.space, request.recipe);
  print_report(request, export_run(experiment, record, request, group));
  return 0;
}

}  // namespace pare::search
