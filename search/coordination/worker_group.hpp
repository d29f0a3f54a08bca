// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "framework/comm/polled_channel.hpp"
#include "search/coordination/protocol.hpp"
#include "search/coordination/task_parts.hpp"

namespace pare::search {

struct WorkerGroupSettings {
  std::int64_t window_bytes = 1;          ///< of the hidden state of one window
  std::chrono::milliseconds dead{60000};  ///< of silence of a member that sends heartbeats: it is lost
};

/// Several workers, each with some consecutive stages of the model, which the coordinator sees as one: the line to it, at
/// the rank of its first member. Evaluations go from member to member in parts of whole windows, and of as many candidates
/// as memory allows, so that all members are at work at a time. The hidden states that one passes lie in memory that it shares with the next, where the two can see
/// each other's, else they come by here in messages. What every member must know, such as the text, goes to all of them, a
/// layer to compress to whoever has least to do, any other task to the first.
///
/// A part that fails at a member fails its task, and the group goes on. A member that is lost is the end of the group: it
/// says MemberLost, and answers nothing from then on. A part whose states are gone, with the evaluator that held them or
/// because the next cannot see them, begins again.
///
/// Used by one thread, the one that uses the members' lines. Throws what the line to the first member throws.
class WorkerGroup final : public framework::PolledChannel {
 public:
  struct Member {
    std::unique_ptr<framework::Channel> line;
    std::string name;  ///< for people: "rank 3"
  };

  /// In the order of their stages, two at least.
  WorkerGroup(std::vector<Member> members, const WorkerGroupSettings& settings);

  void send(std::span<const std::byte> task) override;
  std::optional<std::vector<std::byte>> try_receive() override;

 private:
  using Clock = std::chrono::steady_clock;

  /// A task of the coordinator.
  struct Job {
    std::uint64_t number = 0;
    Task task;
    Clock::time_point begun;
    std::size_t open = 0;          ///< parts without an outcome
    std::vector<TaskPart> parts;   ///< of a task that goes through the members
    std::vector<Outcome> answers;  ///< by part
    std::optional<Failed> failure;
    std::int64_t stage_runs = 0;  ///< of all members but the last
    std::int64_t stage_runs_separate = 0;
  };
  using JobPointer = std::shared_ptr<Job>;
  struct Part {
    JobPointer job;
    std::size_t index = 0;
    Task task;
    std::optional<std::uint32_t> came_by = {};  ///< the slot of the member before that is taken by the states of `task`
    std::optional<std::uint32_t> leaves_by = {};  ///< the slot of this one for those that leave
  };
  /// A member with its parts.
  struct Place {
    Member member;
    std::deque<Part> waiting;
    std::deque<Part> under_way;  ///< in the order in which it answers
    std::optional<Hello> hello;
    bool sends_heartbeats = false;
    Clock::time_point heard;
    bool shares = true;                        ///< the next member sees its memory, as far as is known
    std::array<bool, handover_slots> taken{};  ///< from when a part goes to this member until the next is done with it

    std::size_t parts() const { return waiting.size() + under_way.size(); }
  };

  void begin_jobs();
  void begin(const JobPointer& job);
  void feed();
  bool can_take_more(std::size_t place) const;
  /// The next member is to have the states that the task leaves here.
  bool goes_on(std::size_t place, const Task& task) const;
  void hand(std::size_t place, Part part);
  void release(std::size_t place, const Part& part);
  void begin_again(std::size_t place, Part part);
  void listen(std::size_t place);
  void hear(std::size_t place, Reply reply);
  void introduce(std::size_t place);
  void say_hello(Hello hello);
  void answered(std::size_t place, Part part, Outcome outcome);
  void close(const Part& part);
  Outcome take_result(Job& job) const;
  void look_after_members();
  void end(Place& lost, const std::string& why);

  WorkerGroupSettings settings_;
  std::vector<Place> places_;
  std::deque<JobPointer> jobs_;             ///< not begun
  std::size_t under_way_ = 0;               ///< jobs
  bool all_at_it_ = false;                  ///< the job under way is one that goes to all members
  std::deque<std::vector<std::byte>> out_;  ///< for the coordinator
  bool introduced_ = false;
  bool lost_ = false;
  Clock::time_point looked_, last_answer_;
};

}  // namespace pare::search
