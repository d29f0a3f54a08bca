// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/tensor_map.hpp"

#include <cuda.h>
#include <cuda_runtime_api.h>

#include "kernels/core/cuda_check.cuh"

namespace pare::kernels::detail {
namespace {

constexpr cuuint32_t tile_row_bytes = 128;

using Encode = decltype(&cuTensorMapEncodeTiled);

/// The driver is asked for its function, so that no program has to be linked with it.
Encode encode_function() {
  static const Encode function = [] {
    void* entry = nullptr;
    cudaDriverEntryPointQueryResult found{};
    CUDA_CALL(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &entry, 12000, cudaEnableDefault, &found));
    if (found != cudaDriverEntryPointSuccess) throw DeviceError("the driver has no cuTensorMapEncodeTiled", false);
    return reinterpret_cast<Encode>(entry);
  }();
  return function;
}

/// rows of a window, of which there are `windows` one after the other; 0: a matrix, not cut into windows.
void fill(CUtensorMap& map, CUtensorMapDataType type, std::int64_t element_bytes, const void* data, std::int64_t rows,
          std::int64_t cols, std::int64_t stride, int tile_rows, std::int64_t windows = 0) {
  const cuuint64_t sizes[] = {static_cast<cuuint64_t>(cols), static_cast<cuuint64_t>(rows),
                              static_cast<cuuint64_t>(windows)};
  const cuuint64_t strides[] = {static_cast<cuuint64_t>(stride * element_bytes),
                                static_cast<cuuint64_t>(rows * stride * element_bytes)};
  const cuuint32_t box[] = {static_cast<cuuint32_t>(tile_row_bytes / element_bytes), static_cast<cuuint32_t>(tile_rows),
                            1};
  const cuuint32_t steps[] = {1, 1, 1};
  const cuuint32_t dimensions = windows > 0 ? 3 : 2;
  const CUresult result = encode_function()(&map, type, dimensions, const_cast<void*>(data), sizes, strides, box, steps,
                                            CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                                            CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (result != CUDA_SUCCESS) {
    throw DeviceError(
        pare::detail::concatenate("no tensor map for ", rows, " x ", cols, " elements of ", element_bytes,
                                  " bytes with stride ", stride, " (CUDA driver error ", static_cast<int>(result), ")"),
        false);
  }
}

}  // namespace

void fill_tensor_map(CUtensorMap& map, DeviceView<const std::int8_t> matrix, int tile_rows) {
  fill(map, CU_TENSOR_MAP_DATA_TYPE_UINT8, 1, matrix.data, matrix.rows, matrix.cols, matrix.stride, tile_rows);
}

void fill_tensor_map(CUtensorMap& map, DeviceView<const BFloat16> matrix, int tile_rows) {
  fill(map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 2, matrix.data, matrix.rows, matrix.cols, matrix.stride, tile_rows);
}

void fill_tensor_map(CUtensorMap& map, DeviceView<const float> matrix, int tile_rows) {
  fill(map, CU_TENSOR_MAP_DATA_TYPE_FLOAT32, 4, matrix.data, matrix.rows, matrix.cols, matrix.stride, tile_rows);
}

void fill_window_map(CUtensorMap& map, DeviceView<const BFloat16> matrix, std::int64_t window_length, int tile_rows) {
  fill(map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 2, matrix.data, window_length, matrix.cols, matrix.stride, tile_rows,
       matrix.rows / window_length);
}

}  // namespace pare::kernels::detail
