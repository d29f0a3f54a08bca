// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "framework/compression/inverse_hessian.hpp"
#include "kernels/core/matrix.hpp"

/// Structured pruning: whole units of a stage are removed, seen from the linear layer that consumes them (down_proj for
/// the channels of an MLP, o_proj for attention heads). The caller removes the same units from the layers that produce
/// them.

namespace pare::framework {

/// What is removed as one: unit u is columns [u * width, (u + 1) * width) of the consuming layer.
struct Units {
  std::int64_t count = 0;
  std::int64_t width = 0;
};

/// Each input of down_proj is one.
Units mlp_channels(std::int64_t inputs);

/// Each KV head with the query heads that read it: heads / kv_heads of them lie side by side in o_proj's input, a head
/// being head_dim columns. Throws InputError unless kv_heads divides heads and all are positive.
Units kv_groups(std::int64_t heads, std::int64_t kv_heads, std::int64_t head_dim);

/// How the units compare. W is the consuming weight [outputs, K], H the Hessian of its inputs, sums are over outputs i
/// and over the columns j of a unit S:
///   magnitude   sum w_ij^2
///   wanda       sum w_ij^2 H_jj: the squares of Wanda's scores
///   hessian     tr(W_S ((H'^-1)_SS)^-1 W_S^T): by how much the squared error of the outputs grows when the unit is
///               removed and all others are re-fitted (Hassibi, Stork, "Second order derivatives for network pruning:
///               optimal brain surgeon", 1992; for blocks as in Kurtic et al., "ZipLM", 2023). H' as in InverseHessian;
///               scored once, not again after every removal
enum class UnitScore { magnitude, wanda, hessian };

struct StructuredResult {
  std::vector<std::int64_t> kept_units;    ///< ascending
  std::vector<std::int64_t> kept_columns;  ///< ascending
  kernels::Matrix<float> weight;           ///< re-fitted, [outputs, kept columns]
  double damping = 0;                      ///< the one that was used
};

/// The scores of all units; damping matters to UnitScore::hessian alone. Throws InputError as invert_hessian does, and
/// when units do not cover the columns of `weight`.
std::vector<double> score_units(kernels::MatrixView<const float> weight, kernels::MatrixView<const float> hessian,
                                const Units& units, UnitScore score, double damping = default_damping);

/// The round((1 - ratio) * count) units of highest score, but at least one, ascending; among equals the first ones
/// stay. Throws InputError for a ratio outside (0, 1).
std::vector<std::int64_t> choose_units(const std::vector<double>& scores, double ratio);

/// Removes the share `ratio` of the units and re-fits what remains by damped least squares over the calibration data:
///
///     W' = W H'_:S (H'_SS)^-1 = W_S + W_R H_RS (H_SS + damping * mean(diag H) * I)^-1
///
/// for the kept columns S and the removed ones R: the minimum over W' of the squared error of the outputs plus
/// damping * mean(diag H) * |W' - W_S|^2, so that a column that nothing can replace stays what it was. In binary64,
/// rounded to binary32 at the end; parallel; the bits never depend on the number of threads. Throws as the functions
/// above, and when a weight is not finite.
StructuredResult prune_structured(kernels::MatrixView<const float> weight, kernels::MatrixView<const float> hessian,
                                  const Units& units, UnitScore score, double ratio, double damping = default_damping);

}  // namespace pare::framework
