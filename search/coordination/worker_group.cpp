// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/worker_group.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <exception>
#include <tuple>
#include <utility>
#include <variant>

#include "framework/comm/abandon.hpp"
#include "kernels/core/contract.hpp"
#include "search/coordination/lease.hpp"

namespace pare::search {
namespace {

// Between two looks: longer than that nobody listened here.
constexpr auto longest_look = std::chrono::seconds(1);
// Of one part, what all its candidates together may have of hidden states (a single window of a single one may have more);
// a member passes on up to handover_slots parts at a time.
constexpr std::int64_t most_state_bytes = std::int64_t{256} << 20;
// Parts that a member holds, so that it never waits for the next one.
constexpr std::size_t most_parts = 2;

bool goes_to_all(const Task& task) {
  return std::holds_alternative<UseText>(task) || std::holds_alternative<UseCalibration>(task) ||
         std::holds_alternative<UseBank>(task) || std::holds_alternative<UseTeacher>(task);
}

bool is_like(const Hello& a, const Hello& b) {
  return std::tie(a.build, a.isa, a.model) == std::tie(b.build, b.isa, b.model);
}

}  // namespace

WorkerGroup::WorkerGroup(std::vector<Member> members, const WorkerGroupSettings& settings)
    : settings_(settings), looked_(Clock::now()), last_answer_(looked_) {
  EXPECT(members.size() >= 2);
  for (Member& member : members) {
    Place& place = places_.emplace_back();
    place.member = std::move(member);
    place.heard = looked_;
  }
}

void WorkerGroup::send(std::span<const std::byte> task) {
  NumberedTask numbered = decode_task(task);
  if (std::holds_alternative<Stop>(numbered.task)) {
    for (const Place& place : places_)
      if (place.member.line) place.member.line->send(task);
    return;
  }
  if (lost_) return;
  const auto job = std::make_shared<Job>();
  job->number = numbered.number;
  job->task = std::move(numbered.task);
  jobs_.push_back(job);
  begin_jobs();
  feed();
}

std::optional<std::vector<std::byte>> WorkerGroup::try_receive() {
  for (std::size_t place = 0; place < places_.size(); ++place) listen(place);
  look_after_members();
  begin_jobs();
  feed();
  if (out_.empty()) return std::nullopt;
  std::vector<std::byte> message = std::move(out_.front());
  out_.pop_front();
  return message;
}

/// What changes the state of all members is done alone.
void WorkerGroup::begin_jobs() {
  while (!jobs_.empty() && !all_at_it_) {
    const bool for_all = goes_to_all(jobs_.front()->task);
    if (for_all && under_way_ > 0) return;
    all_at_it_ = for_all;
    begin(jobs_.front());
    jobs_.pop_front();
  }
}

void WorkerGroup::begin(const JobPointer& job) {
  ++under_way_;
  job->begun = Clock::now();
  if (goes_to_all(job->task)) {
    for (std::size_t p = 0; p < places_.size(); ++p) places_[p].waiting.push_back({job, p, job->task});
    job->open = places_.size();
  } else if (!goes_through_stages(job->task)) {
    const bool any_member = std::holds_alternative<BuildSite>(job->task);
    Place& place = any_member ? *std::ranges::min_element(places_, {}, &Place::parts) : places_.front();
    place.waiting.push_back({job, 0, job->task});
    job->open = 1;
  } else {
    const auto* lease = std::get_if<Evaluate>(&job->task);
    const std::int64_t count = lease != nullptr ? lease->count : std::get<Teach>(job->task).count;
    const std::int64_t candidates = lease != nullptr ? std::ssize(lease->recipes) : 1;
    const std::int64_t share = (count + std::ssize(places_) - 1) / std::ssize(places_);
    // States that there is room for, each of one candidate on one window.
    const std::int64_t room = std::max<std::int64_t>(1, most_state_bytes / settings_.window_bytes);
    const std::int64_t windows = std::clamp<std::int64_t>(room / std::max<std::int64_t>(1, candidates), 1, share);
    job->parts = cut(job->task, windows, static_cast<std::size_t>(room));
    for (const TaskPart& part : job->parts)
      places_.front().waiting.push_back({job, job->open++, part_of(job->task, part)});
  }
  job->answers.resize(job->open);
}

bool WorkerGroup::can_take_more(std::size_t place) const {
  if (places_[place].waiting.empty() || places_[place].under_way.size() >= most_parts) return false;
  return !goes_on(place, places_[place].waiting.front().task) || std::ranges::count(places_[place].taken, false) > 0;
}

bool WorkerGroup::goes_on(std::size_t place, const Task& task) const {
  return place + 1 < places_.size() && goes_through_stages(task);
}

void WorkerGroup::feed() {
  if (lost_) return;
  for (std::size_t p = places_.size(); p-- > 0;) {
    Place& place = places_[p];
    while (can_take_more(p)) {
      Part part = std::move(place.waiting.front());
      place.waiting.pop_front();
      if (!part.job->failure) {
        hand(p, std::move(part));
      } else {
        release(p, part);
        close(part);
      }
    }
  }
}

void WorkerGroup::hand(std::size_t p, Part part) {
  Place& place = places_[p];
  if (goes_on(p, part.task)) {
    const auto free = std::ranges::find(place.taken, false);
    *free = true;
    part.leaves_by = static_cast<std::uint32_t>(free - place.taken.begin());
    slot_of(part.task) = place.shares ? part.leaves_by : std::nullopt;
  }
  place.member.line->send(encode(NumberedTask{part.job->number, part.task}));
  if (goes_through_stages(part.task)) states_of(part.task).values = {};  // on their way
  place.under_way.push_back(std::move(part));
}

/// Nobody reads what lies in the part's slots any more, or will.
void WorkerGroup::release(std::size_t p, const Part& part) {
  if (part.came_by) places_[p - 1].taken[*part.came_by] = false;
  if (part.leaves_by) places_[p].taken[*part.leaves_by] = false;
}

void WorkerGroup::begin_again(std::size_t p, Part part) {
  const auto& shared = states_of(part.task).shared;
  Place& before = places_[p - 1];
  // A process that is gone says nothing of the one after it.
  if (shared && shared->place.pid == before.hello->pid) before.shares = false;
  states_of(part.task) = {};
  slot_of(part.task) = {};
  places_.front().waiting.push_front({part.job, part.index, std::move(part.task)});
}

void WorkerGroup::listen(std::size_t p) {
  Place& place = places_[p];
  try {
    while (place.member.line) {
      const auto message = place.member.line->try_receive();
      if (!message) return;
      place.heard = Clock::now();
      hear(p, decode_reply(*message));
    }
  } catch (const std::exception& error) {
    if (p == 0) throw;
    end(place, error.what());
  }
}

void WorkerGroup::hear(std::size_t p, Reply reply) {
  Place& place = places_[p];
  if (std::holds_alternative<Alive>(reply.outcome)) {
    place.sends_heartbeats = true;
    place.member.line->send(encode(NumberedTask{0, Echo{}}));
  } else if (const auto* hello = std::get_if<Hello>(&reply.outcome)) {
    place.hello = *hello;
    place.shares = true;
    introduce(p);
  } else if (!lost_ && !place.under_way.empty() && place.under_way.front().job->number == reply.number) {
    Part part = std::move(place.under_way.front());
    place.under_way.pop_front();
    answered(p, std::move(part), std::move(reply.outcome));
  }
}

/// The group says Hello when all members have: as one of them that differs from the first, so that the coordinator sees
/// it, else as the first; and as the first whenever that one begins anew.
void WorkerGroup::introduce(std::size_t p) {
  if (introduced_) {
    if (p == 0) say_hello(*places_.front().hello);
    return;
  }
  if (!std::ranges::all_of(places_, [](const Place& place) { return place.hello.has_value(); })) return;
  introduced_ = true;
  const Hello& first = *places_.front().hello;
  const auto odd = std::ranges::find_if(places_, [&](const Place& place) { return !is_like(*place.hello, first); });
  say_hello(odd == places_.end() ? first : *odd->hello);
}

void WorkerGroup::say_hello(Hello hello) {
  hello.processes = static_cast<std::int32_t>(places_.size());
  hello.gpus.clear();
  for (const Place& place : places_)
    hello.gpus.insert(hello.gpus.end(), place.hello->gpus.begin(), place.hello->gpus.end());
  out_.push_back(encode(Reply{.number = 0, .seconds = 0, .outcome = std::move(hello)}));
}

void WorkerGroup::answered(std::size_t p, Part part, Outcome outcome) {
  Job& job = *part.job;
  const bool passes = goes_on(p, part.task);
  if (auto* failed = std::get_if<Failed>(&outcome)) {
    if (!job.failure) job.failure = std::move(*failed);
  } else if (auto* passed = std::get_if<Passed>(&outcome); passed != nullptr && passes) {
    job.stage_runs += passed->stage_runs;
    job.stage_runs_separate += passed->stage_runs_separate;
    const auto slot = std::exchange(part.leaves_by, {});
    release(p, part);
    part.came_by = slot;
    states_of(part.task) = std::move(passed->states);
    places_[p + 1].waiting.push_back(std::move(part));
    return;
  } else if (std::holds_alternative<Unseen>(outcome) && p > 0 && goes_through_stages(part.task)) {
    release(p, part);
    begin_again(p, std::move(part));
    return;
  } else if (passes || !answers(part.task, outcome)) {
    job.failure = Failed{FailureKind::fault, places_[p].member.name + " gave an answer that does not fit its task"};
  } else {
    job.answers[part.index] = std::move(outcome);
  }
  release(p, part);
  close(part);
}

void WorkerGroup::close(const Part& part) {
  Job& job = *part.job;
  if (--job.open > 0) return;
  --under_way_;
  all_at_it_ = false;
  const auto now = Clock::now();
  // Jobs overlap; what counts is what one more of them costs.
  const double seconds = std::chrono::duration<double>(now - std::max(job.begun, last_answer_)).count();
  last_answer_ = now;
  out_.push_back(encode(Reply{.number = job.number, .seconds = seconds, .outcome = take_result(job)}));
}

Outcome WorkerGroup::take_result(Job& job) const {
  if (job.failure) return *job.failure;
  if (goes_to_all(job.task)) return Ready{};
  if (!goes_through_stages(job.task)) return std::move(job.answers.front());
  Outcome outcome = join(job.task, job.parts, job.answers);
  if (auto* evaluated = std::get_if<Evaluated>(&outcome)) {
    evaluated->stage_runs += job.stage_runs;
    evaluated->stage_runs_separate += job.stage_runs_separate;
  }
  return outcome;
}

void WorkerGroup::look_after_members() {
  const auto now = Clock::now();
  const auto gap = now - looked_;
  looked_ = now;
  for (Place& place : places_) {
    if (gap > longest_look) place.heard += gap;
    if (!lost_ && place.sends_heartbeats && now - place.heard > settings_.dead)
      end(place,
          fmt::format("it has been silent for {:.0f} s", std::chrono::duration<double>(now - place.heard).count()));
  }
}

void WorkerGroup::end(Place& lost, const std::string& why) {
  framework::abandon(std::move(lost.member.line));
  if (std::exchange(lost_, true)) return;
  out_.push_back(encode(Reply{
      .number = 0, .seconds = 0, .outcome = MemberLost{fmt::format("its {} is gone: {}", lost.member.name, why)}}));
}

}  // namespace pare::search
