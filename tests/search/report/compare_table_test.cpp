// SPDX-License-Identifier: Apache-2.0
#include "search/report/compare_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/search/objective/small_comparison.hpp"

namespace pare::test {
namespace {

using search::compare_json;
using search::compare_table;
using testing::ContainsRegex;
using testing::HasSubstr;

TEST(CompareTable, HasALineAnAlgorithmBelowItsBudget) {
  const std::string table = compare_table(small_comparison());

  EXPECT_THAT(table, HasSubstr("bits_per_weight: 3: 750 bytes, 3.000 bits per weight; uniform w2-g32 has KL 0.9\n"));
  EXPECT_THAT(table, ContainsRegex("\n  pare +0.266 +0.115 .. 0.315 +1.000 +1,000 +2.5 +100 %\n"));
  EXPECT_THAT(table, ContainsRegex("\n  evopress +0.265 .* 0.996 .* 100 % +-0.001 .*  worse\n"));
  EXPECT_THAT(table, ContainsRegex("\n  random .* never "));
}

TEST(CompareTable, EndsWithWhatItSaysOfTheReference) {
  const std::string table = compare_table(small_comparison());

  EXPECT_THAT(table,
              HasSubstr("pare is above the interval of a rival in 0 of 6 pairs; worse by the paired interval in 1."));
  EXPECT_THAT(table, HasSubstr("Its median KL against the best rival's: 1.004 (evopress, bits_per_weight: 3)."));
}

TEST(CompareTable, SaysHowFarAComparisonIs) {
  search::CompareRecord record = small_comparison();
  record.cells.resize(4);
  record.digest.clear();

  EXPECT_THAT(compare_table(record), HasSubstr("4 of 9 cells are done."));
}

TEST(CompareTable, GivesProgramsTheSame) {
  const auto json = nlohmann::json::parse(compare_json(small_comparison()));

  EXPECT_EQ(json["cells"].size(), 9U);
  EXPECT_EQ(json["cells"][1]["recipe"]["model.layers.0.k_proj"], "w4-g32");
  EXPECT_TRUE(json["cells"][0]["difference"].is_null());
  EXPECT_TRUE(json["cells"][2]["tokens_to_evopress"].is_null());
  EXPECT_TRUE(json["cells"][8]["seconds"].is_null());  // not known
  EXPECT_EQ(json["goals"]["worse"], 1);
}

}  // namespace
}  // namespace pare::test
