// SPDX-License-Identifier: Apache-2.0
#include "search/report/verdict_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "search/report/allocation_grid.hpp"
#include "search/report/comparison.hpp"
#include "search/report/crew_text.hpp"
#include "search/report/domain_table.hpp"
#include "search/report/number_text.hpp"

namespace pare::search {
namespace {

/// Of everybody, where the windows are items.
std::string accuracy_text(const Verdict& verdict) {
  const auto reference = accuracy(verdict.reference_window_wrong);
  if (!reference) return {};
  std::string text = fmt::format("Accuracy   full model {:.1f} %", 100 * *reference);
  for (const Contestant& each : verdict.contestants)
    text += fmt::format(", {} {:.1f} %", each.name, 100 * accuracy(each.window_wrong).value_or(0));
  return text + fmt::format(" of {} items\n", verdict.reference_window_wrong.size());
}

std::string budget_text(const RunRecord& record, const Verdict& verdict) {
  return fmt::format(
             "Budget     {} bytes, {:.3f} bits per weight\n"
             "Reference  {} bytes, perplexity {:.4f} on {} held-out windows of {} tokens\n",
             grouped(verdict.budget_bytes), record.space.bits_per_weight(verdict.budget_bytes),
             grouped(verdict.reference_bytes), verdict.reference_perplexity, record.holdout_windows,
             record.window_length) +
         accuracy_text(verdict);
}

std::string contestants_text(const Verdict& verdict) {
  std::size_t width = std::string_view("contestant").size();
  for (const Contestant& contestant : verdict.contestants) width = std::max(width, contestant.name.size());
  std::string text = fmt::format("  {:<{}}  {:>15}  {:>11}  {:>21}  {:>10}\n", "contestant", width, "bytes",
                                 "bits/weight", "KL +- standard error", "perplexity");
  for (std::size_t i = 0; i < verdict.contestants.size(); ++i) {
    const Contestant& contestant = verdict.contestants[i];
    text += fmt::format("{} {:<{}}  {:>15}  {:>11.3f}  {:>21}  {:>10}{}\n", i == verdict.winner ? '*' : ' ',
                        contestant.name, width, grouped(contestant.bytes), contestant.bits_per_weight,
                        estimate_text(contestant.kl), perplexity_text(contestant.perplexity),
                        contestant.fits ? "" : "  over the budget");
  }
  return text;
}

std::string ratio_text(const RunRecord& record, const OverBaseline& over, const std::string& baseline) {
  if (record.objective.metric == Metric::accuracy) {
    const auto wrong = [&](const std::vector<double>& values) { return estimate(values).mean; };
    const std::vector<Contestant>& all = record.verdict->contestants;
    return fmt::format("{:.1f} % of the answers are wrong, {:.1f} % with {}.\n",
                       100 * wrong(all[record.verdict->winner].window_wrong),
                       100 * wrong(all[over.baseline].window_wrong), baseline);
  }
  const bool perplexity = record.objective.metric == Metric::perplexity;
  const std::string name = perplexity ? "Perplexity" : "KL";
  const std::string worst = record.objective.combine == Combine::worst ? " of the worst domain" : "";
  return fmt::format("{}{} is {:.3f} times that of {}.\n", name, worst,
                     perplexity ? std::exp(over.difference) : over.ratio, baseline);
}

/// `kind`: what the baseline is, ", the best uniform recipe that fits".
std::string gain_over(const RunRecord& record, const OverBaseline& over, const std::string& kind) {
  const std::string& baseline = record.verdict->contestants[over.baseline].name;
  if (over.baseline == record.verdict->winner) return fmt::format("No recipe was better than {}.\n", baseline);
  return ratio_text(record, over, baseline + kind) +
         fmt::format("Difference {:+.5f}{}, 95 % interval [{:+.5f}, {:+.5f}], paired over {} windows.\n",
                     over.difference, record.objective.metric == Metric::accuracy ? "" : " nats a token",
                     over.difference - over.half_width, over.difference + over.half_width, record.holdout_windows);
}

std::string left_out_text(const SearchSpace& space) {
  std::string text;
  for (const LeftOut& each : space.left_out)
    text += fmt::format("Left out  {} at {}: {}\n", each.option, each.site, each.reason);
  return text.empty() ? text : "\n" + text;
}

std::string failed_text(const std::vector<Trial>& trials) {
  const auto failed = std::ranges::count_if(trials, &Trial::failed);
  if (failed == 0) return {};
  const Trial& first = *std::ranges::find_if(trials, &Trial::failed);
  return fmt::format("\nFailed  {} trials could not be measured; the first, trial {}: {}\n", failed, first.id,
                     first.failure);
}

std::string limits_text(const SearchSpace& space, const std::vector<std::int64_t>& limits, const Recipe& recipe) {
  std::string text;
  for (std::size_t m = 0; m < limits.size(); ++m) {
    if (limits[m] == std::numeric_limits<std::int64_t>::max()) continue;
    const std::int64_t used = space.cost(m, recipe);
    const double share = 100.0 * static_cast<double>(used) / static_cast<double>(std::max<std::int64_t>(limits[m], 1));
    const bool seconds = space.measures[m].unit == "ps";
    const auto amount = [&](std::int64_t value) {
      return seconds ? fmt::format("{:.6g} s", static_cast<double>(value) * 1e-12) : grouped(value) + " bytes";
    };
    text += fmt::format("Limit      {} {}, of which the winner takes {} ({:.1f} %)\n", space.measures[m].name,
                        amount(limits[m]), amount(used), share);
  }
  return text;
}

/// One line a budget: its winner beside the best uniform recipe that fits.
std::string front_text(const RunRecord& record, const Verdict& verdict) {
  if (verdict.front.empty()) return "";
  std::string text = fmt::format(
      "\nFront, one winner a budget (pare report --recipe --budget BITS)\n{:>8}  {:>8}  {:>15}  {:>21}  {:>10}  {}\n",
      "budget", "bits", "bytes", "KL +- standard error", "perplexity", "best uniform recipe that fits");
  for (const FrontPoint& point : verdict.front) {
    const Contestant& winner = verdict.contestants[point.winner];
    text += fmt::format("{:>8.3f}  {:>8.3f}  {:>15}  {:>9.5f} +- {:.6f}  {:>10}  ",
                        record.space.bits_per_weight(point.budget_bytes), winner.bits_per_weight, grouped(winner.bytes),
                        winner.kl.mean, winner.kl.stderr_of_mean, perplexity_text(winner.perplexity));
    if (point.uniform) {
      const Contestant& uniform = verdict.contestants[*point.uniform];
      text += fmt::format("{:.5f} {} ({:.3f} bits)\n", uniform.kl.mean, uniform.name, uniform.bits_per_weight);
    } else {
      text += "none\n";
    }
  }
  return text;
}

/// Tokens by rung, and what racing saved against measuring every entrant on all windows.
std::string races_text(const RunRecord& record, const SearchFigures& figures) {
  const RaceCounts& races = figures.races;
  std::string text;
  if (races.races > 0) {
    std::int64_t spent = 0;
    std::string rungs;
    for (const RaceCounts::Rung& rung : races.rungs) {
      spent += rung.spent;
      rungs += fmt::format("{}{} up to {}", rungs.empty() ? "" : ", ", grouped(rung.spent * record.window_length),
                           grouped(rung.windows * record.window_length));
    }
    text += fmt::format(
        "Races   {} of {} entrants, {} eliminated, {} cut; tokens by rung: {}; {:.0f} % saved against full "
        "evaluation\n",
        races.races, races.entrants, races.eliminated, races.cut, rungs,
        100.0 * static_cast<double>(races.windows_saved) /
            static_cast<double>(std::max<std::int64_t>(1, races.windows_saved + spent)));
  }
  if (figures.surrogate_trials > 0) {
    text += fmt::format("Model   ranks fresh trials with a correlation of {:.2f} (latest of {} trials)\n",
                        figures.surrogate_correlation, figures.surrogate_trials);
  }
  return text;
}

std::string workers_text(const RunRecord& record) {
  const std::string text = crew_text(record.crew);
  return text.empty() ? text : "Workers " + text + "\n";
}

std::string ended_text(const Verdict& verdict) {
  if (verdict.ended_by.empty()) return {};
  return fmt::format("Ended   by search.limits.{}, with the best recipe so far\n", verdict.ended_by);
}

std::string spent_text(const RunRecord& record, const Verdict& verdict) {
  const Spent& spent = verdict.spent;
  const std::int64_t all_runs = spent.stage_runs + spent.stage_runs_saved;
  const double saved =
      all_runs == 0 ? 0 : 100.0 * static_cast<double>(spent.stage_runs_saved) / static_cast<double>(all_runs);
  return fmt::format(
      "Spent   {} tokens ({} in the search){}, {} evaluations, {:.1f} s\n"
      "Stages  {} runs, {:.1f} % saved by shared prefixes\n"
      "{}{}{}"
      "Digest  {} over {} trials\n",
      grouped(spent.tokens), grouped(spent.search_tokens),
      spent.reused_tokens == 0 ? "" : fmt::format(", {} known from other runs", grouped(spent.reused_tokens)),
      grouped(spent.evaluations), spent.seconds, grouped(spent.stage_runs), saved, races_text(record, verdict.figures),
      workers_text(record), ended_text(verdict), verdict.digest, grouped(verdict.trials));
}

}  // namespace

std::string gain_text(const RunRecord& record) {
  const auto uniform = compare_with_uniform(record);
  const auto mixture = compare_with_mixture(record);
  return (uniform                         ? gain_over(record, *uniform, ", the best uniform recipe that fits")
          : a_uniform_recipe_fits(record) ? "No uniform recipe that fits the budget could be measured.\n"
                                          : "No uniform recipe fits the budget.\n") +
         (mixture ? gain_over(record, *mixture, ", the best mixture of llama.cpp that fits") : "");
}

std::string verdict_table(const RunRecord& record) {
  if (!record.verdict)
    return fmt::format("No verdict yet: {} trials of '{}' are committed.\n", grouped(std::ssize(record.trials)),
                       record.algorithm);
  const Verdict& verdict = *record.verdict;
  const Contestant& winner = verdict.contestants[verdict.winner];
  return budget_text(record, verdict) + limits_text(record.space, verdict.limits, winner.recipe) +
         fmt::format("Objective  {}\nWinner     {}\n\n", loss_name(record.objective), winner.name) +
         contestants_text(verdict) + domain_table(record) + front_text(record, verdict) + "\n" + gain_text(record) +
         fmt::format("\nOptions of {}, by layer and kind\n", winner.name) +
         allocation_grid(record.space, winner.recipe) + left_out_text(record.space) + failed_text(record.trials) +
         "\n" + spent_text(record, verdict);
}

}  // namespace pare::search
