// SPDX-License-Identifier: Apache-2.0
#include "kernels/core/parallel.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using namespace pare::kernels;

TEST(ParallelFor, VisitsEveryIndexOnceInPartsOfWholeGrains) {
  for (const int threads : {1, 2, 5}) {
    const WithThreads with_threads(threads);
    for (const std::int64_t count : {0, 1, 7, 64, 1001}) {
      std::vector<std::atomic<int>> visits(static_cast<std::size_t>(count));
      std::atomic<bool> whole = true;

      parallel_for(count, 7, [&](std::int64_t begin, std::int64_t end) {
        if (begin % 7 != 0 || (end % 7 != 0 && end != count)) whole = false;
        for (std::int64_t i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
      });

      EXPECT_TRUE(whole);
      EXPECT_TRUE(std::all_of(visits.begin(), visits.end(), [](const auto& n) { return n == 1; })) << count;
    }
  }
}

TEST(ParallelFor, HandsOnTheExceptionOfTheLowestPart) {
  const WithThreads with_threads(4);

  EXPECT_THAT(
      [] {
        parallel_for(100, 1, [](std::int64_t begin, std::int64_t end) {
          for (std::int64_t i = begin; i < end; ++i) {
            if (i >= 30) throw std::runtime_error("index " + std::to_string(i));
          }
        });
      },
      testing::ThrowsMessage<std::runtime_error>("index 30"));
}

TEST(ParallelFor, InsideItselfTheCallingThreadDoesEverything) {
  const WithThreads with_threads(2);
  std::atomic<int> parts = 0;

  parallel_for(2, 1,
               [&](std::int64_t, std::int64_t) { parallel_for(10, 1, [&](std::int64_t, std::int64_t) { ++parts; }); });

  EXPECT_EQ(parts, 2);
}

}  // namespace
}  // namespace pare::test
