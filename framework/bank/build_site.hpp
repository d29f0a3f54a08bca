// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "framework/bank/bank_plan.hpp"
#include "framework/bank/prepare_site.hpp"
#include "framework/calibration/calibration_file.hpp"
#include "framework/compression/compressor.hpp"

namespace pare::framework {

/// All compressed forms of one site: the bytes of its entries one after the other, and the local error of each.
struct BuiltSite {
  std::vector<std::byte> packed;
  std::vector<LocalError> errors;
};

/// Compresses one site with all its options: the unit of work that is dealt over the ranks. `calibration` may be null
/// when no option needs it. Throws InputError naming layer and option when an option cannot hold the weights, or has no
/// calibration.
BuiltSite build_site(const BankPlan& plan, std::size_t site, const CalibrationFile* calibration);

}  // namespace pare::framework
