// SPDX-License-Identifier: Apache-2.0
// The evaluator of pare_scripted, the command with an evaluator that fails on demand: takes the place of
// search/experiment/serve_tasks.cpp. It prepares text, bank and teacher like the real one, but losses are computed from
// recipe and window alone, at a cost in time, and candidates misbehave as PARE_SCRIPT says:
//
//   PARE_SCRIPT="cost=2 crash=40 hang=0 nan=0 node=0"
//
// cost: milliseconds for each candidate and window; crash, hang, nan: each of these befalls one candidate in so many
// (0: none), the first time that a process of this host evaluates it, going by marks in PARE_SCRIPT_MARKS, a directory.
// node: ranks that take themselves to be on one node (0: all). Members of a worker of several ranks pass states that say
// of which task they are; who gets those of another leaves the mark "strange-states".
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <span>
#include <sstream>
#include <string>
#include <thread>
#include <variant>

#include "framework/comm/channel.hpp"
#include "search/coordination/protocol.hpp"
#include "search/coordination/state_handover.hpp"
#include "search/experiment/serve_tasks.hpp"

namespace pare::search {
namespace {

struct Script {
  double cost = 1;
  std::uint64_t crash = 0;
  std::uint64_t hang = 0;
  std::uint64_t nan = 0;
  int node = 0;
};

Script read_script() {
  Script script;
  const char* text = std::getenv("PARE_SCRIPT");
  std::istringstream words(text != nullptr ? text : "");
  for (std::string word; words >> word;) {
    const std::size_t equals = word.find('=');
    const std::string key = word.substr(0, equals);
    const double value = std::atof(word.c_str() + equals + 1);
    if (key == "cost") script.cost = value;
    if (key == "crash") script.crash = static_cast<std::uint64_t>(value);
    if (key == "hang") script.hang = static_cast<std::uint64_t>(value);
    if (key == "nan") script.nan = static_cast<std::uint64_t>(value);
    if (key == "node") script.node = static_cast<int>(value);
  }
  return script;
}

/// Before main: a rank asks for the name of its node when MPI starts.
const bool has_moved = [] {
  const char* rank = std::getenv("OMPI_COMM_WORLD_RANK");
  const int node = read_script().node;
  if (rank == nullptr || node == 0) return false;
  return ::setenv("SLURMD_NODENAME", ("node" + std::to_string(std::atoi(rank) / node)).c_str(), 1) == 0;
}();

/// SplitMix64's last step.
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

std::uint64_t name_of(const Recipe& recipe) {
  std::uint64_t hash = 1;
  for (const std::uint8_t option : recipe) hash = mix(hash + option + 0x9e3779b97f4a7c15U);
  return hash;
}

/// Every site has a weight, and every further option of it costs an eighth of the loss of the one before.
double loss(const Recipe& recipe, std::uint64_t window) {
  double sum = 0;
  for (std::size_t site = 0; site < recipe.size(); ++site) {
    const double weight = 1 + static_cast<double>(mix(site + 7) % 100) / 25;
    const double noise = 1 + static_cast<double>(mix(site * 1000 + window) % 100) / 1000;
    double step = 0.01;
    for (int option = 0; option < recipe[site]; ++option) step /= 8;
    sum += weight * noise * step;
  }
  return sum;
}

/// False where the mark is there already.
bool leave_mark(const std::string& name) {
  const char* marks = std::getenv("PARE_SCRIPT_MARKS");
  if (marks == nullptr) return false;
  const std::string mark = std::string(marks) + "/" + name;
  const int file = ::open(mark.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
  if (file >= 0) ::close(file);
  return file >= 0;
}

/// True for one candidate in `share`, once: whoever creates the mark is the first.
bool befalls(std::uint64_t candidate, std::uint64_t share, const char* what) {
  if (share == 0 || mix(candidate) % share != 0) return false;
  return leave_mark(std::string(what) + "-" + std::to_string(candidate));
}

/// What the states of a task are here: of every window a number that no other task has for it.
std::vector<float> states_of(const Evaluate& task) {
  std::uint64_t name = static_cast<std::uint64_t>(task.set) + 1;
  for (const Recipe& recipe : task.recipes) name = mix(name + name_of(recipe));
  std::vector<float> states;
  for (std::int64_t window = task.begin; window < task.begin + task.count; ++window)
    states.push_back(static_cast<float>(mix(name + static_cast<std::uint64_t>(window)) % (1U << 24)));
  return states;
}

/// Which stages of the model this process has, of all.
struct Part {
  bool is_first, is_last;
};

Outcome evaluate(const Script& script, const Evaluate& task, const Part& part, StateHandover& handover) {
  const std::vector<float> states = states_of(task);
  if (!part.is_first) {
    try {
      if (!std::ranges::equal(handover.take(task.states), states)) leave_mark("strange-states");
    } catch (const framework::OutOfSight&) {
      return Unseen{};
    }
  }
  Evaluated evaluated;
  for (const Recipe& recipe : task.recipes) {
    const std::uint64_t candidate = name_of(recipe);
    if (befalls(candidate, script.crash, "crash")) ::raise(SIGSEGV);
    if (befalls(candidate, script.hang, "hang")) std::this_thread::sleep_for(std::chrono::hours(1));
    if (befalls(candidate, script.nan, "nan")) return Failed{FailureKind::evaluation, "a loss is not a number"};
    for (std::int64_t window = task.begin; window < task.begin + task.count; ++window) {
      const std::uint64_t place = static_cast<std::uint64_t>(window) + (task.set == WindowSet::search ? 0 : 100000);
      evaluated.kl.push_back(loss(recipe, place));
      evaluated.nll.push_back(2 + evaluated.kl.back());
      std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(script.cost));
      ++evaluated.stage_runs;
      ++evaluated.stage_runs_separate;
    }
  }
  if (part.is_last) return evaluated;
  std::ranges::copy(states, handover.room(task.slot, states.size()).begin());
  return Passed{handover.give(), 0, 0};
}

}  // namespace

void serve_tasks(const WorkerSetup& setup, framework::Channel& coordinator) {
  const Script script = read_script();
  const framework::StageRange& stages = setup.evaluator.stages;
  const Part part{stages.has_embedding(), stages.has_head(setup.model.stages().size())};
  StateHandover handover(framework::CopiedBy::processor);
  std::jthread preparing;  // before its line: the line goes first, which ends the thread
  auto [here, there] = framework::make_thread_channel();
  preparing = std::jthread([&setup, channel = std::move(there)] {
    try {
      Worker(setup).serve(*channel);
    } catch (const std::exception&) {
      // Its line is gone.
    }
  });
  coordinator.send(here->receive());  // Hello
  while (true) {
    const auto message = coordinator.receive();
    const NumberedTask task = decode_task(message);
    if (const auto* lease = std::get_if<Evaluate>(&task.task)) {
      const auto start = std::chrono::steady_clock::now();
      Reply reply{.number = task.number, .seconds = 0, .outcome = evaluate(script, *lease, part, handover)};
      reply.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      coordinator.send(encode(reply));
      continue;
    }
    here->send(message);
    if (std::holds_alternative<Stop>(task.task)) break;
    coordinator.send(here->receive());
  }
}

}  // namespace pare::search
