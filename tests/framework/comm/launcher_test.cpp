// SPDX-License-Identifier: Apache-2.0
#include "framework/comm/launcher.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "framework/comm/process_group.hpp"
#include "kernels/core/error.hpp"

namespace pare::test {
namespace {

int no_children(framework::Channel&) {
  return 0;
}

class Launcher : public testing::Test {
 protected:
  void SetUp() override { clear(); }
  void TearDown() override { clear(); }

  static void clear() {
    for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE", "SLURM_PROCID",
                             "SLURM_STEP_ID", "SLURM_STEP_NUM_TASKS"})
      unsetenv(name);
  }
};

TEST_F(Launcher, TakesABatchScriptForOneProcess) {
  setenv("SLURM_PROCID", "0", 1);
  setenv("SLURM_STEP_ID", "4294967291", 1);

  const framework::Launcher launcher = framework::find_launcher();

  EXPECT_FALSE(launcher.offers_mpi);
  EXPECT_EQ(launcher.tasks, 1);
}

TEST_F(Launcher, SeesMpirunBehindTheStepOfSlurm) {
  setenv("SLURM_STEP_NUM_TASKS", "2", 1);
  setenv("OMPI_COMM_WORLD_SIZE", "8", 1);

  const framework::Launcher launcher = framework::find_launcher();

  EXPECT_TRUE(launcher.offers_mpi);
  EXPECT_EQ(launcher.tasks, 8);
}

TEST_F(Launcher, RefusesTasksOfSrunThatCannotSeeEachOther) {
  setenv("SLURM_STEP_NUM_TASKS", "4", 1);
  int argc = 0;
  char** argv = nullptr;

  EXPECT_THROW(framework::ProcessGroup(argc, argv, no_children), InputError);
}

TEST_F(Launcher, IsOneRankWithoutALauncher) {
  int argc = 0;
  char** argv = nullptr;

  const framework::ProcessGroup group(argc, argv, no_children);

  EXPECT_EQ(group.rank(), 0);
  EXPECT_EQ(group.size(), 1);
  EXPECT_EQ(group.local_rank(), 0);
  EXPECT_EQ(group.local_size(), 1);
}

}  // namespace
}  // namespace pare::test
