// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/compare_search.hpp"

#include <fmt/core.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <limits>
#include <optional>

#include "framework/io/atomic_file.hpp"
#include "framework/provenance/provenance.hpp"
#include "kernels/core/contract.hpp"
#include "search/algorithm/contest.hpp"
#include "search/algorithm/search_algorithm.hpp"
#include "search/coordination/trial_runner.hpp"
#include "search/experiment/choose_device.hpp"
#include "search/experiment/make_directory.hpp"
#include "search/experiment/open_journal.hpp"
#include "search/experiment/rank_log.hpp"
#include "search/experiment/session.hpp"
#include "search/experiment/trajectory.hpp"
#include "search/experiment/under_status.hpp"
#include "search/store/compare_file.hpp"
#include "search/store/run_directory.hpp"
#include "search/store/run_status.hpp"

namespace pare::search {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::int64_t tokens_of(const std::vector<EvaluationRequest>& requests, std::int64_t window_length) {
  std::int64_t windows = 0;
  for (const EvaluationRequest& request : requests) windows += request.count;
  return windows * window_length;
}

/// The bytes of every budget. What is wrong with one is said with its place in the list.
std::vector<std::int64_t> resolve_budgets(const Experiment& experiment, const SearchSpace& space) {
  VALIDATE(!experiment.compare.budgets.empty(),
           "compare: searches are compared under sizes, list them: compare.budgets: [{bits_per_weight: 3}]");
  VALIDATE(experiment.objective.metric == Metric::kl && experiment.objective.combine == Combine::mean,
           "compare: searches are compared by their mean KL, leave out objective");
  std::vector<std::int64_t> bytes;
  for (std::size_t b = 0; b < experiment.compare.budgets.size(); ++b) {
    try {
      bytes.push_back(resolve_budget(space, experiment.compare.budgets[b].rule));
    } catch (const InputError& error) {
      throw InputError(fmt::format("compare.budgets[{}]: {}", b, error.what()));
    }
  }
  return bytes;
}

SearchProblem cell_problem(const Experiment& experiment, const Plan& plan, std::int64_t budget_bytes,
                           std::uint64_t seed, std::int64_t tokens) {
  SearchProblem problem = make_problem(experiment, plan);
  problem.budget = budget_bytes;
  problem.seed = seed;
  problem.token_limit = tokens;
  return problem;
}

/// What the experiment says, or what pare takes by default.
std::int64_t tokens_a_cell(const Experiment& experiment, const Plan& plan, const std::vector<std::int64_t>& budgets) {
  if (experiment.compare.tokens > 0) return experiment.compare.tokens;
  return make_algorithm("pare", cell_problem(experiment, plan, budgets.front(), 1, 0))->token_limit();
}

/// The comparison that is in the file, finished or not. Another comparison or model in the directory is an error.
std::optional<CompareRecord> earlier_record(const Experiment& experiment, const Plan& plan, const fs::path& file) {
  if (!fs::exists(file)) return std::nullopt;
  CompareRecord record = read_compare_file(file);
  VALIDATE(record.identity == experiment.compare.identity, "output: ", experiment.output.string(),
           " holds another comparison, choose another directory (--output) or repeat its settings");
  for (const auto& [key, value] : record.provenance) {
    VALIDATE(key != "model_hash" || value == plan.model.hash(), "output: ", experiment.output.string(),
             " holds a comparison on a different model, choose another directory (--output)");
  }
  return record;
}

CompareRecord make_record(const Experiment& experiment, const Plan& plan) {
  CompareRecord record;
  record.yaml = experiment.resolved_yaml;
  record.identity = experiment.compare.identity;
  record.provenance = framework::collect_provenance();
  record.provenance.emplace_back("device", experiment.computes_on.name);
  record.provenance.emplace_back("model", plan.model.directory().string());
  record.provenance.emplace_back("model_hash", plan.model.hash());
  record.algorithms = experiment.compare.algorithms;
  record.seeds = experiment.compare.seeds;
  record.window_length = experiment.windows.length;
  record.search_windows = experiment.windows.windows;
  record.holdout_windows = experiment.windows.holdout;
  for (const SearchSite& site : plan.space.sites) {
    CompareSite& entry = record.sites.emplace_back();
    entry.name = site.name;
    for (const SiteOption& option : site.options) entry.options.push_back(option.name);
  }
  return record;
}

/// Rank 0's comparison, cell by cell.
class CompareRun {
 public:
  CompareRun(const Experiment& experiment, const Plan& plan, Session& session, Journal& journal, Progress& progress,
             std::vector<CompareCell> earlier)
      : experiment_(experiment),
        plan_(plan),
        scheduler_(session.scheduler()),
        progress_(progress),
        runner_(plan.space, session.scheduler(), journal, progress, session.lease_settings(),
                experiment.windows.length),
        record_(make_record(experiment, plan)),
        earlier_(std::move(earlier)) {
    if (runner_.replayed_windows() > 0) {
      progress_.say(fmt::format("continuing: {} evaluated windows are in the journal", runner_.replayed_windows()));
    }
  }

  CompareRecord finish() {
    const std::vector<std::int64_t> bytes = resolve_budgets(experiment_, plan_.space);
    record_.tokens = tokens_a_cell(experiment_, plan_, bytes);
    for (std::size_t b = 0; b < bytes.size(); ++b) add_budget(experiment_.compare.budgets[b].name, bytes[b]);
    for (std::size_t b = 0; b < bytes.size(); ++b) {
      for (const std::uint64_t seed : record_.seeds) {
        for (const std::string& algorithm : record_.algorithms) {
          record_.cells.push_back(run_cell(b, seed, algorithm));
          keep();
        }
      }
    }
    record_.digest = runner_.digest();
    keep();
    return record_;
  }

 private:
  SearchProblem problem(std::int64_t budget_bytes, std::uint64_t seed) const {
    return cell_problem(experiment_, plan_, budget_bytes, seed, record_.tokens);
  }

  void add_budget(const std::string& name, std::int64_t bytes) {
    CompareBudget& budget = record_.budgets.emplace_back();
    budget.name = name;
    budget.bytes = bytes;
    budget.bits_per_weight = plan_.space.bits_per_weight(bytes);
    for (const Finalist& uniform : uniform_contestants(plan_.space, bytes)) {
      const std::int64_t uniform_bytes = plan_.space.bytes(uniform.recipe);
      if (uniform_bytes > bytes) continue;
      budget.uniform = CompareUniform{uniform.name, uniform_bytes, hold_out({uniform.recipe}).front().kl};
    }
  }

  CompareCell run_cell(std::size_t budget, std::uint64_t seed, const std::string& name) {
    CompareCell cell{
        .budget = budget, .algorithm = name, .seed = seed, .recipe = {}, .window_kl = {}, .trajectory = {}};
    const std::size_t cells = record_.budgets.size() * record_.seeds.size() * record_.algorithms.size();
    progress_.begin(
        fmt::format("{}/{} {}, {}, seed {}", record_.cells.size() + 1, cells, name, record_.budgets[budget].name, seed),
        static_cast<double>(record_.tokens), "tokens");
    const Clock::time_point started = Clock::now();
    const auto algorithm = make_algorithm(name, problem(record_.budgets[budget].bytes, seed));
    Trajectory trajectory(record_.tokens);
    double evaluating = 0;
    std::int64_t evaluated = 0;
    while (true) {
      std::vector<EvaluationRequest> requests;
      scheduler_.attend_while([&] { requests = algorithm->ask(); });
      trajectory.add(cell.tokens_asked, algorithm->finalists().front().recipe);
      if (requests.empty()) break;
      progress_.note(algorithm->status());
      const std::int64_t asked = tokens_of(requests, record_.window_length);
      const std::int64_t known_before = runner_.spent().search_tokens;
      const Clock::time_point before = Clock::now();
      const std::vector<Trial> trials = runner_.run(requests);
      const std::int64_t fresh = runner_.spent().search_tokens - known_before;
      if (fresh > 0) evaluating += seconds_since(before);
      evaluated += fresh;
      cell.tokens_asked += asked;
      progress_.advance(static_cast<double>(asked - fresh));
      scheduler_.attend_while([&] { algorithm->tell(trials); });
      progress_.note(algorithm->status());
    }
    const double deciding = seconds_since(started) - evaluating;
    cell.seconds = evaluated == 0 ? std::numeric_limits<double>::quiet_NaN()
                                  : deciding + evaluating * static_cast<double>(cell.tokens_asked) /
                                                   static_cast<double>(evaluated);
    // A cell that an earlier start completed was measured there: here it is replayed.
    if (record_.cells.size() < earlier_.size()) cell.seconds = earlier_[record_.cells.size()].seconds;
    progress_.end();
    answer(cell, trajectory);
    return cell;
  }

  /// Measures the points of the trajectory, the last of which is the answer.
  void answer(CompareCell& cell, const Trajectory& trajectory) {
    std::vector<Recipe> recipes;
    for (const Trajectory::Point& point : trajectory.points()) recipes.push_back(point.recipe);
    const std::vector<Trial> trials = hold_out(recipes);
    for (std::size_t p = 0; p < trials.size(); ++p) {
      cell.trajectory.push_back({trajectory.points()[p].tokens, estimate(trials[p].kl)});
    }
    cell.recipe = recipes.back();
    cell.bytes = plan_.space.bytes(cell.recipe);
    ENSURE(cell.bytes <= record_.budgets[cell.budget].bytes, cell.algorithm);
    cell.tokens_to_answer = trajectory.points().back().tokens;
    cell.window_kl = trials.back().kl;
    cell.perplexity = std::exp(estimate(trials.back().nll).mean);
  }

  std::vector<Trial> hold_out(const std::vector<Recipe>& recipes) {
    std::vector<EvaluationRequest> requests;
    for (const Recipe& recipe : recipes) {
      requests.push_back({.recipe = recipe, .set = WindowSet::holdout, .begin = 0, .count = record_.holdout_windows});
    }
    return runner_.run(requests);
  }

  void keep() const {
    write_compare_file(experiment_.output / "compare.h5", record_);
    framework::write_file_atomically(experiment_.output / "compare.csv", compare_csv(record_));
  }

  const Experiment& experiment_;
  const Plan& plan_;
  Scheduler& scheduler_;
  Progress& progress_;
  TrialRunner runner_;
  CompareRecord record_;
  std::vector<CompareCell> earlier_;
};

CompareRecord run_comparison(const Experiment& given, framework::ProcessGroup& group, bool quiet,
                             StatusKeeper& status) {
  Progress progress(quiet ? Verbosity::quiet : Verbosity::normal);
  Plan plan(given);
  const Experiment experiment = on_device(given, plan, rank_of_node(group));
  resolve_budgets(experiment, plan.space);  // a mistake in them shows before anything is computed
  make_directory(experiment.output, "output");
  std::optional<CompareRecord> earlier = earlier_record(experiment, plan, experiment.output / "compare.h5");
  if (earlier && !earlier->digest.empty()) {
    dismiss_remote_workers(group);
    progress.say("this comparison is finished, here is its table");
    return std::move(*earlier);
  }
  const fs::path directory = experiment.output / "compare";
  make_directory(experiment.cache, "cache");
  make_directory(directory, "output");
  open_rank_log(experiment.output, group);
  status.enter(RunState::ready);
  // All that was evaluated is in the journal and every cell that is done in compare.h5: a drain has nothing to save.
  Session session(experiment, plan, group, progress, advance_status(status));
  Journal journal = open_journal(directory, experiment.compare.identity, plan, session, progress);
  framework::write_file_atomically(directory / "experiment.yaml", experiment.resolved_yaml);
  return CompareRun(experiment, plan, session, journal, progress,
                    earlier ? std::move(earlier->cells) : std::vector<CompareCell>())
      .finish();
}

}  // namespace

CompareRecord compare_search(const Experiment& experiment, framework::ProcessGroup& group, bool quiet) {
  return under_status(experiment.output,
                      [&](StatusKeeper& status) { return run_comparison(experiment, group, quiet, status); });
}

std::string describe_comparison(const Experiment& experiment, const Plan& plan) {
  const CompareRules& rules = experiment.compare;
  if (!rules.given) return {};
  const std::vector<std::int64_t> bytes = resolve_budgets(experiment, plan.space);
  const std::int64_t tokens = tokens_a_cell(experiment, plan, bytes);
  const std::size_t cells = rules.algorithms.size() * rules.seeds.size() * bytes.size();
  std::string text = fmt::format("compare    {} algorithms x {} seeds x {} budgets: {} searches of at most {} tokens\n",
                                 rules.algorithms.size(), rules.seeds.size(), bytes.size(), cells, tokens);
  for (std::size_t b = 0; b < bytes.size(); ++b) {
    text += fmt::format("           {}: {} bytes = {:.3f} bits a weight\n", rules.budgets[b].name, bytes[b],
                        plan.space.bits_per_weight(bytes[b]));
  }
  return text;
}

}  // namespace pare::search
