// SPDX-License-Identifier: Apache-2.0
//
//   mpirun --mca mpi_yield_when_idle 0 -n RANKS bench_coordination     all rows
//   bench_coordination                                                 all but the first, which needs other ranks
//
// The option matters with more ranks than cores, as --oversubscribe has it: else Open MPI gives the core away each time
// that it looks for a message, and the first row shows how busy the machine is with other things. The last row waits for
// the disk of TMPDIR.
//
// What the coordinator costs, without any model:
//   1. tasks a second with tasks of no length, over MPI ranks on this machine
//   2. how busy 1,024 simulated workers are kept in real time by tasks of 25 to 75 ms
//   3. the same while 5 % of them die
//   4. the same for rounds of evaluations that end at barriers, on workers that differ up to three times in speed
//   5. what a single evaluation costs from its request to its trial: lease, journal (twice on the disk), commit
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "framework/comm/process_group.hpp"
#include "kernels/core/philox.hpp"
#include "search/bench/simulated_crew.hpp"
#include "search/coordination/scheduler.hpp"
#include "search/coordination/trial_runner.hpp"

namespace {

using namespace pare;
using namespace pare::search;
using Action = SimulatedCrew::Action;

constexpr std::size_t crew_size = 1024;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double random(std::uint64_t worker, std::uint64_t nth, std::uint64_t draw) {
  return kernels::uniform_number(1, worker * 1000003 + nth, draw);
}

void row(const std::string& what, const std::string& measured, const std::string& goal) {
  fmt::print("{:<66} {:>22} {:>16}\n", what, measured, goal);
  std::fflush(stdout);
}

std::vector<Task> empty_tasks(std::size_t count) {
  return std::vector<Task>(count, BuildSite{});
}

/// A rank that does nothing as fast as it can.
void serve(framework::ProcessGroup& group) {
  const auto line = group.channel(0);
  while (true) {
    const NumberedTask task = decode_task(line->receive());
    if (std::holds_alternative<Stop>(task.task)) return;
    line->send(encode(Reply{task.number, 0, SiteBuilt{}}));
  }
}

std::vector<std::unique_ptr<framework::Channel>> lines_of(framework::ProcessGroup& group) {
  std::vector<std::unique_ptr<framework::Channel>> lines;
  for (int rank = 1; rank < group.size(); ++rank) lines.push_back(group.channel(rank));
  return lines;
}

void measure_rate(Scheduler& scheduler, int ranks) {
  std::vector<double> rates;
  for (int repetition = 0; repetition < 5; ++repetition) {
    constexpr std::size_t count = 100'000;
    const std::vector<Task> tasks = empty_tasks(count);
    const double start = now();
    scheduler.run(tasks, [](std::size_t, Outcome&) {});
    rates.push_back(static_cast<double>(count) / (now() - start));
  }
  std::ranges::sort(rates);
  row(fmt::format("empty tasks a second, {} MPI ranks, median (best) of 5", ranks),
      fmt::format("{:.0f} ({:.0f})", rates[2], rates[4]), ">= 50000");
}

struct Deaths {
  double share = 0;
  std::map<std::size_t, double> at;  ///< by worker
};

/// Busy seconds over the seconds that the workers lived.
double measure_utilization(Deaths& deaths) {
  SimulatedCrew crew(
      crew_size,
      [&](std::size_t worker, std::int64_t nth, const Task&) {
        const auto n = static_cast<std::uint64_t>(nth);
        const double seconds = 0.025 + 0.05 * random(worker, n, 0);
        if (random(worker, 0, 1) < deaths.share && random(worker, n, 2) < 0.02 && !deaths.at.contains(worker)) {
          deaths.at[worker] = now() + seconds;
          return Action{Action::Kind::die, seconds, {}};
        }
        return Action{Action::Kind::answer, seconds, SiteBuilt{}};
      },
      SimulatedCrew::Time::real);
  Scheduler scheduler(crew.take_channels());
  const std::vector<Task> tasks = empty_tasks(crew_size * 200);
  const double start = now();
  scheduler.run(tasks, [](std::size_t, Outcome&) {});
  const double end = now();
  double lived = static_cast<double>(crew_size - deaths.at.size()) * (end - start);
  for (const auto& [worker, time] : deaths.at) lived += std::min(time, end) - start;
  return scheduler.busy_seconds() / lived;
}

/// Sites that are alike, one a stage.
SearchSpace plain_space(int sites) {
  SearchSpace space;
  for (int s = 0; s < sites; ++s) {
    SearchSite& site = space.sites.emplace_back();
    site.name = fmt::format("site {}", s);
    site.stage = site.layer = 1 + s;
    site.weights = site.original_bytes = 1;
    site.options = {{"a", 1, 0.0}, {"b", 2, 0.0}};
  }
  return space;
}

/// Rounds of recipes that end at barriers. A stage on a window takes 1 ms on the middle one of the workers.
double measure_rounds() {
  constexpr int sites = 16;
  const SearchSpace space = plain_space(sites);
  const LeaseSettings settings{.stages = sites + 2, .max_windows = 64};
  SimulatedCrew crew(
      crew_size,
      [&](std::size_t worker, std::int64_t, const Task& task) {
        const auto& lease = std::get<Evaluate>(task);
        const double speed = 500 + 1000 * random(worker, 0, 3);
        return Action{Action::Kind::answer, lease_cost(space, settings, lease) / speed, made_up_losses(lease)};
      },
      SimulatedCrew::Time::real);
  Scheduler scheduler(crew.take_channels());
  for (std::uint64_t round = 0; round < 5; ++round) {
    std::vector<Recipe> recipes;
    for (std::uint64_t r = 0; r < 40'000; ++r) {
      Recipe& recipe = recipes.emplace_back(sites, std::uint8_t{0});
      for (std::uint64_t s = 0; s < sites; ++s) recipe[s] = random(round, r, s) < 0.5 ? 0 : 1;
    }
    std::ranges::sort(recipes);
    recipes.erase(std::unique(recipes.begin(), recipes.end()), recipes.end());
    scheduler.evaluate(
        space, settings, {{WindowSet::search, 0, 16, recipes}}, [](const Evaluate&, const Evaluated&) {},
        [](const Recipe&, const std::string&) {});
  }
  return crew_facts(scheduler.statistics()).utilization().value_or(0);
}

std::vector<double> measure_evaluations(const std::filesystem::path& directory) {
  const SearchSpace space = plain_space(35);
  SimulatedCrew crew(
      1,
      [](std::size_t, std::int64_t, const Task& task) {
        return Action{Action::Kind::answer, 0, made_up_losses(std::get<Evaluate>(task))};
      },
      SimulatedCrew::Time::real);
  Scheduler scheduler(crew.take_channels());
  Journal journal = Journal::open(directory / "journal", {});
  Progress progress(Verbosity::quiet);
  TrialRunner runner(space, scheduler, journal, progress, {.stages = 37, .max_windows = 64}, 256);
  std::vector<double> seconds;
  for (std::uint64_t n = 0; n < 2000; ++n) {
    Recipe recipe(35, 0);
    for (std::uint64_t s = 0; s < 35; ++s) recipe[s] = random(n, s, 4) < 0.5 ? 0 : 1;
    const EvaluationRequest request{recipe, WindowSet::search, 0, 16};
    const double start = now();
    runner.run({&request, 1});
    seconds.push_back(now() - start);
  }
  std::ranges::sort(seconds);
  return seconds;
}

}  // namespace

int main(int argc, char** argv) {
  framework::ProcessGroup group(argc, argv, [](framework::Channel&) { return 0; });
  if (group.rank() != 0) {
    serve(group);
    return 0;
  }
  double load = 0;
  if (getloadavg(&load, 1) == 1) fmt::print("load average at the start: {:.1f}\n", load);
  row("", "measured", "goal");
  std::optional<Scheduler> ranks;  // to the end, so that the other ranks stay, and wait without using a core
  if (group.size() > 1) measure_rate(ranks.emplace(lines_of(group)), group.size());

  Deaths none;
  row("1,024 simulated workers, tasks of 25 to 75 ms: busy", fmt::format("{:.1f} %", 100 * measure_utilization(none)),
      ">= 95 %");
  Deaths some{.share = 0.05, .at = {}};
  const double with_deaths = measure_utilization(some);
  row(fmt::format("the same while {} of them die: busy while they live", some.at.size()),
      fmt::format("{:.1f} %", 100 * with_deaths), ">= 95 %");
  row("the same, rounds of evaluations, speeds 1 to 3: busy", fmt::format("{:.1f} %", 100 * measure_rounds()), "");

  const std::filesystem::path directory =
      std::filesystem::temp_directory_path() / fmt::format("bench-coordination-{}", getpid());
  std::filesystem::create_directory(directory);
  const std::vector<double> seconds = measure_evaluations(directory);
  std::filesystem::remove_all(directory);
  row("an evaluation of no length, lease and journal: median, p99",
      fmt::format("{:.3f}, {:.3f} ms", 1e3 * seconds[1000], 1e3 * seconds[1980]), "p99 < 1 ms");
}
