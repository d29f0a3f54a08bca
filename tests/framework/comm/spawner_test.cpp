// SPDX-License-Identifier: Apache-2.0
#include "framework/comm/spawner.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <thread>

#include "framework/comm/process_info.hpp"

namespace pare::test {
namespace {

using framework::Channel;
using framework::Spawner;
using Message = std::vector<std::byte>;

/// Answers every message with its own process number, dies of the first empty one, ends at one of two bytes.
int answer(Channel& parent) {
  while (true) {
    const Message message = parent.receive();
    if (message.empty()) ::raise(SIGSEGV);
    if (message.size() == 2) return 3;
    const pid_t pid = ::getpid();
    Message reply(sizeof(pid));
    std::memcpy(reply.data(), &pid, sizeof(pid));
    parent.send(reply);
  }
}

bool is_alive(pid_t pid) {
  const auto process = framework::find_process(pid);
  return process && !process->ended();
}

bool ends_soon(pid_t pid) {
  for (int i = 0; i < 1000 && is_alive(pid); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return !is_alive(pid);
}

TEST(Spawner, StartsChildrenThatTalk) {
  Spawner spawner(answer);
  const Spawner::Child one = spawner.start();
  const Spawner::Child two = spawner.start();

  one.channel->send(Message(1));
  two.channel->send(Message(1));

  const Message reply = one.channel->receive();
  EXPECT_EQ(std::memcmp(reply.data(), &one.pid, sizeof(pid_t)), 0);
  EXPECT_NE(one.pid, two.pid);
  EXPECT_EQ(two.channel->receive().size(), sizeof(pid_t));
}

TEST(Spawner, SaysHowAChildEnded) {
  Spawner spawner(answer);
  const Spawner::Child crashing = spawner.start();
  const Spawner::Child ending = spawner.start();
  const Spawner::Child idle = spawner.start();
  crashing.channel->send({});
  ending.channel->send(Message(2));

  EXPECT_THROW(crashing.channel->receive(), std::runtime_error);
  EXPECT_THROW(ending.channel->receive(), std::runtime_error);

  EXPECT_EQ(spawner.end(crashing.pid), "ended by signal 11 (Segmentation fault)");
  EXPECT_EQ(spawner.end(ending.pid), "ended with exit code 3");
  EXPECT_EQ(spawner.end(idle.pid), "ended by signal 9 (Killed)");
}

TEST(Spawner, LeavesNoChildBehind) {
  pid_t child = 0;
  {
    Spawner spawner(answer);
    const Spawner::Child started = spawner.start();
    child = started.pid;
    EXPECT_TRUE(is_alive(child));
  }

  EXPECT_TRUE(ends_soon(child));
}

TEST(Spawner, LosesItsChildrenWithTheProcessThatOwnsIt) {
  int numbers[2];
  ASSERT_EQ(::pipe(numbers), 0);
  const pid_t owner = ::fork();
  if (owner == 0) {
    Spawner spawner(answer);
    const Spawner::Child child = spawner.start();  // with its line, or it would end by itself
    [[maybe_unused]] const ssize_t written = ::write(numbers[1], &child.pid, sizeof(child.pid));
    ::pause();
  }
  pid_t child = 0;
  ASSERT_EQ(::read(numbers[0], &child, sizeof(child)), static_cast<ssize_t>(sizeof(child)));
  EXPECT_TRUE(is_alive(child));

  ::kill(owner, SIGKILL);

  EXPECT_TRUE(ends_soon(child));
}

TEST(Spawner, LetsTheKernelTakeChildrenFirst) {
  Spawner spawner(answer);
  const Spawner::Child child = spawner.start();
  child.channel->send(Message(1));
  child.channel->receive();  // by now it has set itself up

  std::ifstream file("/proc/" + std::to_string(child.pid) + "/oom_score_adj");
  int score = 0;
  file >> score;

  EXPECT_EQ(score, 1000);
}

}  // namespace
}  // namespace pare::test
