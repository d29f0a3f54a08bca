// SPDX-License-Identifier: Apache-2.0
//
//   mpirun --oversubscribe --bind-to none -n RANKS bench_worker_group [MiB of the states of a window]     64 where none is said
//
// What it costs to pass hidden states from rank to rank of a worker of RANKS ranks (worker_group.hpp), without any model:
// every rank has its evaluator in a child process, as in a search; the evaluators copy the states that enter to those that
// leave. Printed: states a second through the whole worker, counted once.
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "framework/comm/process_group.hpp"
#include "search/coordination/isolated_worker.hpp"
#include "search/coordination/relay.hpp"
#include "search/coordination/state_handover.hpp"
#include "search/coordination/worker_group.hpp"

namespace {

using namespace pare;
using namespace pare::search;

constexpr std::int64_t windows = 32;
constexpr std::int64_t mebi = std::int64_t{1} << 20;

/// The first message of a child.
struct Introduction {
  std::int64_t floats;  ///< of a window
  bool is_first, is_last, apart;
};

int serve(framework::Channel& parent) {
  const auto message = parent.receive();
  Introduction self{};
  std::memcpy(&self, message.data(), sizeof(self));
  StateHandover handover(framework::CopiedBy::processor);
  std::vector<float> states;
  parent.send(
      encode(Reply{0, 0, Hello{"build", "isa", "model", self.apart ? std::to_string(getpid()) : "node", getpid()}}));
  while (true) {
    const NumberedTask task = decode_task(parent.receive());
    const auto& lease = std::get<Evaluate>(task.task);
    const auto count = static_cast<std::size_t>(lease.count);
    states.resize(count * static_cast<std::size_t>(self.floats), 1.0f);
    if (!self.is_first) std::ranges::copy(handover.take(lease.states), states.begin());
    Outcome outcome;
    if (self.is_last) {
      outcome =
          Evaluated{.kl = std::vector<double>(count, states.front()), .nll = std::vector<double>(count, states.back())};
    } else {
      std::ranges::copy(states, handover.room(lease.slot, states.size()).begin());
      outcome = Passed{handover.give()};
    }
    parent.send(encode(Reply{task.number, 0.001, std::move(outcome)}));
  }
}

std::unique_ptr<IsolatedWorker> start_evaluator(framework::ProcessGroup& group, std::int64_t floats) {
  const Introduction introduction{floats, group.rank() == 0, group.rank() + 1 == group.size(),
                                  std::getenv("APART") != nullptr};
  const auto bytes = std::as_bytes(std::span(&introduction, 1));
  return std::make_unique<IsolatedWorker>(group.spawner(), std::vector<std::byte>(bytes.begin(), bytes.end()),
                                          TaskDeadline(600, 600));
}

void measure(framework::Channel& worker) {
  std::get<Hello>(decode_reply(worker.receive()).outcome);
}

}  // namespace

int main(int argc, char** argv) {
  framework::ProcessGroup group(argc, argv, serve);
  const std::int64_t floats = (argc > 1 ? std::atoll(argv[1]) : 64) * mebi / 4;
  auto evaluator = start_evaluator(group, floats);
  if (group.rank() > 0) {
    const auto first = group.channel(0);
    relay(*first, *evaluator, {});
    return group.finish(0);
  }
  std::vector<WorkerGroup::Member> members;
  members.push_back({std::move(evaluator), "rank 0"});
  for (int rank = 1; rank < group.size(); ++rank)
    members.push_back({group.channel(rank), fmt::format("rank {}", rank)});
  {
    WorkerGroup worker(std::move(members), {.window_bytes = floats * 4});
    measure(worker);
    for (int round = 0; round < 3; ++round) {
      const auto start = std::chrono::steady_clock::now();
      worker.send(
          encode(NumberedTask{1, Evaluate{.set = WindowSet::search, .begin = 0, .count = windows, .recipes = {{0}}}}));
      const Reply reply = decode_reply(worker.receive());
      if (!std::holds_alternative<Evaluated>(reply.outcome)) return 1;
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      fmt::print("{} windows of {} MiB: {:.2f} s, {:.0f} MiB/s\n", windows, floats * 4 / mebi, seconds,
                 static_cast<double>(windows * floats * 4 / mebi) / seconds);
    }
    worker.send(encode(NumberedTask{0, Stop{}}));
  }
  return group.finish(0);
}
