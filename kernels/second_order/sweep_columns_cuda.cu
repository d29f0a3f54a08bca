// SPDX-License-Identifier: Apache-2.0
#include "kernels/core/cuda_check.cuh"
#include "kernels/core/eight.cuh"
#include "kernels/second_order/sweep_columns.hpp"

namespace pare::kernels {
namespace device {

constexpr int warp = 32;
constexpr int row_warps = 4;  ///< rows of a CTA
constexpr int parts = static_cast<int>(widest_sweep) / warp;

/// A ColumnSweep as plain pointers; strides in elements.
struct SweepRows {
  double* weights;
  std::int64_t weights_stride;
  const double* factor;
  std::int64_t factor_stride;
  const std::int64_t* order;
  double* errors;
  std::int64_t errors_stride;
  const GroupGrid* grids;
  std::int64_t grids_stride;  ///< 0 where all rows share one
  std::uint8_t* codes;
  std::int64_t codes_stride;
  std::uint8_t* keep;
  std::int64_t keep_stride;
  std::int64_t rows;
  int bits;
  int group_size;
  int kept;
  int of;
};

struct Rounded {
  float value;
  int code;
};

/// round_group and value_of for one weight, to the bit.
__device__ inline Rounded rounded(float w, const GroupGrid& group, int bits) {
  const float scale = half_to_float(group.scale.bits);
  if (scale == 0.0f) return {0.0f, group.zero};
  const float lowest = -static_cast<float>(group.zero);
  const float highest = static_cast<float>((1 << bits) - 1) + lowest;
  const float ratio = __fdiv_rn(w, scale);
  const float steps = rintf(ratio > highest ? highest : (ratio < lowest ? lowest : ratio));
  return {__fmul_rn(scale, steps), static_cast<int>(steps - lowest)};
}

/// The columns of a block of one row, in the registers of a warp: lane i has columns i, i + 32, i + 64 and i + 96.
struct SweptRow {
  double w[parts];
  double diagonal[parts];  ///< U_jj
  double error[parts];
  int code[parts];
  bool keep[parts];
};

/// Marks which of the columns [first, first + of) of the block stay. `scores`: room for a row of the block.
__device__ inline void choose_neighbours(SweptRow& row, int lane, int first, int kept, int of, float* scores) {
#pragma unroll
  for (int p = 0; p < parts; ++p) {
    const int c = p * warp + lane;
    if (c >= first && c < first + of) scores[c] = static_cast<float>(fabs(row.w[p]) / row.diagonal[p]);
  }
  __syncwarp();
#pragma unroll
  for (int p = 0; p < parts; ++p) {
    const int c = p * warp + lane;
    if (c < first || c >= first + of) continue;
    int lower = 0;  // those that go before it
    for (int i = first; i < first + of; ++i) lower += scores[i] < scores[c] || (scores[i] == scores[c] && i > c);
    row.keep[p] = lower >= of - kept;
  }
  __syncwarp();
}

}  // namespace device

namespace kernel {

/// Tile: a row a warp, up to 128 columns in registers; row j of U comes from the L1 cache, where all warps look for it.
/// Bound: latency of the chain of columns, hidden by the other rows.
__global__ void __launch_bounds__(device::row_warps* device::warp)
    sweep_columns(const device::SweepRows s, std::int64_t begin, int width) {
  using namespace device;
  __shared__ float scores[row_warps][widest_sweep];
  const int lane = static_cast<int>(threadIdx.x) % warp;
  const int in_block = static_cast<int>(threadIdx.x) / warp;
  const std::int64_t r = std::int64_t{blockIdx.x} * row_warps + in_block;
  if (r >= s.rows) return;
  double* const weights = s.weights + r * s.weights_stride + begin;
  const double* const factor = s.factor + begin * s.factor_stride + begin;
  SweptRow row;
#pragma unroll
  for (int p = 0; p < parts; ++p) {
    const int c = p * warp + lane;
    const bool exists = c < width;
    row.w[p] = exists ? weights[c] : 0.0;
    row.diagonal[p] = exists ? factor[c * s.factor_stride + c] : 1.0;
    row.keep[p] = s.keep == nullptr || s.of > 0 || !exists || s.keep[r * s.keep_stride + begin + c] != 0;
    row.error[p] = 0.0;
    row.code[p] = 0;
  }
#pragma unroll
  for (int p = 0; p < parts; ++p) {
#pragma unroll 1
    for (int l = 0; l < warp && p * warp + l < width; ++l) {
      const int j = p * warp + l;
      if (s.of > 0 && j % s.of == 0) choose_neighbours(row, lane, j, s.kept, s.of, scores[in_block]);
      const double before = __shfl_sync(~0u, row.w[p], l);
      const bool stays = __shfl_sync(~0u, static_cast<int>(row.keep[p]), l) != 0;
      double after = stays ? before : 0.0;
      int code = 0;
      if (stays && s.grids != nullptr) {
        const int column = static_cast<int>(s.order[begin + j]);
        const GroupGrid group = s.grids[r * s.grids_stride + column / s.group_size];
        const Rounded nearest = rounded(static_cast<float>(before), group, s.bits);
        after = nearest.value;
        code = nearest.code;
      }
      const double error = (before - after) / __shfl_sync(~0u, row.diagonal[p], l);
      if (lane == l) {
        row.w[p] = after;
        row.error[p] = error;
        row.code[p] = code;
      }
#pragma unroll
      for (int q = p; q < parts; ++q) {
        const int c = q * warp + lane;
        if (c > j && c < width) row.w[q] -= factor[j * s.factor_stride + c] * error;
      }
    }
  }
#pragma unroll
  for (int p = 0; p < parts; ++p) {
    const int c = p * warp + lane;
    if (c >= width) continue;
    weights[c] = row.w[p];
    s.errors[r * s.errors_stride + c] = row.error[p];
    if (s.codes != nullptr) s.codes[r * s.codes_stride + s.order[begin + c]] = static_cast<std::uint8_t>(row.code[p]);
    if (s.of > 0) s.keep[r * s.keep_stride + begin + c] = row.keep[p];
  }
}

}  // namespace kernel

void sweep_columns(const ColumnSweep<DeviceView>& sweep, std::int64_t begin, std::int64_t end,
                   DeviceView<double> errors, const Stream& stream) {
  detail::check_sweep(sweep, begin, end, errors);
  const std::int64_t rows = sweep.weights.rows;
  if (rows == 0) return;
  const auto& [grids, codes, bits, group_size] = sweep.rounding;
  const auto& [keep, kept, of] = sweep.pruning;
  const device::SweepRows view{.weights = sweep.weights.data,
                               .weights_stride = sweep.weights.stride,
                               .factor = sweep.factor.data,
                               .factor_stride = sweep.factor.stride,
                               .order = sweep.order.data,
                               .errors = errors.data,
                               .errors_stride = errors.stride,
                               .grids = grids.data,
                               .grids_stride = grids.rows == 1 ? 0 : grids.stride,
                               .codes = codes.data,
                               .codes_stride = codes.stride,
                               .keep = keep.data,
                               .keep_stride = keep.stride,
                               .rows = rows,
                               .bits = bits,
                               .group_size = static_cast<int>(group_size),
                               .kept = kept,
                               .of = of};
  const auto ctas = static_cast<unsigned>((rows + device::row_warps - 1) / device::row_warps);
  kernel::sweep_columns<<<ctas, device::row_warps * device::warp, 0, stream.handle()>>>(view, begin,
                                                                                        static_cast<int>(end - begin));
  CUDA_CHECK_LAUNCH();
}

}  // namespace pare::kernels
