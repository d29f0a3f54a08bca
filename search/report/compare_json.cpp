// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "framework/io/json.hpp"
#include "search/objective/compare_summary.hpp"
#include "search/report/compare_table.hpp"

namespace pare::search {
namespace {

using framework::Json;

Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json interval_json(const Interval& interval) {
  return {{"mean", number(interval.mean)}, {"low", number(interval.low)}, {"high", number(interval.high)}};
}

Json budget_json(const CompareBudget& budget) {
  Json json = {{"name", budget.name}, {"bytes", budget.bytes}, {"bits_per_weight", budget.bits_per_weight}};
  json["uniform"] = nullptr;
  if (budget.uniform) {
    json["uniform"] = {{"name", budget.uniform->name},
                       {"bytes", budget.uniform->bytes},
                       {"kl", number(estimate(budget.uniform->window_kl).mean)}};
  }
  return json;
}

Json cell_json(const CompareRecord& record, const CompareCell& cell, const CellSummary& summary) {
  Json json = {{"budget", cell.budget}, {"algorithm", cell.algorithm}, {"seed", cell.seed}};
  json["kl"] = interval_json(summary.kl);
  json["kl"]["stderr"] = number(summary.kl_stderr);
  json["difference"] = summary.over_reference ? interval_json(*summary.over_reference) : Json(nullptr);
  json["tokens_asked"] = cell.tokens_asked;
  json["tokens_to_answer"] = cell.tokens_to_answer;
  json["tokens_to_evopress"] = summary.tokens_to_evopress ? Json(*summary.tokens_to_evopress) : Json(nullptr);
  json["seconds"] = number(cell.seconds);
  json["bytes"] = cell.bytes;
  json["perplexity"] = number(cell.perplexity);
  for (std::size_t s = 0; s < record.sites.size(); ++s) {
    json["recipe"][record.sites[s].name] = record.sites[s].options[cell.recipe[s]];
  }
  json["trajectory"] = Json::array();
  for (const ComparePoint& point : cell.trajectory) {
    json["trajectory"].push_back(
        {{"tokens", point.tokens},
         {"kl", {{"mean", number(point.kl.mean)}, {"stderr", number(point.kl.stderr_of_mean)}}}});
  }
  return json;
}

Json row_json(const CompareRow& row) {
  Json json = {{"budget", row.budget}, {"algorithm", row.algorithm}};
  json["kl"] = {{"median", number(row.median_kl)}, {"min", number(row.least_kl)}, {"max", number(row.largest_kl)}};
  json["ratio"] = row.ratio ? number(*row.ratio) : Json(nullptr);
  json["tokens"] = row.tokens;
  json["seconds"] = number(row.seconds);
  json["share_of_evopress"] = row.share_of_evopress ? number(*row.share_of_evopress) : Json(nullptr);
  return json;
}

Json goals_json(const CompareGoals& goals) {
  Json json = {{"pairs", goals.pairs}, {"above_interval", goals.above_interval}, {"worse", goals.worse}};
  json["ratios"] = Json::array();
  for (const auto& each : goals.ratios) {
    json["ratios"].push_back({{"budget", each.budget}, {"rival", each.rival}, {"ratio", number(each.ratio)}});
  }
  json["shares_of_evopress"] = Json::array();
  for (const double share : goals.shares) json["shares_of_evopress"].push_back(number(share));
  return json;
}

}  // namespace

std::string compare_json(const CompareRecord& record) {
  const CompareSummary summary = summarize(record);
  Json json = {{"tokens", record.tokens},
               {"reference", summary.reference},
               {"complete", !record.digest.empty()},
               {"digest", record.digest}};
  json["budgets"] = Json::array();
  for (const CompareBudget& budget : record.budgets) json["budgets"].push_back(budget_json(budget));
  json["cells"] = Json::array();
  for (std::size_t c = 0; c < record.cells.size(); ++c) {
    json["cells"].push_back(cell_json(record, record.cells[c], summary.cells[c]));
  }
  json["rows"] = Json::array();
  for (const CompareRow& row : summary.rows) json["rows"].push_back(row_json(row));
  json["goals"] = goals_json(summary.goals);
  return json.dump(2) + "\n";
}

}  // namespace pare::search
