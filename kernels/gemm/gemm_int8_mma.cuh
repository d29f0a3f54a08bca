// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/core/cuda_check.cuh"
#include "kernels/gemm/gemm_int8_epilogue.cuh"
#include "kernels/gemm/mma.cuh"
#include "kernels/gemm/tile_swizzle.hpp"

/// The int8 GEMM of GPUs from compute capability 8.0 on, for one tile: what gemm_int8_mma.cu and
/// gemm_int8_grouped_mma.cu make kernels of.

namespace pare::kernels::detail {

/// A block multiplies `tokens` rows of x by `outputs` rows of weight, `inputs` bytes of each at a time, `stages` of these in
/// flight. Warps lie along tokens, outputs and, for tiles of few tokens, along the inputs of a stage: then their sums are
/// added at the end, which integers allow in any order.
template <int tokens_, int outputs_, int inputs_, int stages_, int token_warps_, int output_warps_, int input_warps_,
          int blocks_per_multiprocessor_>
struct MmaTile {
  static constexpr int tokens = tokens_;
  static constexpr int outputs = outputs_;
  static constexpr int inputs = inputs_;
  static constexpr int stages = stages_;
  static constexpr int token_warps = token_warps_;
  static constexpr int output_warps = output_warps_;
  static constexpr int input_warps = input_warps_;
  static constexpr int blocks_per_multiprocessor = blocks_per_multiprocessor_;

  static constexpr int threads = 32 * token_warps * output_warps * input_warps;
  static constexpr int warp_tokens = tokens / token_warps;
  static constexpr int warp_outputs = outputs / output_warps;
  static constexpr int warp_inputs = inputs / input_warps;
  static constexpr int token_blocks = warp_tokens / 16;
  static constexpr int output_blocks = warp_outputs / 8;
  static constexpr int chunks = inputs / 16;
  static constexpr int stage_bytes = (tokens + outputs) * inputs;
  static constexpr int shared_bytes = stages * stage_bytes;

  static_assert(inputs == 64 || inputs == 128 || inputs == 256);
  static_assert(warp_tokens % 16 == 0 && warp_outputs % 16 == 0 && warp_inputs % 32 == 0);
  static_assert(threads % chunks == 0 && tokens % (threads / chunks) == 0 && outputs % (threads / chunks) == 0);
  static_assert(input_warps == 1 || input_warps * tokens * outputs * 4 <= shared_bytes);
  static_assert(shared_bytes <= 99 * 1024, "what every GPU from 8.0 on gives a block");
};

struct MmaOperands {
  const std::int8_t* x;
  const std::int8_t* weight;
  std::int64_t x_stride;
  std::int64_t weight_stride;
  const float* group_scales;  ///< [N, K / int8_group], or null
  std::int64_t group_scales_stride;
  int k;
};

/// The bits of 12582912 = 1.5 * 2^23: an int32 that starts here and stays within 2^22 of it has the bits of the float
/// 12582912 + sum, so that no conversion is needed. A group's sum is at most 128 * 128 * 128 = 2^21.
inline constexpr std::int32_t float_base_bits = 0x4B400000;
inline constexpr float float_base = 12582912.0f;

/// The block's place: `height` tiles along the tokens, then on along the outputs, so that the blocks that run together
/// share rows of both operands in the second-level cache.
struct MmaPlace {
  int token_tile;
  int output_tile;
};
constexpr MmaPlace mma_place(int index, int token_tiles, int output_tiles) {
  constexpr int group = 8;
  const int first = index / (group * output_tiles) * group;
  const int height = token_tiles - first < group ? token_tiles - first : group;
  const int within = index % (group * output_tiles);
  return {first + within % height, within / height};
}

/// Fetches the stage that begins at input `k` of rows of x and of weight. A thread fetches the same piece of every
/// threads / chunks -th row. Rows beyond the matrix are read as the last one (their sums are dropped), inputs beyond K as 0.
template <class Tile>
class MmaLoader {
 public:
  __device__ MmaLoader(const MmaOperands& from, int m, int n, int rows, int outputs) : k_(from.k) {
    const int thread = static_cast<int>(threadIdx.x);
    const int row = thread / Tile::chunks;
    const int chunk = thread % Tile::chunks;
    first_ = chunk * 16;
#pragma unroll
    for (int i = 0; i < x_pieces; ++i) {
      const int token = min(m + row + i * rows_apart, rows - 1);
      x_[i] = from.x + token * from.x_stride + first_;
    }
#pragma unroll
    for (int i = 0; i < weight_pieces; ++i) {
      const int output = min(n + row + i * rows_apart, outputs - 1);
      weight_[i] = from.weight + output * from.weight_stride + first_;
    }
#pragma unroll
    for (int i = 0; i < pieces; ++i) to_[i] = swizzled_offset(row + i * rows_apart, chunk, Tile::inputs);
  }

  __device__ void load(std::uint32_t stage, int k) const {
    const int bytes = min(max(k_ - k - first_, 0), 16);
    // A piece that is all 0 reads nothing, but its address stays within the row.
    const int from = bytes > 0 ? k : -first_;
#pragma unroll
    for (int i = 0; i < x_pieces; ++i) copy_async(stage + to_[i], x_[i] + from, bytes);
#pragma unroll
    for (int i = 0; i < weight_pieces; ++i) {
      copy_async(stage + Tile::tokens * Tile::inputs + to_[i], weight_[i] + from, bytes);
    }
  }

 private:
  static constexpr int rows_apart = Tile::threads / Tile::chunks;
  static constexpr int x_pieces = Tile::tokens / rows_apart;
  static constexpr int weight_pieces = Tile::outputs / rows_apart;
  static constexpr int pieces = x_pieces > weight_pieces ? x_pieces : weight_pieces;

  const std::int8_t* x_[x_pieces];
  const std::int8_t* weight_[weight_pieces];
  int to_[pieces];
  int first_;
  int k_;
};

/// One warp's products of a stage, 32 inputs after the other. `x_row` and `weight_row` are the rows of the tile that this
/// lane names to ldmatrix, `chunk` the first piece of the warp's inputs.
template <class Tile>
__device__ inline void multiply_stage(std::uint32_t stage, int x_row, int weight_row, int chunk,
                                      std::int32_t (&sums)[Tile::token_blocks][Tile::output_blocks][4]) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
  for (int depth = 0; depth < Tile::warp_inputs / 32; ++depth) {
    std::uint32_t a[Tile::token_blocks][4];
    std::uint32_t b[Tile::output_blocks][2];
#pragma unroll
    for (int i = 0; i < Tile::token_blocks; ++i) {
      const int at = swizzled_offset(x_row + 16 * i, chunk + 2 * depth + lane / 16, Tile::inputs);
      load_matrices(stage + at, a[i][0], a[i][1], a[i][2], a[i][3]);
    }
#pragma unroll
    for (int j = 0; j < Tile::output_blocks; j += 2) {
      const int at = swizzled_offset(weight_row + 8 * j, chunk + 2 * depth + lane / 8 % 2, Tile::inputs);
      load_matrices(stage + Tile::tokens * Tile::inputs + at, b[j][0], b[j][1], b[j + 1][0], b[j + 1][1]);
    }
#pragma unroll
    for (int i = 0; i < Tile::token_blocks; ++i) {
#pragma unroll
      for (int j = 0; j < Tile::output_blocks; ++j) multiply_int8(sums[i][j], a[i], b[j][0], b[j][1]);
    }
  }
}

namespace kernel {

/// Compute bound for many tokens, bound by the weights' bytes for few; the tile is the launcher's. Grouped: a stage is one
/// group or half of one, and its sums join the totals in the order of the groups, so that the tile never changes a bit.
template <class Tile, class Out, bool grouped>
__global__ void __launch_bounds__(Tile::threads, Tile::blocks_per_multiprocessor)
    gemm_int8_mma(const MmaOperands from, const EpiloguePointers<Out> to, int token_tiles, int output_tiles) {
  extern __shared__ __align__(1024) unsigned char shared[];
  constexpr int token_blocks = Tile::token_blocks, output_blocks = Tile::output_blocks;
  constexpr std::int32_t start = grouped ? float_base_bits : 0;
  const MmaPlace place = mma_place(static_cast<int>(blockIdx.x), token_tiles, output_tiles);
  const int m = place.token_tile * Tile::tokens, n = place.output_tile * Tile::outputs;
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  const int input_warp = warp % Tile::input_warps;
  const int output_warp = warp / Tile::input_warps % Tile::output_warps;
  const int token_warp = warp / Tile::input_warps / Tile::output_warps;
  const int x_row = token_warp * Tile::warp_tokens + lane % 16;
  const int weight_row = output_warp * Tile::warp_outputs + lane % 8 + lane / 16 * 8;
  const int chunk = input_warp * (Tile::warp_inputs / 16);
  const int first_m = m + token_warp * Tile::warp_tokens + lane / 4;
  const int first_n = n + output_warp * Tile::warp_outputs + lane % 4 * 2;
  const std::uint32_t base = shared_address(shared);

  const MmaLoader<Tile> loader(from, m, n, to.m, to.n);
  const int count = (from.k + Tile::inputs - 1) / Tile::inputs;
#pragma unroll
  for (int i = 0; i < Tile::stages - 1; ++i) {
    if (i < count) loader.load(base + i * Tile::stage_bytes, i * Tile::inputs);
    copy_async_commit();
  }

  std::int32_t sums[token_blocks][output_blocks][4];
  float totals[grouped ? token_blocks : 1][grouped ? output_blocks : 1][4];
#pragma unroll
  for (int i = 0; i < token_blocks; ++i) {
#pragma unroll
    for (int j = 0; j < output_blocks; ++j) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        sums[i][j][e] = start;
        if constexpr (grouped) totals[i][j][e] = 0.0f;
      }
    }
  }

  int reading = 0, writing = Tile::stages - 1;
  for (int step = 0; step < count; ++step) {
    copy_async_wait<Tile::stages - 2>();
    // Everybody's pieces of this stage are there, and everybody has read the stage that is overwritten next.
    __syncthreads();
    const int ahead = step + Tile::stages - 1;
    if (ahead < count) loader.load(base + writing * Tile::stage_bytes, ahead * Tile::inputs);
    copy_async_commit();
    writing = writing + 1 == Tile::stages ? 0 : writing + 1;

    if constexpr (grouped) {
      static_assert(Tile::inputs == int8_group && Tile::input_warps == 1);
      float scales[output_blocks][2];
#pragma unroll
      for (int j = 0; j < output_blocks; ++j) {
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          const int output = min(first_n + 8 * j + e, to.n - 1);
          scales[j][e] = __ldg(from.group_scales + output * from.group_scales_stride + step);
        }
      }
      multiply_stage<Tile>(base + reading * Tile::stage_bytes, x_row, weight_row, chunk, sums);
#pragma unroll
      for (int i = 0; i < token_blocks; ++i) {
#pragma unroll
        for (int j = 0; j < output_blocks; ++j) {
#pragma unroll
          for (int e = 0; e < 4; ++e) {
            const float sum = __fsub_rn(__int_as_float(sums[i][j][e]), float_base);
            totals[i][j][e] = __fmaf_rn(sum, scales[j][e % 2], totals[i][j][e]);
            sums[i][j][e] = start;
          }
        }
      }
    } else {
      multiply_stage<Tile>(base + reading * Tile::stage_bytes, x_row, weight_row, chunk, sums);
    }
    reading = reading + 1 == Tile::stages ? 0 : reading + 1;
  }

  if constexpr (Tile::input_warps > 1) {
    // [input warp][token][output], over the stages.
    std::int32_t* parts = reinterpret_cast<std::int32_t*>(shared);
    constexpr int tile_sums = Tile::tokens * Tile::outputs;
    copy_async_wait<0>();
    __syncthreads();
#pragma unroll
    for (int i = 0; i < token_blocks; ++i) {
#pragma unroll
      for (int j = 0; j < output_blocks; ++j) {
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          const int row = first_m - m + 16 * i + e / 2 * 8, column = first_n - n + 8 * j + e % 2;
          parts[input_warp * tile_sums + row * Tile::outputs + column] = sums[i][j][e];
        }
      }
    }
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.x); i < tile_sums; i += Tile::threads) {
      const int row = m + i / Tile::outputs, column = n + i % Tile::outputs;
      if (row >= to.m || column >= to.n) continue;
      std::int32_t sum = 0;
#pragma unroll
      for (int part = 0; part < Tile::input_warps; ++part) sum += parts[part * tile_sums + i];
      const float scale = __fmul_rn(__ldg(to.x_scales + row), __ldg(to.weight_scales + column));
      round_to_out(finish(to, __int2float_rn(sum), scale, row, column), to.out[row * to.out_stride + column]);
    }
  } else {
#pragma unroll
    for (int i = 0; i < token_blocks; ++i) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int row = first_m + 16 * i + 8 * half;
        if (row >= to.m) continue;
        const float x_scale = __ldg(to.x_scales + row);
        Out* const out = to.out + row * to.out_stride;
#pragma unroll
        for (int j = 0; j < output_blocks; ++j) {
          struct alignas(2 * sizeof(Out)) Pair {
            Out values[2];
          } pair;
          const int column = first_n + 8 * j;
#pragma unroll
          for (int e = 0; e < 2; ++e) {
            if (column + e >= to.n) continue;
            if constexpr (grouped) {
              const float total = totals[i][j][2 * half + e];
              round_to_out(finish(to, total, x_scale, row, column + e), pair.values[e]);
            } else {
              const float scale = __fmul_rn(x_scale, __ldg(to.weight_scales + column + e));
              const float sum = __int2float_rn(sums[i][j][2 * half + e]);
              round_to_out(finish(to, sum, scale, row, column + e), pair.values[e]);
            }
          }
          if (column + 1 < to.n) {
            *reinterpret_cast<Pair*>(out + column) = pair;
          } else if (column < to.n) {
            out[column] = pair.values[0];
          }
        }
      }
    }
  }
}

}  // namespace kernel

template <class Tile>
std::int64_t mma_tiles(std::int64_t tokens, std::int64_t outputs) {
  return ((tokens + Tile::tokens - 1) / Tile::tokens) * ((outputs + Tile::outputs - 1) / Tile::outputs);
}

template <class Tile, class Out, bool grouped>
void launch_mma_tile(const Int8Operands& operands, DeviceView<const float> group_scales,
                     const Int8Epilogue<Out>& epilogue, DeviceView<Out> out, const Stream& stream) {
  const MmaOperands from{operands.x.data,
                         operands.weight.data,
                         operands.x.stride,
                         operands.weight.stride,
                         group_scales.data,
                         group_scales.stride,
                         static_cast<int>(operands.x.cols)};
  const auto token_tiles = static_cast<int>((out.rows + Tile::tokens - 1) / Tile::tokens);
  const auto output_tiles = static_cast<int>((out.cols + Tile::outputs - 1) / Tile::outputs);
  const auto run = kernel::gemm_int8_mma<Tile, Out, grouped>;
  CUDA_CALL(cudaFuncSetAttribute(run, cudaFuncAttributeMaxDynamicSharedMemorySize, Tile::shared_bytes));
  run<<<token_tiles * output_tiles, Tile::threads, Tile::shared_bytes, stream.handle()>>>(
      from, pointers_of(epilogue, out), token_tiles, output_tiles);
  CUDA_CHECK_LAUNCH();
}

}  // namespace pare::kernels::detail
