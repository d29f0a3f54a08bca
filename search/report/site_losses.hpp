// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "search/store/run_record.hpp"

namespace pare::search {

/// What a site loses alone: its option against its best one, everything else left at its best.
struct SiteLoss {
  std::size_t site = 0;
  std::uint8_t option = 0;
  double loss = 0;            ///< by the objective, paired over search windows
  double stderr_of_mean = 0;  ///< of `loss`
};

/// One a site that was measured alone, in the order of sites; empty where the algorithm does not ask for such trials. Of
/// several options the one that most sites were measured with, else the one with the fewest bytes.
std::vector<SiteLoss> site_losses(const RunRecord& record);

}  // namespace pare::search
