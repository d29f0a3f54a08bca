// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/crew.hpp"

#include <fmt/core.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <string>

#include "framework/io/relaying_channel.hpp"
#include "kernels/core/contract.hpp"
#include "search/coordination/drain.hpp"
#include "search/coordination/isolated_worker.hpp"
#include "search/coordination/relay.hpp"
#include "search/coordination/state_carrier.hpp"
#include "search/coordination/worker_group.hpp"
#include "search/experiment/choose_device.hpp"
#include "search/experiment/rank_log.hpp"
#include "search/experiment/serve_tasks.hpp"
#include "search/store/byte_codec.hpp"

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

int cores_to_use(const Experiment& experiment, const framework::ProcessGroup& group) {
  return experiment.threads > 0 ? experiment.threads : cores_of_this_rank(group);
}

std::chrono::milliseconds milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

/// A line that breaks while a worker waits or answers ends the worker: the coordinator gave up and says why, or is gone.
template <class Serve>
void serve_quietly(const Serve& serve) {
  try {
    serve();
  } catch (const std::exception&) {
  }
}

/// Bytes of the hidden state of a window.
std::int64_t window_bytes(const Experiment& experiment, const Plan& plan) {
  return experiment.windows.window_tokens() * plan.model.config().hidden * static_cast<std::int64_t>(sizeof(float));
}

/// What evaluates at this rank, with lines for states to the ranks of its worker on other nodes beside it.
std::unique_ptr<framework::Channel> with_states_of_other_nodes(std::unique_ptr<framework::Channel> evaluator,
                                                               const Experiment& experiment,
                                                               framework::ProcessGroup& group) {
  const int ranks = experiment.containment.ranks_per_worker;
  const int member = group.rank() % ranks;
  const std::vector<std::string>& nodes = group.nodes();
  const auto node = [&](int rank) { return nodes[static_cast<std::size_t>(rank)]; };
  const auto line_to = [&](int neighbor) -> std::unique_ptr<framework::Channel> {
    const int rank = group.rank() - member + neighbor;
    if (neighbor < 0 || neighbor >= ranks || node(rank) == node(group.rank())) return nullptr;
    return group.channel(rank, framework::Traffic::states);
  };
  auto before = line_to(member - 1);
  auto next = line_to(member + 1);
  if (!before && !next) return evaluator;
  return std::make_unique<StateCarrier>(std::move(evaluator), std::move(before), std::move(next));
}

/// The worker of several ranks of which this is the first, `first` being what evaluates here; where a rank is a worker by
/// itself, just that.
std::unique_ptr<framework::Channel> with_other_members(std::unique_ptr<framework::Channel> first,
                                                       const Experiment& experiment, std::int64_t window_state_bytes,
                                                       framework::ProcessGroup& group) {
  const int ranks = experiment.containment.ranks_per_worker;
  if (ranks == 1) return first;
  std::vector<WorkerGroup::Member> members;
  for (int rank = group.rank(); rank < group.rank() + ranks; ++rank)
    members.push_back({rank == group.rank() ? std::move(first) : group.channel(rank), fmt::format("rank {}", rank)});
  return std::make_unique<WorkerGroup>(std::move(members),
                                       WorkerGroupSettings{.window_bytes = window_state_bytes,
                                                           .dead = milliseconds(experiment.containment.dead_seconds)});
}

/// `process`: the rank that the child works for.
std::unique_ptr<framework::Channel> start_child(const Experiment& experiment, int threads,
                                                const framework::RankOfNode& process, framework::Spawner& spawner) {
  ByteWriter introduction;
  introduction.number(std::int32_t{threads});
  introduction.string(experiment.resolved_yaml);
  introduction.string(experiment.model.string());
  introduction.number(static_cast<std::uint8_t>(experiment.computes_on.gpu.has_value()));
  introduction.number(std::int32_t{process.rank});
  introduction.number(std::int32_t{process.size});
  introduction.number(std::int32_t{experiment.member});
  return std::make_unique<IsolatedWorker>(
      spawner, introduction.take(),
      TaskDeadline(experiment.containment.shortest_deadline_seconds, experiment.containment.lease_seconds));
}

}  // namespace

CoreShare share_cores(const Experiment& experiment, const framework::ProcessGroup& group, const Plan& plan) {
  const int ranks = experiment.containment.ranks_per_worker;
  VALIDATE(group.size() % ranks == 0, "cluster.ranks_per_worker: ", ranks, " ranks make a worker, but there are ",
           group.size(), ": start a multiple of ", ranks, " (pare run -n ", ranks, ", mpirun -n ", ranks,
           "), or let every rank be one (--set cluster.ranks_per_worker=1)");
  const int cores = cores_to_use(experiment, group);
  const framework::ModelConfig& config = plan.model.config();
  const bool small =
      2 * config.vocabulary * config.hidden * static_cast<std::int64_t>(sizeof(float)) <= small_model_table_bytes;
  if (group.size() == 1 && small && !experiment.computes_on.gpu) return {.workers = cores, .threads = 1};
  return {.workers = 1, .threads = cores};
}

WorkerSetup make_worker_setup(const Experiment& experiment, const Plan& plan, int threads) {
  return {.model = plan.model,
          .sites = plan.sites,
          .bank_plan = plan.bank,
          .device = experiment.computes_on,
          .evaluator = {.precision = experiment.precision,
                        .cache_bytes = experiment.weight_cache_mib << 20,
                        .state_bytes = experiment.state_cache_bytes(),
                        .stages = own_stages(experiment, plan.model)},
          .windows = experiment.windows,
          .text_seed = experiment.seed,
          .top_k = std::min(experiment.teacher_top_k, plan.model.config().vocabulary),
          .threads = threads};
}

LocalCrew::LocalCrew(const Experiment& experiment, const Plan& plan, const CoreShare& share,
                     framework::ProcessGroup& group)
    : size_(static_cast<std::size_t>(share.workers)) {
  for (int w = 0; w < share.workers; ++w) {
    if (experiment.containment.isolates()) {
      channels_.push_back(start_child(experiment, share.threads, rank_of_node(group), group.spawner()));
      continue;
    }
    auto [here, there] = framework::make_thread_channel();
    channels_.push_back(std::move(here));
    threads_.emplace_back([setup = make_worker_setup(experiment, plan, share.threads), channel = std::move(there)] {
      serve_quietly([&] { serve_tasks(setup, *channel); });
    });
  }
  channels_.front() = with_other_members(with_states_of_other_nodes(std::move(channels_.front()), experiment, group),
                                         experiment, window_bytes(experiment, plan), group);
}

LocalCrew::~LocalCrew() {
  for (std::thread& thread : threads_) thread.join();
}

void start_remote_workers(framework::ProcessGroup& group, const Experiment& experiment, const Plan& plan,
                          const std::filesystem::path& model) {
  ByteWriter word;
  word.string(experiment.resolved_yaml);
  word.string(model.string());
  word.number(static_cast<std::uint8_t>(experiment.computes_on.gpu.has_value()));
  word.number(window_bytes(experiment, plan));
  const std::vector<std::byte> message = word.take();
  for (int rank = 1; rank < group.size(); ++rank) group.channel(rank)->send(message);
}

void dismiss_remote_workers(framework::ProcessGroup& group) {
  for (int rank = 1; rank < group.size(); ++rank) group.channel(rank)->send({});
}

int serve_in_child(framework::Channel& parent) {
  handle_signals_of_worker();
  const auto message = parent.receive();
  ByteReader in(message, "introduction");
  const auto threads = in.number<std::int32_t>();
  std::optional<Experiment> experiment;
  std::optional<Plan> plan;
  try {
    experiment = parse_experiment(in.string(), "experiment of rank 0", {});
    experiment->model = in.string();
    const bool on_gpus = in.number<std::uint8_t>() != 0;
    const auto rank = in.number<std::int32_t>();
    const auto size = in.number<std::int32_t>();
    experiment = on_same_device(*experiment, on_gpus, {rank, size});
    experiment->member = in.number<std::int32_t>();
    plan.emplace(*experiment);
  } catch (const InputError& error) {
    const Failed failed{FailureKind::input, error.what()};
    parent.send(encode(Reply{.number = refusal_to_start, .seconds = 0, .outcome = failed}));
    parent.receive();  // nothing more comes; the parent ends this process
  }
  serve_tasks(make_worker_setup(*experiment, *plan, threads), parent);
  return 0;
}

int serve_as_remote_worker(framework::ProcessGroup& group) {
  framework::RelayingChannel coordinator(group);
  const auto message = coordinator.receive();
  if (message.empty()) return 0;
  ByteReader word(message, "word of rank 0");
  Experiment experiment = parse_experiment(word.string(), "experiment of rank 0", {});
  experiment.model = word.string();
  experiment = on_same_device(experiment, word.number<std::uint8_t>() != 0, rank_of_node(group));
  experiment.member = group.rank() % experiment.containment.ranks_per_worker;
  const auto window_state_bytes = word.number<std::int64_t>();
  open_rank_log(experiment.output, group);
  const int first_rank = group.rank() - experiment.member;
  if (experiment.member > 0) coordinator.turn_to(first_rank);
  const auto serve = [&](std::unique_ptr<framework::Channel> evaluator) {
    evaluator = with_states_of_other_nodes(std::move(evaluator), experiment, group);
    if (experiment.member == 0)
      evaluator = with_other_members(std::move(evaluator), experiment, window_state_bytes, group);
    const RelaySettings settings{.heartbeat = milliseconds(experiment.containment.heartbeat_seconds),
                                 .silence = milliseconds(experiment.containment.silence_seconds),
                                 .coordinator = fmt::format("rank {}", experiment.member > 0 ? first_rank : 0)};
    if (relay(coordinator, *evaluator, settings)) group.note_lost_rank();
  };
  const int threads = cores_to_use(experiment, group);
  if (experiment.containment.isolates()) {
    serve(start_child(experiment, threads, rank_of_node(group), group.spawner()));
    return 0;
  }
  const Plan plan(experiment);
  std::jthread evaluator;  // before its line: the line goes first, which ends the thread
  auto [here, there] = framework::make_thread_channel();
  evaluator = std::jthread([setup = make_worker_setup(experiment, plan, threads), channel = std::move(there)] {
    serve_quietly([&] { serve_tasks(setup, *channel); });
  });
  serve(std::move(here));
  return 0;
}

}  // namespace pare::search
