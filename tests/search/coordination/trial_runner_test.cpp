// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/trial_runner.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "kernels/core/philox.hpp"
#include "search/bench/simulated_crew.hpp"
#include "search/store/journal_replay.hpp"
#include "tests/search/algorithm/synthetic_problem.hpp"
#include "tests/search/store/scratch_directory.hpp"

namespace pare::test {
namespace {

using namespace pare::search;
using Action = SimulatedCrew::Action;
using Kind = Action::Kind;

constexpr std::int64_t windows = 8;

/// What goes wrong in a search, by chance of `seed`.
struct Weather {
  std::uint64_t seed = 1;
  bool deaths = false;  ///< up to two workers die
  double failures = 0;  ///< share of tasks that fail once
  bool poison = false;  ///< some recipes crash every worker
};

/// A recipe that can be measured on the first windows and crashes every worker on the others.
bool crashes(const Evaluate& lease) {
  return lease.begin + lease.count > 5 &&
         std::ranges::any_of(lease.recipes, [](const Recipe& recipe) { return recipe[2] == 1; });
}

Action act(const Weather& weather, std::size_t workers, std::size_t worker, std::int64_t nth, const Task& task) {
  const auto chance = [&](std::uint64_t draw) {
    return kernels::uniform_number(weather.seed, worker * 1000003 + static_cast<std::uint64_t>(nth), draw);
  };
  const double seconds = -0.05 * std::log(1 - chance(0)) * static_cast<double>(1 + worker % 3);
  const auto& lease = std::get<Evaluate>(task);
  if (weather.poison && crashes(lease)) return {Kind::answer, seconds, Failed{FailureKind::crash, "signal 11"}};
  // Two at most, since a third loss at one recipe would poison it.
  const bool mortal = weather.deaths && worker < 2 && worker + 1 < workers;
  if (mortal && chance(1) < 0.1) return {Kind::die, seconds, {}};
  if (chance(2) < weather.failures) return {Kind::answer, seconds, Failed{FailureKind::memory, "no memory"}};
  return {Kind::answer, seconds, made_up_losses(lease)};
}

/// What a search has to show at its end.
struct Shown {
  std::string digest;
  std::int64_t tokens = 0;
  std::size_t trials = 0;
  std::size_t failed = 0;
  bool operator==(const Shown&) const = default;
};

class TrialRunnerTest : public testing::Test {
 protected:
  /// Batches that depend on what came out before, with recipes and windows that overlap. Stops after `batches` batches,
  /// as if killed.
  Shown search(const std::string& journal_name, std::size_t workers, const Weather& weather, int batches = 12) {
    SimulatedCrew crew(workers, [&](std::size_t worker, std::int64_t nth, const Task& task) {
      return act(weather, workers, worker, nth, task);
    });
    Scheduler scheduler(crew.take_channels(), {.cluster = {}, .self = std::nullopt, .clock = crew.clock()});
    Journal journal = Journal::open(scratch_ / journal_name, {});
    Progress progress(Verbosity::quiet);
    TrialRunner runner(space_, scheduler, journal, progress, {.stages = 12, .max_windows = 5}, 256);
    Recipe best(6, 0);
    double least = 1e9;
    for (int b = 0; b < batches; ++b) {
      std::vector<EvaluationRequest> requests;
      const std::int64_t count = 2 + b % 3 * 3;
      for (std::size_t site = 0; site < best.size(); ++site) {
        Recipe recipe = best;
        recipe[site] = static_cast<std::uint8_t>((recipe[site] + 1) % 3);
        requests.push_back({recipe, WindowSet::search, b % 2, std::min(count, windows - b % 2)});
      }
      requests.push_back({best, b == 11 ? WindowSet::holdout : WindowSet::search, 0, count});
      for (const Trial& trial : runner.run(requests)) {
        const double mean = estimate(trial.kl).mean;
        EXPECT_EQ(trial.failed(), std::isinf(mean));
        if (mean < least) best = trial.request.recipe;
        least = std::min(mean, least);
      }
    }
    EXPECT_TRUE(std::ranges::is_sorted(runner.trials(), {}, &Trial::seconds));
    Shown shown{runner.digest(), runner.spent().tokens, runner.trials().size(), 0};
    for (const Trial& trial : runner.trials()) shown.failed += trial.failed() ? 1 : 0;
    return shown;
  }

  ScratchDirectory scratch_;
  SearchSpace space_ = small_space(6, {2, 3, 4});
};

TEST_F(TrialRunnerTest, GivesOneDigestForAnyNumberOfWorkersAndAnyWeather) {
  const Shown calm = search("calm", 1, {});

  int run = 0;
  for (const std::size_t workers : {1U, 2U, 4U, 16U}) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      for (const Weather& weather : {Weather{seed}, Weather{.seed = seed, .deaths = true, .failures = 0.02}}) {
        EXPECT_EQ(search("run" + std::to_string(run++), workers, weather), calm)
            << workers << " workers, seed " << seed;
      }
    }
  }
}

TEST_F(TrialRunnerTest, FailsTheSameTrialsForAnyNumberOfWorkers) {
  const Shown alone = search("alone", 1, {.seed = 1, .poison = true});
  EXPECT_GT(alone.failed, 0U);
  EXPECT_LT(alone.failed, alone.trials / 2);

  for (const std::size_t workers : {2U, 4U, 16U}) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      const std::string name = std::to_string(workers) + "-" + std::to_string(seed);
      EXPECT_EQ(search(name, workers, {.seed = seed, .poison = true}), alone) << workers << " workers, seed " << seed;
    }
  }
}

TEST_F(TrialRunnerTest, ContinuesAKilledSearchWithFailedTrialsToTheSameDigest) {
  const Weather weather{.seed = 3, .poison = true};
  const Shown whole = search("whole", 2, weather);

  for (int batches = 1; batches < 12; ++batches) search("continued", 3, weather, batches);

  EXPECT_EQ(search("continued", 4, weather), whole);
}

}  // namespace
}  // namespace pare::test
