// SPDX-License-Identifier: Apache-2.0
#include "framework/provenance/provenance.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

namespace pare::test {

using framework::build_id;
using framework::collect_provenance;
using framework::isa_id;
using framework::version;
using testing::HasSubstr;
using testing::MatchesRegex;

TEST(Provenance, ListsEveryFactOnceInAFixedOrder) {
  unsetenv("SLURM_JOB_ID");
  std::vector<std::string> names;
  for (const auto& [name, value] : collect_provenance()) {
    names.push_back(name);
    EXPECT_FALSE(value.empty()) << name;
    EXPECT_EQ(value.find('\n'), std::string::npos) << name;
  }

  EXPECT_THAT(names,
              testing::ElementsAre("version", "git_commit", "source_hash", "build_type", "compiler", "march", "isa",
                                   "mpi", "hostname", "cpu_model", "cores", "memory_bytes", "os", "started_at"));
}

TEST(Provenance, GivesFactsInTheirFormats) {
  std::map<std::string, std::string> facts;
  for (const auto& [name, value] : collect_provenance()) facts[name] = value;

  EXPECT_EQ(facts["version"], version());
  EXPECT_EQ(facts["isa"], isa_id());
  EXPECT_THAT(facts["git_commit"], MatchesRegex("unknown|[0-9a-f]{40}(-changed)?"));
  EXPECT_THAT(facts["mpi"], MatchesRegex("on|off"));
  EXPECT_THAT(facts["started_at"], MatchesRegex("20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"));
  EXPECT_GE(std::stoi(facts["cores"]), 1);
  EXPECT_GT(std::stoll(facts["memory_bytes"]), 1 << 20);
}

TEST(Provenance, CountsTheStartsOfAJob) {
  setenv("SLURM_JOB_ID", "17", 1);
  std::map<std::string, std::string> first, third;
  for (const auto& [name, value] : collect_provenance()) first[name] = value;
  setenv("SLURM_RESTART_COUNT", "2", 1);
  for (const auto& [name, value] : collect_provenance()) third[name] = value;
  unsetenv("SLURM_JOB_ID");
  unsetenv("SLURM_RESTART_COUNT");

  EXPECT_EQ(first["slurm_job_id"], "17");
  EXPECT_EQ(first["slurm_restart_count"], "0");
  EXPECT_EQ(third["slurm_restart_count"], "2");
}

TEST(Provenance, GivesAVersionOfThreeNumbers) {
  EXPECT_THAT(version(), MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
}

TEST(Provenance, IdentifiesTheBuildTheSameWayEveryTime) {
  EXPECT_EQ(build_id(), build_id());
  EXPECT_EQ(isa_id(), isa_id());
  EXPECT_THAT(build_id(), testing::StartsWith(version() + "|"));
  EXPECT_THAT(build_id(), HasSubstr(isa_id()));
}

TEST(Provenance, TellsALimitOnTheInstructionSetApart) {
  unsetenv("ONEDNN_MAX_CPU_ISA");
  const std::string without = isa_id();
  setenv("ONEDNN_MAX_CPU_ISA", "AVX2", 1);
  const std::string with = isa_id();
  unsetenv("ONEDNN_MAX_CPU_ISA");

  EXPECT_EQ(with, without + ":limit=AVX2");
}

}  // namespace pare::test
