// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/crew.hpp"

#include <sched.h>

#include <algorithm>
#include <exception>
#include <span>

#include "search/experiment/rank_log.hpp"

namespace pare::search {
namespace {

// Up to this many bytes of embedding and head in binary32, a worker a core is cheap.
constexpr std::int64_t small_model_table_bytes = std::int64_t{256} << 20;

int cores_allowed() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return static_cast<int>(std::thread::hardware_concurrency());
  return std::max(1, CPU_COUNT(&set));
}

/// A launcher may have bound this rank to its own cores; if not, the ranks of the host share them all.
int cores_of_this_rank(const framework::ProcessGroup& group) {
  const int allowed = cores_allowed();
  const bool bound = allowed < static_cast<int>(std::thread::hardware_concurrency());
  return bound ? allowed : std::max(1, allowed / group.local_size());
}

}  // namespace

CoreShare share_cores(const Experiment& experiment, const framework::ProcessGroup& group, const Plan& plan) {
  const int cores = experiment.threads > 0 ? experiment.threads : cores_of_this_rank(group);
  const framework::ModelConfig& config = plan.model.config();
  const bool small =
      2 * config.vocabulary * config.hidden * static_cast<std::int64_t>(sizeof(float)) <= small_model_table_bytes;
  if (group.size() == 1 && small) return {.workers = cores, .threads = 1};
  return {.workers = 1, .threads = cores};
}

WorkerSetup make_worker_setup(const Experiment& experiment, const Plan& plan, int threads) {
  return {.model = plan.model,
          .sites = plan.sites,
          .bank_plan = plan.bank,
          .evaluator = {.precision = experiment.precision, .cache_bytes = experiment.weight_cache_mib << 20},
          .windows = experiment.windows,
          .text_seed = experiment.seed,
          .top_k = std::min(experiment.teacher_top_k, plan.model.config().vocabulary),
          .threads = threads};
}

LocalCrew::LocalCrew(const Experiment& experiment, const Plan& plan, const CoreShare& share) {
  for (int w = 0; w < share.workers; ++w) {
    auto [here, there] = framework::make_thread_channel();
    channels_.push_back(std::move(here));
    threads_.emplace_back([setup = make_worker_setup(experiment, plan, share.threads), channel = std::move(there)] {
      try {
        Worker(setup).serve(*channel);
      } catch (const std::exception&) {
        // The coordinator gave up in the middle of a task and says why, or the broken line tells it that this worker
        // is gone.
      }
    });
  }
}

LocalCrew::~LocalCrew() {
  for (std::thread& thread : threads_) thread.join();
}

void start_remote_workers(framework::ProcessGroup& group, const std::optional<Experiment>& experiment) {
  const std::string text = experiment ? experiment->resolved_yaml : std::string();
  for (int rank = 1; rank < group.size(); ++rank) group.channel(rank)->send(std::as_bytes(std::span(text)));
}

int serve_as_remote_worker(framework::ProcessGroup& group) {
  const auto coordinator = group.channel(0);
  const auto message = coordinator->receive();
  if (message.empty()) return 0;
  const std::string text(reinterpret_cast<const char*>(message.data()), message.size());
  const Experiment experiment = parse_experiment(text, "experiment of rank 0", {});
  open_rank_log(experiment.output, group);
  const Plan plan(experiment);
  const CoreShare share = share_cores(experiment, group, plan);
  Worker(make_worker_setup(experiment, plan, share.threads)).serve(*coordinator);
  return 0;
}

}  // namespace pare::search
