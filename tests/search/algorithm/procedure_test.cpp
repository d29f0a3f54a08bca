// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/procedure.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace pare::test {
namespace {

using search::Procedure;

Procedure::Batch batch_of(std::int64_t count) {
  return {{search::Recipe{1}, search::WindowSet::search, 0, count}};
}

Procedure leaf(std::int64_t count, int& finished) {
  co_yield batch_of(count);
  ++finished;
}

Procedure branch(int& finished) {
  co_await leaf(2, finished);
  co_await leaf(3, finished);
}

Procedure tree(int& finished) {
  co_yield batch_of(1);
  co_await branch(finished);
  co_yield batch_of(4);
}

Procedure silent() {
  co_return;
}

Procedure fails_below(bool& caught) {
  const auto failing = []() -> Procedure {
    co_yield batch_of(1);
    throw std::runtime_error("broken");
  };
  try {
    co_await failing();
  } catch (const std::runtime_error&) {
    caught = true;
  }
  throw std::runtime_error("broken again");
}

TEST(Procedure, AsksThroughNestedParts) {
  int finished = 0;
  Procedure procedure = tree(finished);

  for (std::int64_t expected = 1; expected <= 4; ++expected) {
    const Procedure::Batch batch = procedure.next();
    ASSERT_EQ(batch.size(), 1U);
    EXPECT_EQ(batch.front().count, expected);
  }
  EXPECT_TRUE(procedure.next().empty());
  EXPECT_TRUE(procedure.done());
  EXPECT_EQ(finished, 2);
  EXPECT_TRUE(procedure.next().empty());
}

TEST(Procedure, MayEndWithoutAsking) {
  Procedure procedure = silent();

  EXPECT_FALSE(procedure.done());
  EXPECT_TRUE(procedure.next().empty());
  EXPECT_TRUE(procedure.done());
}

TEST(Procedure, PassesExceptionsUp) {
  bool caught = false;
  Procedure procedure = fails_below(caught);

  EXPECT_EQ(procedure.next().size(), 1U);
  EXPECT_THROW(procedure.next(), std::runtime_error);
  EXPECT_TRUE(caught);
  EXPECT_TRUE(procedure.done());
}

TEST(Procedure, CanBeLeftHalfway) {
  int finished = 0;
  {
    Procedure procedure = tree(finished);
    procedure.next();
    procedure.next();
  }
  EXPECT_EQ(finished, 0);
}

}  // namespace
}  // namespace pare::test
