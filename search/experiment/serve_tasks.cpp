// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/serve_tasks.hpp"

namespace pare::search {

void serve_tasks(const WorkerSetup& setup, framework::Channel& coordinator) {
  Worker(setup).serve(coordinator);
}

}  // namespace pare::search
