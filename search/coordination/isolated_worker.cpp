// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/isolated_worker.hpp"

#include <fmt/core.h>

#include <exception>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

namespace pare::search {
namespace {

constexpr int deaths_in_a_row = 5;

bool makes_state(const Task& task) {
  return std::holds_alternative<UseText>(task) || std::holds_alternative<CalibrateStage>(task) ||
         std::holds_alternative<UseCalibration>(task) || std::holds_alternative<UseBank>(task) ||
         std::holds_alternative<UseTeacher>(task);
}

/// `later` makes what `earlier` did to the state void: calibration starts anew at stage 0 and is over once its result
/// is used; any other task replaces the last of its kind.
bool replaces(const Task& later, const Task& earlier) {
  if (std::holds_alternative<CalibrateStage>(earlier)) {
    const auto* stage = std::get_if<CalibrateStage>(&later);
    return std::holds_alternative<UseCalibration>(later) || (stage != nullptr && stage->stage == 0);
  }
  return later.index() == earlier.index();
}

}  // namespace

IsolatedWorker::IsolatedWorker(framework::Spawner& spawner, std::vector<std::byte> introduction,
                               const TaskDeadline& deadline)
    : spawner_(spawner), introduction_(std::move(introduction)), deadline_(deadline) {
  start();
}

IsolatedWorker::~IsolatedWorker() {
  if (child_.pid < 0) return;
  try {
    spawner_.end(child_.pid);
  } catch (const std::exception&) {
    // The spawner is gone, and its children went with it.
  }
}

void IsolatedWorker::start() {
  child_ = spawner_.start();
  child_.channel->send(introduction_);
}

void IsolatedWorker::hand_over(Pending pending) {
  if (pending_.empty()) front_since_ = Clock::now();
  child_.channel->send(pending.bytes);
  pending_.push_back(std::move(pending));
}

void IsolatedWorker::send(std::span<const std::byte> task) {
  NumberedTask decoded = decode_task(task);
  if (std::holds_alternative<Stop>(decoded.task)) return;  // the destructor's affair
  hand_over({std::move(decoded), {task.begin(), task.end()}, false});
}

std::optional<IsolatedWorker::Message> IsolatedWorker::try_receive() {
  while (auto message = listen()) {
    if (auto answer = take(std::move(*message))) return answer;
  }
  return broken_ ? replace({}) : enforce_deadline();
}

std::optional<IsolatedWorker::Message> IsolatedWorker::listen() {
  try {
    return child_.channel->try_receive();
  } catch (const std::exception&) {
    broken_ = true;
    return std::nullopt;
  }
}

std::optional<IsolatedWorker::Message> IsolatedWorker::take(Message message) {
  const Reply reply = decode_reply(message);
  const auto* failed = std::get_if<Failed>(&reply.outcome);
  if (failed != nullptr && reply.number == refusal_to_start) throw InputError(failed->text);
  if (std::holds_alternative<Alive>(reply.outcome) || std::holds_alternative<Hello>(reply.outcome)) return message;
  if (pending_.empty()) return std::nullopt;
  const Pending done = std::move(pending_.front());
  pending_.pop_front();
  front_since_ = Clock::now();
  if (failed == nullptr) deadline_.learn(done.task.task, reply.seconds);
  if (done.again && failed != nullptr) return replace("could not be brought back to its state: " + failed->text);
  if (done.again) return std::nullopt;
  deaths_ = 0;
  if (failed == nullptr && makes_state(done.task.task)) remember(done);
  if (failed != nullptr && failed->kind == FailureKind::device) {
    spawner_.end(std::exchange(child_.pid, -1));
    start_again(std::exchange(pending_, {}));
  }
  return message;
}

void IsolatedWorker::remember(const Pending& done) {
  std::erase_if(state_, [&](const Pending& earlier) { return replaces(done.task.task, earlier.task.task); });
  state_.push_back({done.task, done.bytes, true});
}

std::optional<IsolatedWorker::Message> IsolatedWorker::replace(const std::string& why) {
  broken_ = false;
  const std::string end = spawner_.end(std::exchange(child_.pid, -1));
  if (++deaths_ > deaths_in_a_row)
    throw std::runtime_error("evaluator gave up after " + std::to_string(deaths_) +
                             " deaths in a row: " + (why.empty() ? end : why));
  std::deque<Pending> waiting = std::exchange(pending_, {});
  std::erase_if(waiting, [](const Pending& pending) { return pending.again; });
  std::optional<Message> answer;
  if (!waiting.empty()) {
    const double seconds = std::chrono::duration<double>(Clock::now() - front_since_).count();
    const Failed failed{FailureKind::crash, "evaluator " + (why.empty() ? end : why)};
    answer = encode(Reply{.number = waiting.front().task.number, .seconds = seconds, .outcome = failed});
    waiting.pop_front();
  }
  start_again(std::move(waiting));
  return answer;
}

void IsolatedWorker::start_again(std::deque<Pending> waiting) {
  start();
  for (const Pending& pending : state_) hand_over(pending);
  for (Pending& pending : waiting) hand_over(std::move(pending));
}

std::optional<IsolatedWorker::Message> IsolatedWorker::enforce_deadline() {
  if (pending_.empty()) return std::nullopt;
  const double limit = deadline_.seconds(pending_.front().task.task);
  if (std::chrono::duration<double>(Clock::now() - front_since_).count() < limit) return std::nullopt;
  return replace(fmt::format("killed: no answer within {:.0f} s", limit));
}

}  // namespace pare::search
