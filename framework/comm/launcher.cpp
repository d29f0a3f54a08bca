// SPDX-License-Identifier: Apache-2.0
#include "framework/comm/launcher.hpp"

#include <algorithm>
#include <cstdlib>

#include "framework/comm/process_info.hpp"

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

std::string node_name() {
  constexpr std::size_t longest = 255;
  if (const char* name = std::getenv("SLURMD_NODENAME"); name != nullptr && *name != '\0')
    return std::string(name).substr(0, longest);
  return host_name();
}

}  // namespace pare::framework
