// SPDX-License-Identifier: Apache-2.0
#include "framework/data/text_mixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "framework/io/h5_file.hpp"
#include "tests/framework/config/expect_error.hpp"
#include "tests/search/store/scratch_directory.hpp"

namespace pare::test {
namespace {

using framework::deal_windows;
using framework::TextSource;
using testing::ElementsAre;

/// `count` tokens from `first` on.
TextSource text_of(const std::filesystem::path& path, std::uint32_t first, std::uint32_t count, double weight = 1) {
  std::vector<std::uint32_t> ids(count);
  std::iota(ids.begin(), ids.end(), first);
  auto file = framework::H5File::create(path);
  file.write("/tokens", ids);
  file.commit();
  return {path, path.stem().string(), weight};
}

TEST(DealWindows, MixesEveryStretchByTheWeights) {
  const std::vector<double> weights{2, 1};

  EXPECT_THAT(deal_windows(weights, 7), ElementsAre(0, 1, 0, 0, 1, 0, 0));
}

TEST(DealWindows, IsExactToAWindowForAwkwardWeights) {
  const std::vector<double> weights{0.31, 5.2, 1, 1.7};
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);

  const auto dealt = deal_windows(weights, 1000);

  for (std::size_t t = 0; t < weights.size(); ++t) {
    const auto windows = static_cast<double>(std::ranges::count(dealt, static_cast<std::uint16_t>(t)));
    EXPECT_NEAR(windows, 1000 * weights[t] / total, 1) << t;
  }
}

TEST(ReadMixture, DealsTheWindowsOfEachFileInTheirOrder) {
  const ScratchDirectory directory;
  const std::vector<TextSource> texts{text_of(directory / "a.h5", 0, 40, 2), text_of(directory / "b.h5", 100, 40)};

  const auto sets = framework::read_mixture(texts, {.windows = 3, .length = 4, .holdout = 2, .calibration = 2}, 1000);

  ASSERT_EQ(sets.search.count(), 3);
  EXPECT_THAT(sets.search.window(0), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(sets.search.window(1), ElementsAre(100, 101, 102, 103));
  EXPECT_THAT(sets.search.window(2), ElementsAre(4, 5, 6, 7));
  ASSERT_EQ(sets.holdout.count(), 2);
  EXPECT_LT(sets.holdout.window(0)[0], 100U);
  EXPECT_GE(sets.holdout.window(1)[0], 104U);
  EXPECT_EQ(sets.calibration.count(), 2);
}

TEST(ReadMixture, NamesTheFileThatIsTooShort) {
  const ScratchDirectory directory;
  const std::vector<TextSource> texts{text_of(directory / "a.h5", 0, 40), text_of(directory / "b.h5", 100, 10)};

  const std::string text =
      error_of([&] { framework::read_mixture(texts, {.windows = 4, .length = 4, .holdout = 2}, 1000); });

  EXPECT_EQ(text, (directory / "b.h5").string() +
                      ": 10 tokens give 2 windows of 4, the experiment needs 2 + 1 held out; give more text or fewer "
                      "windows");
}

}  // namespace
}  // namespace pare::test
