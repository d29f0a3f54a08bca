// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include "framework/calibration/histogram.hpp"

namespace pare::framework {

/// How the static range [-r, r] of an activation is taken from what calibration saw of it.
///   min_max             "minmax"          r = max |x|: nothing saturates
///   moving_average      "moving-average"  r = m_0, then r += averaging * (m_i - r), over the maxima m_i of the windows
///                                         in their order (Jacob et al., CVPR 2018, section 3.1)
///   percentile          "percentile"      the least bin edge r with at least `percentile` % of the |x| below it
///                                         (Wu et al. 2020, arXiv:2004.09602, section 4)
///   mean_squared_error  "mse"             the r with the least mean squared error of the int8 quantizer (below)
///   entropy             "entropy"         the r with the least Kullback-Leibler divergence (below)
/// All results lie in (0, max |x|], or are 0 when all values were 0.
///
/// mse: tries max |x| * i / 256 for i = 256, 255, ..., 1. The quantizer has the step s = r / 127 and saturates beyond
/// r; the values of a bin count as spread evenly over it, and the error is integrated over each bin in closed form.
/// Equals keep the larger r; so the result is never worse, in this measure, than min_max.
///
/// entropy: Migacz, "8-bit inference with TensorRT" (GTC 2017). For a number of bins i from 128 up to the last
/// one that counted anything: the reference distribution P is the first i bins with all counts beyond them added to bin
/// i - 1; the candidate Q is the first i bins alone, put together to 128 levels (level l: bins [l * i / 128, (l + 1) *
/// i / 128)), the count of each level spread evenly over those of its bins that are not empty. Both are normalised, and
/// the i with the least sum P log(P / Q) gives r, the upper edge of bin i - 1; an i whose Q is 0 where P is not has an
/// infinite divergence. Equals keep the larger r. Where an outlier is so far out that the other values fill fewer than
/// 128 bins, every candidate but the whole range is infinite: the method then equals min_max.
enum class RangeMethod { min_max, moving_average, percentile, mean_squared_error, entropy };

std::string_view to_text(RangeMethod method);

/// Throws InputError with the names there are and, where there is one, the near spelling.
RangeMethod parse_range_method(std::string_view text);

struct RangeSettings {
  double percentile = 99.99;  ///< in (0, 100]
  double averaging = 0.01;    ///< in (0, 1]: the weight of a new window
};

/// The range r in units of the values; the scale of int8 codes is r / 127. `window_maxima` holds max |x| of each
/// window, in the order of the data, and is read by moving_average only. `what` names the values in errors, e.g. "the
/// input of model.layers.0.mlp.down_proj".
///
/// Throws InputError when there were no values (for moving_average: no windows), or a setting that the method uses is
/// out of its range.
double calibrate_range(RangeMethod method, const Histogram& histogram, std::span<const float> window_maxima,
                       const RangeSettings& settings, std::string_view what);

}  // namespace pare::framework
