// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "framework/bank/bank_plan.hpp"
#include "framework/bank/prepare_site.hpp"
#include "framework/calibration/calibration_file.hpp"
#include "framework/compression/compression_arithmetic.hpp"
#include "framework/compression/compressor.hpp"

namespace pare::framework {

/// An option whose numbers did not work out at a site.
struct OptionFailure {
  std::size_t option = 0;  ///< index into Site::options
  std::string reason;

  bool operator==(const OptionFailure&) const = default;
};

/// All compressed forms of one site: the bytes of its entries one after the other, and the local error of each. The
/// bytes of an option that failed are 0.
struct BuiltSite {
  std::vector<std::byte> packed;
  std::vector<LocalError> errors;
  std::vector<OptionFailure> failures = {};  ///< ascending
};

/// Compresses one site with all its options: the unit of work that is dealt over the ranks. An option fails where the
/// weights or the inputs do not let it be computed (a Hessian that no damping makes positive definite, a scale beyond
/// binary16, a result that is not finite); that depends on nothing but the model, the option and the calibration.
/// `calibration` may be null when no option needs it; else throws InputError naming layer and option.
BuiltSite build_site(const BankPlan& plan, std::size_t site, const CalibrationFile* calibration,
                     CompressionArithmetic& arithmetic);
/// On the CPU.
BuiltSite build_site(const BankPlan& plan, std::size_t site, const CalibrationFile* calibration);

}  // namespace pare::framework
