// SPDX-License-Identifier: Apache-2.0
#include "framework/comm/shared_buffer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace pare::test {
namespace {

using framework::OutOfSight;
using framework::SharedBuffer;
using framework::SharedPlace;
using framework::SharedView;

void write(SharedBuffer& buffer, std::string_view text) {
  std::ranges::copy(std::as_bytes(std::span(text)), buffer.room(text.size()).begin());
}

std::string read(SharedView& view, const SharedPlace& place, std::size_t size) {
  const auto bytes = view.look(place, size);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Runs in a process of its own; whether it returned true.
template <class Action>
bool in_another_process(const Action& action) {
  const pid_t child = ::fork();
  if (child == 0) _exit(action() ? 0 : 1);
  int status = -1;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(SharedBuffers, ShowAnotherProcessWhatLiesInThem) {
  SharedBuffer buffer;
  write(buffer, "hidden states");
  const SharedPlace place = buffer.place();

  EXPECT_TRUE(in_another_process([&] {
    buffer = SharedBuffer();  // the copy that the fork made
    SharedView view;
    return read(view, place, 13) == "hidden states";
  }));
}

TEST(SharedBuffers, ShowWhatWasWrittenSinceTheyWereMapped) {
  SharedBuffer buffer;
  SharedView view;
  write(buffer, "first");
  EXPECT_EQ(read(view, buffer.place(), 5), "first");

  write(buffer, "next!");
  EXPECT_EQ(read(view, buffer.place(), 5), "next!");

  const std::string longer(100'000, 'x');
  write(buffer, longer);
  EXPECT_EQ(read(view, buffer.place(), longer.size()), longer);
}

TEST(SharedBuffers, StayWithTheReaderWhenTheirOwnerIsGone) {
  SharedView view;
  SharedPlace place;
  {
    SharedBuffer buffer;
    write(buffer, "still here");
    place = buffer.place();
    read(view, place, 10);
  }

  EXPECT_EQ(read(view, place, 10), "still here");
  SharedView late;
  EXPECT_THROW(read(late, place, 10), OutOfSight);
}

TEST(SharedBuffers, AreOutOfSightWhenAnotherStandsInTheirPlace) {
  SharedBuffer buffer;
  write(buffer, "mine");
  SharedPlace place = buffer.place();
  ++place.token;
  SharedView view;

  EXPECT_THAT([&] { read(view, place, 4); }, testing::ThrowsMessage<OutOfSight>(testing::HasSubstr("it is another's")));
  EXPECT_EQ(read(view, buffer.place(), 4), "mine") << "the view is as good as before";
}

TEST(SharedBuffers, AreReadNoFurtherThanTheyGo) {
  SharedBuffer buffer;
  write(buffer, "short");
  SharedView view;
  read(view, buffer.place(), 5);

  for (const std::size_t bytes : {std::size_t{1} << 20, ~std::size_t{0}})
    EXPECT_THAT([&] { read(view, buffer.place(), bytes); },
                testing::ThrowsMessage<OutOfSight>(testing::HasSubstr("smaller than was said")));
}

TEST(SharedBuffers, AreOutOfSightWhereNoPlaceIsNamed) {
  SharedView view;

  EXPECT_THROW(read(view, {}, 4), OutOfSight);
}

TEST(SharedBuffers, AreOutOfSightWhereTheDescriptorIsNoMemory) {
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  SharedView view;

  EXPECT_THAT(
      [&] {
        read(view, {::getpid(), pipe[0], 1}, 4);
      },
      testing::ThrowsMessage<OutOfSight>(testing::StartsWith("memory of process " + std::to_string(::getpid()))));
  ::close(pipe[0]);
  ::close(pipe[1]);
}

}  // namespace
}  // namespace pare::test
