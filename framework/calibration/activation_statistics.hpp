// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "framework/calibration/histogram.hpp"
#include "kernels/core/matrix.hpp"

namespace pare::framework {

/// What calibration needs to know of the input X [tokens, inputs] of one linear layer (or of several that share it),
/// gathered tile by tile so that X is never held.
///
/// The results depend on the tiles and on the order in which they are added and merged, never on the number of threads;
/// histogram, minima, maxima and counts depend on neither. Movable; not thread-safe.
class ActivationStatistics {
 public:
  /// Takes 4 * inputs^2 bytes with a Hessian, else only some for each input. Throws InputError unless inputs > 0.
  explicit ActivationStatistics(std::int64_t inputs, bool with_hessian = true);

  /// Whether a tile starts a window of tokens or goes on with the last one: windows have one maximum each.
  enum class Window { starts, continues };

  /// tile [tokens, inputs]. Throws InputError when a value is not finite or larger than 2^40, which would bring
  /// sums of squares near the end of binary32; then nothing was added. A tile without rows adds nothing, not even a window.
  void add(kernels::MatrixView<const float> tile, Window window = Window::starts);

  /// As if the tiles of `other` had followed, up to the rounding of the sums: a caller who wants the same bits whatever
  /// the number of ranks merges shards that do not depend on it, in a fixed order. EXPECTs equal shapes.
  void merge(const ActivationStatistics& other);

  std::int64_t inputs() const { return static_cast<std::int64_t>(min_.size()); }
  std::int64_t tokens() const { return tokens_; }

  /// X^T X [inputs, inputs], symmetric bit for bit; 0 x 0 without a Hessian. Binary32 sums: after n tiles of at most t
  /// tokens the error is at most (t + n + 1) * 2^-24 * sum over tokens of |x[i] x[j]|.
  kernels::MatrixView<const float> hessian() const { return hessian_.view(); }

  /// Sums over tokens of x^2 and of |x|, of each input; binary64.
  std::span<const double> sums_of_squares() const { return sums_of_squares_; }
  std::span<const double> sums_of_magnitudes() const { return sums_of_magnitudes_; }

  /// Of each input; +inf and -inf while there are no tokens.
  std::span<const float> min() const { return min_; }
  std::span<const float> max() const { return max_; }

  const Histogram& histogram() const { return histogram_; }

  /// max |x| of each window.
  std::span<const float> window_maxima() const { return window_maxima_; }

  /// Of each input: mean |x|, max |x| (both 0 while there are no tokens), and the diagonal of X^T X from the binary64
  /// sums, rounded once.
  std::vector<float> mean_magnitudes() const;
  std::vector<float> largest_magnitudes() const;
  std::vector<float> diagonal() const;

 private:
  kernels::Matrix<float> hessian_;
  std::vector<double> sums_of_squares_;
  std::vector<double> sums_of_magnitudes_;
  std::vector<float> min_;
  std::vector<float> max_;
  std::vector<float> window_maxima_;
  Histogram histogram_;
  std::int64_t tokens_ = 0;
};

}  // namespace pare::framework
