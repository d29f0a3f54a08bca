// SPDX-License-Identifier: Apache-2.0
#include "framework/data/token_windows.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "framework/io/h5_file.hpp"
#include "tests/framework/config/expect_error.hpp"
#include "tests/search/store/scratch_directory.hpp"

namespace pare::test {
namespace {

using framework::read_windows;
using framework::WindowSets;

class TokenWindowsTest : public testing::Test {
 protected:
  /// Tokens 0, 1, 2, ... in documents that end at these offsets.
  void write(std::uint32_t tokens, const std::vector<std::uint64_t>& offsets) const {
    std::vector<std::uint32_t> ids(tokens);
    std::iota(ids.begin(), ids.end(), 0u);
    auto file = framework::H5File::create(path_);
    file.write("/tokens", ids);
    file.write("/doc_offsets", offsets);
    file.commit();
  }
  std::string error(std::int64_t vocabulary = 1000) const {
    const std::string text =
        error_of([&] { read_windows(path_, {.windows = 2, .length = 4, .holdout = 1}, vocabulary); });
    EXPECT_TRUE(text.starts_with(path_.string() + ": ")) << text;
    return text.substr(std::min(text.size(), path_.string().size() + 2));
  }

  ScratchDirectory directory_;
  std::filesystem::path path_ = directory_ / "tokens.h5";
};

TEST_F(TokenWindowsTest, CutsWindowsThatShareNoToken) {
  write(13, {0, 13});

  const WindowSets sets = read_windows(path_, {.windows = 2, .length = 4, .holdout = 1}, 13);

  EXPECT_EQ(sets.search.count(), 2);
  EXPECT_THAT(sets.search.window(0), testing::ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(sets.search.window(1), testing::ElementsAre(4, 5, 6, 7));
  EXPECT_EQ(sets.holdout.count(), 1);
  EXPECT_GE(sets.holdout.tokens.front(), 8u);
}

TEST_F(TokenWindowsTest, UsesEveryTokenWhenTheyAreJustEnough) {
  write(12, {0, 12});
  EXPECT_THAT(read_windows(path_, {.windows = 2, .length = 4, .holdout = 1}, 12).holdout.window(0),
              testing::ElementsAre(8, 9, 10, 11));
}

TEST_F(TokenWindowsTest, HashesTokensAndTheirDivision) {
  write(12, {0, 12});
  const std::string hash = hash_of(read_windows(path_, {.windows = 2, .length = 4, .holdout = 1}, 12));

  EXPECT_EQ(hash_of(read_windows(path_, {.windows = 2, .length = 4, .holdout = 1}, 100)), hash);
  EXPECT_NE(hash_of(read_windows(path_, {.windows = 1, .length = 4, .holdout = 2}, 12)), hash);
  EXPECT_NE(hash_of(read_windows(path_, {.windows = 4, .length = 2, .holdout = 2}, 12)), hash);
}

TEST_F(TokenWindowsTest, CutsCalibrationWindowsBehindTheOthers) {
  write(12, {0, 12});
  const WindowSets sets = read_windows(path_, {.windows = 1, .length = 4, .holdout = 1, .calibration = 1}, 12);

  EXPECT_THAT(sets.search.tokens, testing::ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(sets.holdout.tokens, testing::ElementsAre(4, 5, 6, 7));
  EXPECT_THAT(sets.calibration.tokens, testing::ElementsAre(8, 9, 10, 11));
}

TEST_F(TokenWindowsTest, BeginsEverySetWithADocumentWhereThereIsRoom) {
  write(16, {0, 5, 10, 16});
  const WindowSets roomy = read_windows(path_, {.windows = 1, .length = 4, .holdout = 1, .calibration = 1}, 16);
  write(14, {0, 5, 12, 14});
  const WindowSets narrow = read_windows(path_, {.windows = 1, .length = 4, .holdout = 1, .calibration = 1}, 16);

  EXPECT_EQ(roomy.holdout.tokens.front(), 5u);
  EXPECT_EQ(roomy.calibration.tokens.front(), 10u);
  EXPECT_EQ(narrow.holdout.tokens.front(), 5u);
  EXPECT_EQ(narrow.calibration.tokens.front(), 10u);
}

TEST_F(TokenWindowsTest, LeavesSearchAndHoldoutWhereTheyWereWhenNothingIsCalibrated) {
  write(16, {0, 5, 16});
  const WindowSets sets = read_windows(path_, {.windows = 1, .length = 4, .holdout = 1}, 16);

  EXPECT_EQ(sets.holdout.tokens.front(), 5u);
  EXPECT_EQ(sets.calibration.count(), 0);
  EXPECT_EQ(&sets.to_calibrate(), &sets.search);
}

TEST_F(TokenWindowsTest, SaysWhatToDoWhenTheTextIsTooShortToCalibrate) {
  write(11, {0, 11});
  EXPECT_THAT(error_of([&] { read_windows(path_, {.windows = 1, .length = 4, .holdout = 1, .calibration = 1}, 1000); }),
              testing::HasSubstr("11 tokens give 2 windows of 4, the experiment needs 1 + 1 held out + 1 to calibrate "
                                 "on; give more text or fewer windows (data.calibration_windows: 0 calibrates on "));
}

TEST_F(TokenWindowsTest, RefusesIdsBeyondTheVocabulary) {
  write(12, {0, 12});
  EXPECT_THAT(error(11), testing::HasSubstr("token 11 at position 11 is beyond the model's vocabulary of 11"));
}

TEST_F(TokenWindowsTest, RefusesTooFewTokens) {
  write(11, {0, 11});
  EXPECT_EQ(error(),
            "11 tokens give 2 windows of 4, the experiment needs 2 + 1 held out; give more text or fewer windows");
}

TEST_F(TokenWindowsTest, RefusesWhatIsNoTokenFile) {
  EXPECT_EQ(error(), "there is no such file");
  auto file = framework::H5File::create(path_);
  file.write("/x", std::vector<float>{1});
  file.commit();
  EXPECT_EQ(error(), "is not a token file (no /tokens), scripts/tokenize.py writes them");
}

TEST_F(TokenWindowsTest, RefusesOffsetsThatDoNotFitTheTokens) {
  for (const std::vector<std::uint64_t>& offsets :
       std::vector<std::vector<std::uint64_t>>{{}, {0}, {1, 12}, {0, 11}, {0, 9, 8, 12}}) {
    write(12, offsets);
    EXPECT_EQ(error(), "/doc_offsets must rise from 0 to the number of tokens, 12");
  }
}

TEST_F(TokenWindowsTest, RefusesTokensOfAnotherType) {
  auto file = framework::H5File::create(path_);
  file.write("/tokens", std::vector<std::int64_t>{1, 2});
  file.commit();
  EXPECT_EQ(error(), "/tokens: holds int64, should hold uint32");
}

}  // namespace
}  // namespace pare::test
