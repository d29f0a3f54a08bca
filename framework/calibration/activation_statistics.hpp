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
  /// All of it, to be sent and stored.
  struct State {
    kernels::Matrix<float> hessian;
    std::vector<double> sums_of_squares;
    std::vector<double> sums_of_magnitudes;
    std::vector<float> min;
    std::vector<float> max;
    std::vector<float> window_maxima;
    Histogram histogram;
    std::int64_t tokens = 0;
  };

  /// Takes 4 * inputs^2 bytes with a Hessian, else only some for each input. Throws InputError unless inputs > 0.
  explicit ActivationStatistics(std::int64_t inputs, bool with_hessian = true);

  /// Throws InputError when the parts do not fit together.
  explicit ActivationStatistics(State state);
  const State& state() const { return state_; }

  /// Of some of the inputs, in the given order; histogram and maxima stay those of all.
  ActivationStatistics of_inputs(std::span<const std::int64_t> columns) const;

  /// Whether a tile starts a window of tokens or goes on with the last one: windows have one maximum each.
  enum class Window { starts, continues };

  /// tile [tokens, inputs]. Throws InputError when a value is not finite or larger than 2^40, which would bring
  /// sums of squares near the end of binary32; then nothing was added. A tile without rows adds nothing, not even a
  /// window.
  void add(kernels::MatrixView<const float> tile, Window window = Window::starts);

  /// As if the tiles of `other` had followed, up to the rounding of the sums: a caller who wants the same bits whatever
  /// the number of ranks merges shards that do not depend on it, in a fixed order. EXPECTs equal shapes.
  void merge(const ActivationStatistics& other);

  std::int64_t inputs() const { return static_cast<std::int64_t>(state_.min.size()); }
  std::int64_t tokens() const { return state_.tokens; }

  /// X^T X [inputs, inputs], symmetric bit for bit; 0 x 0 without a Hessian. Binary32 sums: after n tiles of at most t
  /// tokens the error is at most (t + n + 1) * 2^-24 * sum over tokens of |x[i] x[j]|.
  kernels::MatrixView<const float> hessian() const { return state_.hessian.view(); }

  /// Sums over tokens of x^2 and of |x|, of each input; binary64.
  std::span<const double> sums_of_squares() const { return state_.sums_of_squares; }
  std::span<const double> sums_of_magnitudes() const { return state_.sums_of_magnitudes; }

  /// Of each input; +inf and -inf while there are no tokens.
  std::span<const float> min() const { return state_.min; }
  std::span<const float> max() const { return state_.max; }

  const Histogram& histogram() const { return state_.histogram; }

  /// max |x| of each window.
  std::span<const float> window_maxima() const { return state_.window_maxima; }

  /// Of each input: mean |x|, max |x| (both 0 while there are no tokens), and the diagonal of X^T X from the binary64
  /// sums, rounded once.
  std::vector<float> mean_magnitudes() const;
  std::vector<float> largest_magnitudes() const;
  std::vector<float> diagonal() const;

 private:
  State state_;
};

}  // namespace pare::framework
