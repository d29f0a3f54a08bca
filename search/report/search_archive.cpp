// SPDX-License-Identifier: Apache-2.0
#include "search/report/search_archive.hpp"

namespace pare::search {

Archive search_archive(const RunRecord& record) {
  Archive archive(record.search_windows, WindowLoss(record.objective, WindowSet::search));
  for (const Trial& trial : record.trials)
    if (trial.request.set == WindowSet::search && !trial.failed()) archive.add(trial);
  return archive;
}

}  // namespace pare::search
