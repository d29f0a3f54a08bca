// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "framework/compression/compressor.hpp"

namespace pare::framework {

/// Every weight goes to the nearest point of a min-max grid; needs no calibration data.
class RoundToNearest final : public Compressor {
 public:
  std::int64_t packed_bytes(const Option& option, std::int64_t outputs, std::int64_t inputs) const override;
  LocalError compress(const Option& option, kernels::MatrixView<const float> weight,
                      std::span<std::byte> packed) const override;
};

}  // namespace pare::framework
