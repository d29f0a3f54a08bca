// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/session.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "framework/data/item_scores.hpp"
#include "search/experiment/choose_device.hpp"
#include "search/experiment/prepare.hpp"

namespace pare::search {
namespace {

// Hidden states of one lease; on a CPU a walk of the prefix trie keeps two or three of them, a GPU cuts leases itself.
constexpr std::int64_t max_state_bytes = std::int64_t{64} << 20;
constexpr std::int64_t max_state_bytes_on_gpu = std::int64_t{1} << 30;

/// The lines to all workers, those of other ranks having been told to start.
std::vector<std::unique_ptr<framework::Channel>> start_all(LocalCrew& crew, framework::ProcessGroup& group,
                                                           const Experiment& experiment, const Plan& plan,
                                                           const std::filesystem::path& model) {
  start_remote_workers(group, experiment, plan, model);
  auto channels = crew.take_channels();
  const int ranks_per_worker = experiment.containment.ranks_per_worker;
  for (int rank = ranks_per_worker; rank < group.size(); rank += ranks_per_worker)
    channels.push_back(group.channel(rank));
  return channels;
}

ClusterSettings cluster_of(const ContainmentSettings& containment) {
  ClusterSettings cluster;
  cluster.suspect_seconds = containment.suspect_seconds;
  cluster.dead_seconds = containment.dead_seconds;
  cluster.lease_seconds = containment.lease_seconds;
  cluster.coordinator_seconds = containment.coordinator_seconds;
  cluster.shortest_deadline_seconds = containment.shortest_deadline_seconds;
  return cluster;
}

std::string device_text(const Experiment& experiment, const Plan& plan) {
  const framework::ComputeDevice& gpu = experiment.computes_on;
  const auto memory = plan_gpu(experiment, plan, gpu.memory_bytes - framework::DeviceMemoryPlan::context_bytes);
  return gpu.name + ", about " + std::to_string(memory.micro_batch_tokens) + " tokens at a time";
}

/// One that every worker can evaluate and that takes the paths which others take: a uniform one of the better half.
Recipe golden_recipe(const SearchSpace& space) {
  const std::vector<std::string> names = space.uniform_options();
  return names.empty() ? space.largest_recipe() : *space.uniform(names[names.size() / 2]);
}

}  // namespace

Session::Session(const Experiment& experiment, Plan& plan, framework::ProcessGroup& group, Progress& progress,
                 Scheduler::OnRound on_round, Prepared wanted)
    : experiment_(experiment),
      plan_(plan),
      files_(experiment, group,
             [this, on_round](std::size_t chunks) {
               if (has_workers_) scheduler_.attend();
               on_round(chunks);
             }),
      model_(files_.share(plan.model)),
      crew_(experiment, plan, share_cores(experiment, group, plan), group),
      scheduler_(start_all(crew_, group, experiment, plan, model_),
                 {.cluster = cluster_of(experiment.containment),
                  .self = make_hello(plan.model, experiment.computes_on),
                  .say = [&progress](const std::string& line) { progress.say(line); },
                  .clock = {},
                  .watchdog = &group.watchdog(),
                  .on_lost =
                      [this, &experiment, &group](std::size_t worker) {
                        const bool is_remote = worker >= crew_.size() || experiment.containment.ranks_per_worker > 1;
                        if (is_remote) group.note_lost_rank();
                      }}) {
  has_workers_ = true;
  if (experiment.computes_on.gpu) progress.say("evaluating on " + device_text(experiment, plan));
  scheduler_.set_on_round(std::move(on_round));
  text_ = prepare_text(experiment, plan, files_, scheduler_, progress);
  calibration_key_ = prepare_calibration(experiment, plan, text_, files_, scheduler_, progress);
  bank_file_ = prepare_bank(experiment, plan, calibration_key_, files_, scheduler_, progress);
  if (wanted == Prepared::bank) return;
  reference_nll_ = prepare_teacher(experiment, plan, text_, files_, scheduler_, progress);
  if (!text_.holdout.items.empty()) {
    framework::ItemScores items = framework::score_items(text_.holdout, 0, reference_nll_, reference_nll_);
    reference_nll_ = std::move(items.nll);
    reference_wrong_ = std::move(items.wrong);
  }
  if (wanted == Prepared::teacher) return;
  scheduler_.check_golden({WindowSet::search, 0, 1, {golden_recipe(plan.space)}});
}

LeaseSettings Session::lease_settings() const {
  const std::int64_t window_bytes =
      experiment_.windows.window_tokens() * plan_.model.config().hidden * static_cast<std::int64_t>(sizeof(float));
  const std::int64_t most_bytes = experiment_.computes_on.gpu ? max_state_bytes_on_gpu : max_state_bytes;
  return {.stages = static_cast<std::int64_t>(plan_.model.stages().size()),
          .max_windows = std::max<std::int64_t>(1, most_bytes / window_bytes)};
}

}  // namespace pare::search
