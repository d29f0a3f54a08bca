// SPDX-License-Identifier: Apache-2.0
//
//   mpirun --oversubscribe --bind-to none -n RANKS bench_worker_group [MIB] [near | apart | messages]
//
// What it costs to pass hidden states from rank to rank of a worker of RANKS ranks (worker_group.hpp), without any model.
// As in a search every rank has its evaluator in a child process; these copy the states that enter to those that leave.
// MIB: of the states of a window, 64 where nothing is said. near: all ranks are of one node; apart: each is of its own, as
// far as they know; messages: none sees the memory of another. Printed: states a second through the whole worker, each
// counted once.
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "framework/bench/seconds.hpp"
#include "framework/comm/process_group.hpp"
#include "search/coordination/isolated_worker.hpp"
#include "search/coordination/relay.hpp"
#include "search/coordination/state_carrier.hpp"
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
  bool is_first, is_last, sees_memory;
};

int serve(framework::Channel& parent) {
  const auto message = parent.receive();
  Introduction self{};
  std::memcpy(&self, message.data(), sizeof(self));
  StateHandover handover(framework::CopiedBy::processor);
  std::vector<float> states;
  parent.send(encode(Reply{0, 0, Hello{"build", "isa", "model", "node", getpid()}}));
  while (true) {
    const NumberedTask task = decode_task(parent.receive());
    const auto& lease = std::get<Evaluate>(task.task);
    const auto count = static_cast<std::size_t>(lease.count);
    Outcome outcome;
    states.resize(count * static_cast<std::size_t>(self.floats), 1.0f);
    if (lease.states.shared && !self.sees_memory) {
      outcome = Unseen{};
    } else {
      if (!self.is_first) std::ranges::copy(handover.take(lease.states), states.begin());
      if (self.is_last) {
        outcome = Evaluated{std::vector<double>(count, states.front()), std::vector<double>(count, states.back())};
      } else {
        std::ranges::copy(states, handover.room(lease.slot, states.size()).begin());
        outcome = Passed{handover.give()};
      }
    }
    parent.send(encode(Reply{task.number, 0.001, std::move(outcome)}));
  }
}

std::unique_ptr<framework::Channel> start_evaluator(framework::ProcessGroup& group, std::int64_t floats,
                                                    std::string_view way) {
  const bool is_first = group.rank() == 0, is_last = group.rank() + 1 == group.size();
  const Introduction introduction{floats, is_first, is_last, way != "messages"};
  const auto bytes = std::as_bytes(std::span(&introduction, 1));
  auto evaluator = std::make_unique<IsolatedWorker>(group.spawner(), std::vector<std::byte>(bytes.begin(), bytes.end()),
                                                    TaskDeadline(600, 600));
  if (way != "apart") return evaluator;
  const auto line_to = [&](int rank) { return group.channel(rank, framework::Traffic::states); };
  return std::make_unique<StateCarrier>(std::move(evaluator), is_first ? nullptr : line_to(group.rank() - 1),
                                        is_last ? nullptr : line_to(group.rank() + 1));
}

bool measure(WorkerGroup& worker, std::int64_t floats) {
  const Evaluate lease{.set = WindowSet::search, .begin = 0, .count = windows, .recipes = {{0}}};
  worker.receive();  // Hello
  for (int round = 0; round < 4; ++round) {
    Reply reply;
    const double seconds = framework::seconds([&] {
      worker.send(encode(NumberedTask{1, lease}));
      reply = decode_reply(worker.receive());
    });
    if (!std::holds_alternative<Evaluated>(reply.outcome)) return false;
    fmt::print("{} windows of {} MiB: {:.2f} s, {:.0f} MiB/s\n", windows, 4 * floats / mebi, seconds,
               static_cast<double>(windows * 4 * floats / mebi) / seconds);
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  framework::ProcessGroup group(argc, argv, serve);
  const std::int64_t floats = (argc > 1 ? std::atoll(argv[1]) : 64) * mebi / 4;
  auto evaluator = start_evaluator(group, floats, argc > 2 ? argv[2] : "near");
  if (group.rank() > 0) {
    relay(*group.channel(0), *evaluator, {});
    return group.finish(0);
  }
  std::vector<WorkerGroup::Member> members;
  members.push_back({std::move(evaluator), "rank 0"});
  for (int rank = 1; rank < group.size(); ++rank)
    members.push_back({group.channel(rank), fmt::format("rank {}", rank)});
  WorkerGroup worker(std::move(members), {.window_bytes = 4 * floats});
  const bool sound = measure(worker, floats);
  worker.send(encode(NumberedTask{0, Stop{}}));
  return group.finish(sound ? 0 : 1);
}
