// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <numeric>

#include "kernels/core/dtype.hpp"
#include "kernels/quantize/grid.hpp"
#include "tests/framework/compression/plain_algebra.hpp"

/// The sweep of GPTQ and SparseGPT as plain loops in binary64, one row, one column at a time, neither blocks nor tiles.

namespace pare::test {

struct PlainGroup {
  double scale = 0;
  double zero = 0;
};

/// The min-max grid of `count` weights, in binary64 but for the storage: weights are seen as binary32, the scale as
/// binary16.
inline PlainGroup plain_group(const double* w, std::int64_t count, const kernels::Grid& grid) {
  double low = 0;
  double high = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    low = std::min(low, static_cast<double>(static_cast<float>(w[i])));
    high = std::max(high, static_cast<double>(static_cast<float>(w[i])));
  }
  const double levels = (1 << grid.bits) - 1;
  const double exact = grid.symmetric ? std::max(high, -low) / (levels / 2) : (high - low) / levels;
  PlainGroup group;
  group.scale = to_float(kernels::to_float16(static_cast<float>(exact)));
  group.zero = grid.symmetric ? std::exp2(grid.bits - 1) : std::clamp(std::nearbyint(-low / group.scale), 0.0, levels);
  return group;
}

struct PlainCode {
  int code = 0;
  double value = 0;
  bool tie = false;  ///< so near to the middle of two points that rounding in binary32 may go either way
};

/// A weight is rounded to binary32 (2^-24) and divided in binary32 (2^-24), and the two sweeps differ by far less: the
/// ratio, at most 2^bits, is off by at most 2^-22 2^bits.
inline PlainCode plain_round(double w, const PlainGroup& group, int bits) {
  const double ratio = w / group.scale + group.zero;
  const double rounded = std::clamp(std::nearbyint(ratio), 0.0, std::exp2(bits) - 1);
  const double fraction = ratio - std::floor(ratio);
  return {static_cast<int>(rounded), group.scale * (rounded - group.zero),
          std::abs(fraction - 0.5) < std::exp2(bits - 22)};
}

/// Fixes weight i of the row at `value`: the weights to the right take over the error.
inline void plain_fix(std::vector<double>& w, std::int64_t i, double value, const Square& u) {
  const double error = (w[static_cast<std::size_t>(i)] - value) / u(i, i);
  w[static_cast<std::size_t>(i)] = value;
  for (std::int64_t k = i + 1; k < u.n; ++k) w[static_cast<std::size_t>(k)] -= error * u(i, k);
}

}  // namespace pare::test
