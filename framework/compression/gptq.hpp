// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "framework/compression/inverse_hessian.hpp"
#include "kernels/core/matrix_view.hpp"
#include "kernels/quantize/grid.hpp"

namespace pare::framework {

struct GptqSettings {
  bool clip = false;  ///< groups may be clipped, as clipped_grid does, by the error (w - q)^2 / U_jj^2
  int block = 128;  ///< columns whose updates of the columns beyond them are made at once; changes speed only, but for
                    ///< the last bits of the sums
};

/// GPTQ (Frantar, Ashkboos, Hoefler, Alistarh, ICLR 2023): rounds the columns of `weight` [outputs, K] one by one, in
/// the order of `inverse`, and lets the remaining columns make up for the error of each:
///
///     for i in sweep order:  q_i = nearest point of w_i;  e = (w_i - q_i) / U_ii;  w_k -= e U_ik for all k > i
///
/// `packed` gets the layout and the scale and zero conventions of quantize_round_to_nearest (packed_layout(...)
/// .total_bytes bytes). The grid of a group is made when its first column is reached, from the weights as they have
/// become; one grid for the whole tensor is made before. When the sweep does not go from left to right, a group is not visited as one, and grids are made from the
/// original weights ("static groups"), so that the storage is the same. Weights of dead inputs are stored as 0.
///
/// Weights are updated in binary64 and rounded to binary32 before their nearest point is chosen. Parallel over rows;
/// the bytes never depend on the number of threads. outputs * K^2 operations; 512 K bytes a thread.
///
/// Throws InputError when a weight is not finite, a scale exceeds binary16, the grid is impossible or `block` is not
/// positive; EXPECTs a Hessian of K inputs.
void quantize_gptq(kernels::MatrixView<const float> weight, const InverseHessian& inverse, const kernels::Grid& grid,
                   const GptqSettings& settings, std::span<std::byte> packed);

namespace detail {

/// What both implementations, that for the CPU and that for GPUs, ask for.
kernels::PackedLayout check_gptq(kernels::MatrixView<const float> weight, const SweepInputs& inputs,
                                 const kernels::Grid& grid, const GptqSettings& settings, std::span<std::byte> packed);

}  // namespace detail
}  // namespace pare::framework
