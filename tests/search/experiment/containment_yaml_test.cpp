// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "search/experiment/experiment.hpp"
#include "tests/framework/config/expect_error.hpp"

namespace pare::test {
namespace {

using testing::HasSubstr;

search::Experiment with_cluster(const std::string& cluster) {
  return search::parse_experiment(R"(schema: 1
model: {path: models/tiny}
data: {calibration: self}
options: [w4-g32, w8-g32]
budget: {same_as: w4-g32}
output: runs/tiny
cluster: )" + cluster + "\n",
                                  "x.yaml", {});
}

std::string error_in(const std::string& cluster) {
  return error_of([&] { with_cluster(cluster); });
}

TEST(ContainmentYaml, ReadsEveryKey) {
  const auto read =
      with_cluster(
          "{isolation: process, recovery: off, heartbeat_seconds: 1, suspect_seconds: 2, dead_seconds: 3.5, "
          "silence_seconds: 20, coordinator_seconds: 30, "
          "shortest_deadline_seconds: 4, lease_seconds: 50, ready_seconds: 6, progress_seconds: 7, restarts: 8, "
          "backoff_seconds: [0, 9]}")
          .containment;

  EXPECT_TRUE(read.isolates());
  EXPECT_FALSE(read.recovery);
  EXPECT_EQ(read.heartbeat_seconds, 1);
  EXPECT_EQ(read.suspect_seconds, 2);
  EXPECT_EQ(read.dead_seconds, 3.5);
  EXPECT_EQ(read.silence_seconds, 20);
  EXPECT_EQ(read.coordinator_seconds, 30);
  EXPECT_EQ(read.shortest_deadline_seconds, 4);
  EXPECT_EQ(read.lease_seconds, 50);
  EXPECT_EQ(read.ready_seconds, 6);
  EXPECT_EQ(read.progress_seconds, 7);
  EXPECT_EQ(read.restarts, 8);
  EXPECT_EQ(read.backoff_seconds, (std::vector<double>{0, 9}));
}

TEST(ContainmentYaml, ChangesNoResult) {
  EXPECT_EQ(with_cluster("{isolation: process}").identity, with_cluster("{isolation: none}").identity);
  EXPECT_EQ(with_cluster("{ranks_per_worker: 2}").identity, with_cluster("{ranks_per_worker: 1}").identity);
}

TEST(ContainmentYaml, RefusesWhatCannotWork) {
  EXPECT_THAT(error_in("{isolation: proces}"),
              HasSubstr("x.yaml:7:22: cluster.isolation: unknown value 'proces', did you mean"));
  EXPECT_THAT(error_in("{recovery: maybe}"), HasSubstr("unknown value 'maybe' (known: on, off)"));
  EXPECT_THAT(error_in("{heartbeat_seconds: 500}"), HasSubstr("silence_seconds must be more than three times"));
  EXPECT_THAT(error_in("{dead_seconds: 15}"),
              HasSubstr("dead_seconds must be more than three times heartbeat_seconds"));
  EXPECT_THAT(error_in("{suspect_seconds: 5}"), HasSubstr("suspect_seconds must lie between"));
  EXPECT_THAT(error_in("{lease_seconds: 10}"), HasSubstr("lease_seconds is less than shortest_deadline_seconds"));
  EXPECT_THAT(error_in("{ranks_per_worker: 0}"), HasSubstr("ranks_per_worker: expected a whole number between 1 and"));
  EXPECT_THAT(error_in("{backoff_seconds: []}"), HasSubstr("no times, list at least one"));
  EXPECT_THAT(error_in("{isolaton: none}"), HasSubstr("did you mean 'isolation'"));
}

}  // namespace
}  // namespace pare::test
