// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/core/matrix.hpp"
#include "kernels/core/matrix_view.hpp"

namespace pare::kernels {

/// Cosines and sines of the rotary embedding (Su et al. 2021), [positions, head_dim / 2] each, computed in
/// binary64.
class RopeTable {
 public:
  /// inverse_frequencies: head_dim / 2 values, already scaled (Llama 3 scaling happens where the
  /// configuration is read).
  RopeTable(std::span<const double> inverse_frequencies, std::int64_t positions);

  std::int64_t positions() const { return cosines_.rows(); }
  std::int64_t half() const { return cosines_.cols(); }
  const float* cosines(std::int64_t position) const { return cosines_.row(position); }
  const float* sines(std::int64_t position) const { return sines_.row(position); }

 private:
  Matrix<float> cosines_;
  Matrix<float> sines_;
};

/// Rotates x [tokens, heads * head_dim] in place, in the half-split order of Hugging Face checkpoints: (x_i,
/// x_{i + half}). positions[t] is the position of token t.
void apply_rope(const RopeTable& table, std::span<const std::int32_t> positions, std::int64_t heads,
                MatrixView<float> x);

}  // namespace pare::kernels
