// SPDX-License-Identifier: Apache-2.0
#include "search/store/digest.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace pare::test {
namespace {

using namespace search;

Trial trial(std::int64_t id) {
  return {id, {{1, 2, 3}, WindowSet::search, 0, 2}, {0.5, 0.25}, {1.5, 1.25}};
}

std::string digest_of(const std::vector<Trial>& trials) {
  TrialDigest digest;
  for (const Trial& each : trials) digest.add(each);
  return digest.hex();
}

TEST(TrialDigest, IsTheSameForTheSameTrials) {
  EXPECT_EQ(digest_of({trial(0), trial(1)}), digest_of({trial(0), trial(1)}));
  EXPECT_EQ(digest_of({}).size(), 32u);
}

TEST(TrialDigest, DependsOnTheOrder) {
  EXPECT_NE(digest_of({trial(0), trial(1)}), digest_of({trial(1), trial(0)}));
}

TEST(TrialDigest, RunsOnAfterItWasRead) {
  TrialDigest digest;
  digest.add(trial(0));
  const std::string first = digest.hex();
  digest.add(trial(1));

  EXPECT_EQ(first, digest_of({trial(0)}));
  EXPECT_EQ(digest.hex(), digest_of({trial(0), trial(1)}));
}

TEST(TrialDigest, SeesEveryField) {
  std::vector<Trial> variants(9, trial(0));
  variants[1].id = 1;
  variants[2].request.recipe[2] = 4;
  variants[3].request.recipe.push_back(0);
  variants[4].request.set = WindowSet::holdout;
  variants[5].request.begin = 1;
  variants[6].request.count = 3;
  variants[7].kl[1] = std::nextafter(0.25, 1);
  variants[8].nll[0] = -1.5;

  std::set<std::string> digests;
  for (const Trial& variant : variants) digests.insert(digest_of({variant}));

  EXPECT_EQ(digests.size(), variants.size());
}

}  // namespace
}  // namespace pare::test
