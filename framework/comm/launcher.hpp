// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace pare::framework {

/// What the environment says about who started this process, without touching MPI.
///
/// A SLURM batch script and a shell in an allocation carry SLURM_PROCID too, so that variable proves nothing;
/// only what an MPI launcher hands to each rank counts: OMPI_COMM_WORLD_SIZE (mpirun of Open MPI), PMIX_RANK
/// (srun --mpi=pmix), PMI_RANK (Hydra, srun --mpi=pmi2).
struct Launcher {
  bool offers_mpi = false;  ///< MPI_Init would find its peers
  int tasks = 1;            ///< processes started side by side, as far as the environment tells
};

Launcher find_launcher();

/// What SLURM calls this node (SLURMD_NODENAME), else the name of the host. At most 255 bytes.
std::string node_name();

}  // namespace pare::framework
