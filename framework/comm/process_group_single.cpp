// SPDX-License-Identifier: Apache-2.0
// The process group of a build without MPI: always one rank.
#include <cstdlib>
#include <stdexcept>

#include "framework/comm/launcher.hpp"
#include "framework/comm/process_group.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {

struct ProcessGroup::Implementation {
  std::vector<std::string> nodes{node_name()};
};

ProcessGroup::ProcessGroup(int&, char**&, const Spawner::ChildMain& child_main)
    : spawner_(child_main), implementation_(std::make_unique<Implementation>()) {
  const int tasks = find_launcher().tasks;
  VALIDATE(tasks == 1, "the launcher started ", tasks,
           " tasks, but this pare was built without MPI (PARE_MPI=OFF): start it once, or build it with MPI");
}

ProcessGroup::~ProcessGroup() = default;

bool ProcessGroup::has_mpi() {
  return false;
}
int ProcessGroup::rank() const {
  return 0;
}
int ProcessGroup::size() const {
  return 1;
}
int ProcessGroup::local_size() const {
  return 1;
}
int ProcessGroup::local_rank() const {
  return 0;
}

int ProcessGroup::finish(int exit_code) {
  return exit_code;
}

const std::vector<std::string>& ProcessGroup::nodes() const {
  return implementation_->nodes;
}

std::unique_ptr<Channel> ProcessGroup::channel(int peer, Traffic) {
  throw InternalError(pare::detail::concatenate("there is no rank ", peer, " in a group of one"));
}

void ProcessGroup::abort(int exit_code) {
  std::_Exit(exit_code);
}

}  // namespace pare::framework
