// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/core/device_matrix.hpp"
#include "kernels/gemm/decode_gemm.hpp"
#include "kernels/gemm/gemm_int8.hpp"

namespace pare::kernels {

struct SparseLayout;  // kernels/prune/sparse_layout.hpp

/// Int8 weights [rows, cols] with 2:4 sparsity on a GPU. Every row is padded with zeros to whole blocks of 128 inputs:
///   values  [rows, values_stride] the two kept weights of every four inputs, in order
///   places  [rows, places_stride] four bits for every four inputs: the places of the two, two bits each, ascending
///   scales  one an output
/// Four inputs take 2.5 bytes where dense int8 takes 4.
struct DeviceSparseInt8View {
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t values_stride = 0;
  std::int64_t places_stride = 0;
  const std::int8_t* values = nullptr;
  const std::uint8_t* places = nullptr;
  const float* scales = nullptr;
};

/// Owns what DeviceSparseInt8View looks at.
class DeviceSparseInt8 {
 public:
  /// Copies a packed 2:4 matrix to the GPU and waits for it. Throws InputError unless the layout is 2:4 with a symmetric
  /// grid and one group a row, and for a block of the wrong size; DeviceMemoryError.
  DeviceSparseInt8(const SparseLayout& layout, std::span<const std::byte> packed, const Stream& stream);

  DeviceSparseInt8View view() const;
  std::int64_t memory_bytes() const { return values_.size() + places_.size() + 4 * scales_.size(); }

 private:
  std::int64_t cols_;
  DeviceMatrix<std::int8_t> values_;
  DeviceMatrix<std::uint8_t> places_;
  DeviceMatrix<float> scales_;
};

/// gemm_int8 on 2:4 weights for the few rows of a decoding step, x [M, K], M <= most_decode_rows: bit-equal to gemm_int8 on
/// the expanded weights. x begins at a multiple of 16 bytes, its stride is a multiple of 16. epilogue.weight_scales stays
/// empty: the weights bring theirs. Enqueued on `stream`. Throws InputError.
void decode_gemm_sparse_int8(DeviceView<const std::int8_t> x, const DeviceSparseInt8View& weight,
                             const Int8Epilogue<BFloat16>& epilogue, DeviceView<BFloat16> out, const Stream& stream);

namespace detail {

/// Behind decode_gemm_sparse_int8; the arguments have been checked.
void launch_decode_gemm_sparse_int8(DeviceView<const std::int8_t> x, const DeviceSparseInt8View& weight,
                                    const Int8Epilogue<BFloat16>& epilogue, DeviceView<BFloat16> out,
                                    const Stream& stream);

}  // namespace detail
}  // namespace pare::kernels
