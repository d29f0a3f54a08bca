// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/isolated_worker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <thread>

#include "kernels/core/error.hpp"
#include "search/coordination/task_deadline.hpp"
#include "search/coordination/task_failure.hpp"

namespace pare::test {
namespace {

using namespace search;
using framework::Channel;
using framework::Spawner;

/// A worker whose state is the name of its text: Evaluate answers with how long it is, where a window set begins at 1 the
/// child crashes, at 2 it hangs, at 3 it ends, at 4 it loses its GPU; UseBank "bad" is refused.
int serve(Channel& parent) {
  parent.receive();  // introduction
  std::string text;
  while (true) {
    const NumberedTask task = decode_task(parent.receive());
    Reply reply{.number = task.number, .seconds = 0.001, .outcome = Ready{}};
    if (const auto* use = std::get_if<UseText>(&task.task)) text = use->file;
    std::int64_t lease_begin = 0;
    if (const auto* lease = std::get_if<Evaluate>(&task.task)) {
      lease_begin = lease->begin;
      if (lease->begin == 1) ::raise(SIGKILL);
      if (lease->begin == 2) std::this_thread::sleep_for(std::chrono::hours(1));
      if (lease->begin == 3) return 9;
      reply.outcome =
          Evaluated{.kl = {static_cast<double>(text.size())}, .nll = {0}, .stage_runs = 1, .stage_runs_separate = 1};
    }
    const bool loses_gpu = lease_begin == 4;
    if (loses_gpu) reply.outcome = explain_failure(DeviceError("an illegal memory access was encountered", true));
    parent.send(encode(reply));
    if (loses_gpu) return 70;
  }
}

int die_at_once(Channel&) {
  return 1;
}

NumberedTask evaluate(std::uint64_t number, std::int64_t begin) {
  return {number, Evaluate{.set = WindowSet::search, .begin = begin, .count = 1, .recipes = {{0}}}};
}

class IsolatedWorkers : public testing::Test {
 protected:
  Spawner spawner_{serve};
  IsolatedWorker worker_{spawner_, {}, TaskDeadline(0.5, 1.0)};

  void send(const NumberedTask& task) { worker_.send(encode(task)); }
  Reply receive() { return decode_reply(worker_.receive()); }

  void expect_length(std::uint64_t number, double length) {
    const Reply reply = receive();
    EXPECT_EQ(reply.number, number);
    ASSERT_TRUE(std::holds_alternative<Evaluated>(reply.outcome));
    EXPECT_EQ(std::get<Evaluated>(reply.outcome).kl, std::vector{length});
  }

  void expect_crash(std::uint64_t number, const char* text) {
    const Reply reply = receive();
    EXPECT_EQ(reply.number, number);
    ASSERT_TRUE(std::holds_alternative<Failed>(reply.outcome));
    EXPECT_EQ(std::get<Failed>(reply.outcome).kind, FailureKind::crash);
    EXPECT_THAT(std::get<Failed>(reply.outcome).text, testing::HasSubstr(text));
  }

  void use_text(const std::string& name) {
    send({1, UseText{name}});
    EXPECT_TRUE(std::holds_alternative<Ready>(receive().outcome));
  }
};

TEST_F(IsolatedWorkers, AnswersForAChildThatDiedAndGoesOnWithTheNext) {
  use_text("seven 7");
  send(evaluate(5, 1));
  send(evaluate(6, 0));

  expect_crash(5, "evaluator ended by signal 9 (Killed)");
  expect_length(6, 7);
}

TEST_F(IsolatedWorkers, BringsTheNextChildIntoTheLastState) {
  use_text("a longer name");
  use_text("short");
  send(evaluate(5, 3));

  expect_crash(5, "evaluator ended with exit code 9");
  send(evaluate(6, 0));
  expect_length(6, 5);
}

TEST_F(IsolatedWorkers, KillsAChildThatHangs) {
  use_text("abc");
  send(evaluate(5, 2));
  send(evaluate(6, 0));

  expect_crash(5, "evaluator killed: no answer within 1 s");
  expect_length(6, 3);
}

TEST_F(IsolatedWorkers, ReplacesAChildThatLostItsGpuWithoutBlamingTheNextTask) {
  use_text("abcd");
  send(evaluate(5, 4));
  send(evaluate(6, 0));

  const Reply reply = receive();
  EXPECT_EQ(reply.number, 5);
  ASSERT_TRUE(std::holds_alternative<Failed>(reply.outcome));
  EXPECT_EQ(std::get<Failed>(reply.outcome).kind, FailureKind::device);
  EXPECT_EQ(std::get<Failed>(reply.outcome).text, "an illegal memory access was encountered");
  expect_length(6, 4);
}

TEST(TaskFailures, TellALostGpuFromOneThatGoesOn) {
  EXPECT_EQ(explain_failure(DeviceError("illegal address", true)).kind, FailureKind::device);
  EXPECT_EQ(explain_failure(DeviceError("a bad launch", false)).kind, FailureKind::fault);
  EXPECT_EQ(explain_failure(DeviceMemoryError("out of memory")).kind, FailureKind::memory);
  EXPECT_EQ(explain_failure(InputError("no such file")).text, "no such file");
}

TEST_F(IsolatedWorkers, OutlivesManyCrashes) {
  use_text("ab");
  for (std::uint64_t number = 10; number < 30; number += 2) {
    send(evaluate(number, 1));
    send(evaluate(number + 1, 0));
    expect_crash(number, "signal 9");
    expect_length(number + 1, 2);
  }
}

TEST(IsolatedWorkerThatCannotStart, BreaksTheLine) {
  Spawner spawner(die_at_once);
  IsolatedWorker worker(spawner, {}, TaskDeadline(1, 1));

  EXPECT_THROW(worker.receive(), std::runtime_error);
}

TEST(TaskDeadlines, GoByTheSlowestTaskOfTheKindAndItsWork) {
  TaskDeadline deadline(10, 1000);
  const Task small = Evaluate{.set = WindowSet::search, .begin = 0, .count = 10, .recipes = {{0}, {1}}};
  const Task large = Evaluate{.set = WindowSet::search, .begin = 0, .count = 100, .recipes = {{0}, {1}}};
  EXPECT_EQ(deadline.seconds(small), 1000);

  deadline.learn(small, 8);

  EXPECT_DOUBLE_EQ(deadline.seconds(small), 40);
  EXPECT_DOUBLE_EQ(deadline.seconds(large), 400);
  EXPECT_EQ(deadline.seconds(BuildSite{1}), 1000);
  deadline.learn(small, 0.001);
  EXPECT_DOUBLE_EQ(deadline.seconds(small), 40);
}

}  // namespace
}  // namespace pare::test
