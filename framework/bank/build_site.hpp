// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "framework/bank/bank_plan.hpp"
#include "framework/calibration/calibration_file.hpp"
#include "framework/compression/compressor.hpp"

namespace pare::framework {

/// What compressing a layer cost, before anything is run: squared_error / squared_weights is the relative error. Weights
/// of heads, channels and sub-layers that were taken away count with their squares.
struct LocalError {
  double squared_error = 0;    ///< sum over weights of (w - approximation)^2
  double squared_weights = 0;  ///< sum over weights of w^2
};

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
