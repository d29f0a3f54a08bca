// SPDX-License-Identifier: Apache-2.0
// The evaluator of pare_scripted, the command with an evaluator that fails on demand: takes the place of
// search/experiment/serve_tasks.cpp. It prepares text, bank and teacher like the real one, but losses are computed from
// recipe and window alone, at a cost in time, and candidates misbehave as PARE_SCRIPT says:
//
//   PARE_SCRIPT="cost=2 crash=40 hang=0 nan=0"
//
// cost: milliseconds for each candidate and window; crash, hang, nan: each of these befalls one candidate in so many
// (0: none), the first time that a process of this host evaluates it, going by marks in PARE_SCRIPT_MARKS, a directory.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <sstream>
#include <string>
#include <thread>
#include <variant>

#include "framework/comm/channel.hpp"
#include "search/coordination/protocol.hpp"
#include "search/experiment/serve_tasks.hpp"

namespace pare::search {
namespace {

struct Script {
  double cost = 1;
  std::uint64_t crash = 0;
  std::uint64_t hang = 0;
  std::uint64_t nan = 0;
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
  }
  return script;
}

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

/// True for one candidate in `share`, once: whoever creates the mark is the first.
bool befalls(std::uint64_t candidate, std::uint64_t share, const char* what) {
  const char* marks = std::getenv("PARE_SCRIPT_MARKS");
  if (share == 0 || marks == nullptr || mix(candidate) % share != 0) return false;
  const std::string mark = std::string(marks) + "/" + what + "-" + std::to_string(candidate);
  const int file = ::open(mark.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
  if (file >= 0) ::close(file);
  return file >= 0;
}

/// `last`: the process has the last stages of the model; the others have nothing to pass on, but fail as well.
Outcome evaluate(const Script& script, const Evaluate& task, bool last) {
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
  if (!last) return Passed{};
  return evaluated;
}

}  // namespace

void serve_tasks(const WorkerSetup& setup, framework::Channel& coordinator) {
  const Script script = read_script();
  const bool last = setup.evaluator.stages.has_head(setup.model.stages().size());
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
      Reply reply{.number = task.number, .seconds = 0, .outcome = evaluate(script, *lease, last)};
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
