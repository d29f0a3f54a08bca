// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "framework/io/json.hpp"
#include "search/report/number_text.hpp"
#include "search/report/run_comparison.hpp"

namespace pare::search {
namespace {

using framework::Json;

const Contestant& contestant_of(const RunComparison& comparison, std::size_t run, std::size_t index) {
  return comparison.runs[run].record.verdict->contestants[index];
}

std::string line(const RunComparison& comparison, std::size_t run, const Contestant& each, std::size_t width,
                 const std::string& difference) {
  const Spent& spent = comparison.runs[run].record.verdict->spent;
  return fmt::format("  {:<{}}  {:>15}  {:>11.3f}  {:>9.5f} +- {:.6f}  {:>10}  {:>13}  {:>9.1f}  {}\n",
                     comparison.runs[run].name, width, grouped(each.bytes), each.bits_per_weight, each.kl.mean,
                     each.kl.stderr_of_mean, perplexity_text(each.perplexity), grouped(spent.tokens), spent.seconds,
                     difference);
}

std::string difference_text(const RunDifference& other) {
  if (!other.kl) return "one window";
  return fmt::format("{:+.5f} [{:+.5f}, {:+.5f}]{}", other.kl->mean, other.kl->mean - other.kl->half_width,
                     other.kl->mean + other.kl->half_width, other.paired ? "" : " unpaired");
}

std::string recipes_text(const RunComparison& comparison, const RunDifference& other) {
  const NamedRun& run = comparison.runs[other.run];
  const std::size_t sites = run.record.space.sites.size();
  if (!other.sites_that_differ) return fmt::format("  {}: its layers are tied in another way\n", run.name);
  std::string text =
      fmt::format("  {}: {} of {} layers have another option", run.name, *other.sites_that_differ, sites);
  std::string kinds;
  for (const auto& [kind, count] : other.by_kind)
    kinds += fmt::format("{}{} {}", kinds.empty() ? ": " : ", ", count, kind);
  return text + kinds + "\n";
}

Json entry_json(std::size_t run, const Contestant& each) {
  return {{"run", run},
          {"winner", each.name},
          {"bytes", each.bytes},
          {"bits_per_weight", each.bits_per_weight},
          {"kl", {{"mean", each.kl.mean}, {"stderr", each.kl.stderr_of_mean}}},
          {"perplexity", each.perplexity}};
}

Json difference_json(const RunComparison& comparison, const RunDifference& other) {
  Json json = entry_json(other.run, contestant_of(comparison, other.run, other.winner));
  json["kl_difference"] = nullptr;
  if (other.kl)
    json["kl_difference"] = {{"mean", other.kl->mean},
                             {"low", other.kl->mean - other.kl->half_width},
                             {"high", other.kl->mean + other.kl->half_width}};
  json["paired"] = other.paired;
  json["sites_that_differ"] = other.sites_that_differ ? Json(*other.sites_that_differ) : Json();
  json["by_kind"] = other.by_kind;
  return json;
}

}  // namespace

std::string run_comparison_text(const RunComparison& comparison) {
  std::size_t width = 3;
  for (const NamedRun& run : comparison.runs) width = std::max(width, run.name.size());
  std::string text;
  for (const std::string& warning : comparison.warnings) text += "Warning  " + warning + "\n";
  for (const ComparedBudget& budget : comparison.budgets) {
    text += fmt::format("{}Budget {} bytes, {:.3f} bits a weight\n", text.empty() ? "" : "\n", grouped(budget.bytes),
                        comparison.runs.front().record.space.bits_per_weight(budget.bytes));
    text += fmt::format("  {:<{}}  {:>15}  {:>11}  {:>21}  {:>10}  {:>13}  {:>9}  {}\n", "run", width, "bytes",
                        "bits/weight", "KL +- standard error", "perplexity", "tokens", "seconds",
                        "KL less the first's, 95 % interval");
    text += line(comparison, 0, contestant_of(comparison, 0, budget.winner), width, "");
    for (const RunDifference& other : budget.others)
      text += line(comparison, other.run, contestant_of(comparison, other.run, other.winner), width,
                   difference_text(other));
    for (const RunDifference& other : budget.others) text += recipes_text(comparison, other);
  }
  return text;
}

std::string run_comparison_json(const RunComparison& comparison) {
  Json runs = Json::array(), budgets = Json::array();
  for (const NamedRun& run : comparison.runs)
    runs.push_back({{"name", run.name},
                    {"algorithm", run.record.algorithm},
                    {"seed", run.record.seed},
                    {"tokens", run.record.verdict->spent.tokens},
                    {"seconds", run.record.verdict->spent.seconds},
                    {"trials", run.record.verdict->trials}});
  for (const ComparedBudget& budget : comparison.budgets) {
    Json entries = Json::array({entry_json(0, contestant_of(comparison, 0, budget.winner))});
    for (const RunDifference& other : budget.others) entries.push_back(difference_json(comparison, other));
    budgets.push_back({{"bytes", budget.bytes}, {"runs", entries}});
  }
  const Json json = {{"runs", runs}, {"budgets", budgets}, {"warnings", comparison.warnings}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace pare::search
