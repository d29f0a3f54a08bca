// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/worker_line.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "framework/comm/abandon.hpp"
#include "kernels/core/contract.hpp"

namespace pare::search {

WorkerLine::WorkerLine(std::size_t number, std::unique_ptr<framework::Channel> channel, double now)
    : channel_(std::move(channel)), front_since_(now), last_heard_(now) {
  statistics_.number = number;
}

std::string WorkerLine::name() const {
  const std::string name = pare::detail::concatenate("worker ", statistics_.number);
  return hello ? pare::detail::concatenate(name, " (", hello->host, ", pid ", hello->pid, ")") : name;
}

void WorkerLine::send(std::uint64_t number, const LeasePointer& lease, double now) {
  EXPECT(usable());
  const std::vector<std::byte> message = encode(NumberedTask{number, lease->task});
  if (queue_.empty()) front_since_ = now;
  queue_.push_back({number, lease, now});  // first: what cannot be sent is taken off with the rest of the queue
  ++lease->under_way;
  channel_->send(message);
  statistics_.bytes_sent += message.size();
}

void WorkerLine::echo() {
  channel_->send(encode(NumberedTask{0, Echo{}}));
}

std::optional<Reply> WorkerLine::receive(double now) {
  const auto message = channel_->try_receive();
  if (!message) return std::nullopt;
  statistics_.bytes_received += message->size();
  last_heard_ = now;
  Reply reply = decode_reply(*message);
  if (!std::isfinite(reply.seconds) || reply.seconds < 0) reply.seconds = 0;
  return reply;
}

std::optional<WorkerLine::Attempt> WorkerLine::take_attempt(const Reply& reply, double now) {
  const auto found = std::ranges::find(queue_, reply.number, &Attempt::number);
  if (found == queue_.end()) return std::nullopt;
  Attempt attempt = std::move(*found);
  queue_.erase(found);
  --attempt.lease->under_way;
  front_since_ = now;
  ++statistics_.tasks;
  statistics_.busy_seconds += reply.seconds;
  statistics_.latency.add(now - attempt.sent);
  return attempt;
}

std::deque<WorkerLine::Attempt> WorkerLine::take_queue() {
  for (const Attempt& attempt : queue_) --attempt.lease->under_way;
  return std::exchange(queue_, {});
}

void WorkerLine::forgive(double seconds) {
  last_heard_ += seconds;
  front_since_ += seconds;
}

void WorkerLine::attend_retired(double now) {
  try {
    while (const auto reply = receive(now))
      if (std::holds_alternative<Alive>(reply->outcome)) echo();
  } catch (const InputError&) {
    // It talks nonsense: one reason to be here.
  } catch (const std::exception&) {
    channel_.reset();
  }
}

void WorkerLine::close(WorkerState why, std::optional<Stop> farewell) {
  statistics_.state = why;
  if (!channel_) return;
  try {
    if (farewell) channel_->send(encode(NumberedTask{0, *farewell}));
  } catch (const std::exception&) {
    // The line is broken, so there is nobody left to stop.
  }
  channel_.reset();
}

void WorkerLine::abandon() {
  statistics_.state = WorkerState::lost;
  framework::abandon(std::move(channel_));
}

}  // namespace pare::search
