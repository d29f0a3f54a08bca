// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/core/device_matrix.hpp"
#include "kernels/core/dtype.hpp"
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

/// A RopeTable in the memory of a GPU.
class DeviceRopeTable {
 public:
  /// Copies the table and waits for it. Throws DeviceMemoryError.
  DeviceRopeTable(const RopeTable& table, const Stream& stream);

  std::int64_t positions() const { return cosines_.rows(); }
  std::int64_t half() const { return cosines_.cols(); }
  const float* cosines() const { return cosines_.data(); }
  const float* sines() const { return sines_.data(); }

 private:
  DeviceMatrix<float> cosines_;
  DeviceMatrix<float> sines_;
};

/// The GPU's half, enqueued on `stream`: in binary32, the two products and the sum rounded each on its own (the host may
/// contract them), rounded to bfloat16 at the end where x is. x may be some columns of a wider matrix. Heads whose position
/// is not in the table become NaN. Rows are fastest when they begin at multiples of 16 bytes and half() is a multiple of 8.
void apply_rope(const DeviceRopeTable& table, DeviceSpan<const std::int32_t> positions, std::int64_t heads,
                DeviceView<BFloat16> x, const Stream& stream);
void apply_rope(const DeviceRopeTable& table, DeviceSpan<const std::int32_t> positions, std::int64_t heads,
                DeviceView<float> x, const Stream& stream);

}  // namespace pare::kernels
