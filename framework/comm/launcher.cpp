// SPDX-License-Identifier: Apache-2.0
#include "framework/comm/launcher.hpp"

#include <algorithm>
#include <cstdlib>

namespace pare::framework {

Launcher find_launcher() {
  Launcher launcher;
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"})
    if (std::getenv(name) != nullptr) launcher.offers_mpi = true;
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"})
    if (const char* value = std::getenv(name)) {
      launcher.tasks = std::max(1, std::atoi(value));
      break;
    }
  return launcher;
}

}  // namespace pare::framework
