// SPDX-License-Identifier: Apache-2.0
#include <cuda_fp16.h>

#include "kernels/core/cuda_check.cuh"
#include "kernels/gemm/decode_gemm.hpp"
#include "kernels/gemm/decode_weights.cuh"
#include "kernels/gemm/mma.cuh"

namespace pare::kernels::detail {
namespace {

constexpr int decode_warps = 8;
constexpr int decode_threads = 32 * decode_warps;

struct DecodeOperands {
  const BFloat16* x;
  const std::uint8_t* codes;
  const Float16* scales;
  const std::uint8_t* zeros;  ///< or null: `middle` everywhere
  BFloat16* out;
  std::int64_t x_stride;
  std::int64_t codes_row_bytes;
  std::int64_t out_stride;
  int m;
  int n;
  int k;
  int groups;
  int group_size;
  int middle;
};

/// Read once: past the first-level cache.
__device__ inline uint4 load_once(const std::uint8_t* from) {
  uint4 value;
  asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0,%1,%2,%3}, [%4];"
               : "=r"(value.x), "=r"(value.y), "=r"(value.z), "=r"(value.w)
               : "l"(from));
  return value;
}

/// Scale (low half) and zero point of a group of a row.
__device__ inline std::uint32_t load_group(const DecodeOperands& from, int row, int group) {
  const std::int64_t at = std::int64_t{row} * from.groups + group;
  const std::uint32_t zero = from.zeros != nullptr ? __ldg(from.zeros + at) : static_cast<std::uint32_t>(from.middle);
  return __ldg(&from.scales[at].bits) | zero << 16;
}

template <int bits>
__device__ inline DecodeGroup<bits> group_of(std::uint32_t loaded) {
  return {__half2float(__ushort_as_half(static_cast<unsigned short>(loaded))), static_cast<int>(loaded >> 16)};
}

}  // namespace

namespace kernel {

/// Bound by the bytes of the codes. A block makes 16 * row_blocks outputs of every token. Lane l reads 16 bytes of codes of
/// row l / 4 (and of the rows 8, 16, 24 further), the four lanes of a row 64 bytes next to each other, the eight warps
/// 512: a step of a warp. `ahead` steps are on their way before the first is used. The weights become the rows of m16n8k16,
/// the tokens its columns; which input stands where in an instruction's depth does not matter as long as both operands
/// agree, so codes need no reordering: a lane's four pairs are its eight neighbouring inputs. Sums: a warp's steps in
/// ascending order, then the warps in theirs; neither depends on M nor on the tile.
///
/// whole_pieces: every group is a multiple of a lane's 16 bytes, one scale a load; else one every 8 codes.
template <int bits, bool whole_pieces, int token_blocks, int row_blocks, int ahead>
__global__ void __launch_bounds__(decode_threads, 2) decode_gemm(const DecodeOperands from) {
  constexpr int codes_a_load = 128 / bits, pieces = codes_a_load / 8;
  constexpr int rows = 16 * row_blocks, tokens = 8 * token_blocks;
  __shared__ float parts[decode_warps][tokens][rows];
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  const int quad = lane / 4, within = lane % 4;
  const int first_row = static_cast<int>(blockIdx.x) * rows;
  const int loads_a_row = static_cast<int>(from.codes_row_bytes / 16);
  const int steps = (loads_a_row + 3) / 4;

  float sums[row_blocks][token_blocks][4] = {};
  for (int first_step = warp; first_step < steps; first_step += decode_warps * ahead) {
    uint4 codes[ahead][row_blocks][2];
    std::uint32_t groups[ahead][row_blocks][2];
#pragma unroll
    for (int u = 0; u < ahead; ++u) {
      const int load = 4 * (first_step + u * decode_warps) + within;
      // Beyond the row codes are 0, and so is x.
      const int group = min(load * codes_a_load / from.group_size, from.groups - 1);
#pragma unroll
      for (int r = 0; r < row_blocks; ++r) {
#pragma unroll
        for (int h = 0; h < 2; ++h) {
          const int row = min(first_row + 16 * r + 8 * h + quad, from.n - 1);
          codes[u][r][h] = load < loads_a_row
                               ? load_once(from.codes + row * from.codes_row_bytes + std::int64_t{load} * 16)
                               : uint4{0, 0, 0, 0};
          if constexpr (whole_pieces) groups[u][r][h] = load_group(from, row, group);
        }
      }
    }
#pragma unroll
    for (int u = 0; u < ahead; ++u) {
      const int load = 4 * (first_step + u * decode_warps) + within;
#pragma unroll
      for (int piece = 0; piece < pieces; ++piece) {
        const int k = load * codes_a_load + 8 * piece;
        uint4 x[token_blocks];
#pragma unroll
        for (int t = 0; t < token_blocks; ++t) {
          const int token = 8 * t + quad;
          x[t] = token < from.m && k < from.k
                     ? __ldg(reinterpret_cast<const uint4*>(from.x + token * from.x_stride + k))
                     : uint4{0, 0, 0, 0};
        }
#pragma unroll
        for (int r = 0; r < row_blocks; ++r) {
          std::uint32_t pairs[2][4];
#pragma unroll
          for (int h = 0; h < 2; ++h) {
            std::uint32_t group = 0;
            if constexpr (whole_pieces) {
              group = groups[u][r][h];
            } else {
              const int row = min(first_row + 16 * r + 8 * h + quad, from.n - 1);
              group = load_group(from, row, min(k / from.group_size, from.groups - 1));
            }
            group_of<bits>(group).expand(codes[u][r][h], piece, pairs[h]);
          }
#pragma unroll
          for (int t = 0; t < token_blocks; ++t) {
            multiply_bfloat16(sums[r][t], {pairs[0][0], pairs[1][0], pairs[0][1], pairs[1][1]}, x[t].x, x[t].y);
            multiply_bfloat16(sums[r][t], {pairs[0][2], pairs[1][2], pairs[0][3], pairs[1][3]}, x[t].z, x[t].w);
          }
        }
      }
    }
  }

#pragma unroll
  for (int r = 0; r < row_blocks; ++r) {
#pragma unroll
    for (int t = 0; t < token_blocks; ++t) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        parts[warp][8 * t + 2 * within + e % 2][16 * r + quad + e / 2 * 8] = sums[r][t][e];
      }
    }
  }
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < rows * tokens; i += decode_threads) {
    const int token = i / rows, row = i % rows;
    if (token >= from.m || first_row + row >= from.n) continue;
    float sum = parts[0][token][row];
#pragma unroll
    for (int part = 1; part < decode_warps; ++part) sum = __fadd_rn(sum, parts[part][token][row]);
    from.out[token * from.out_stride + first_row + row].bits = __bfloat16_as_ushort(__float2bfloat16_rn(sum));
  }
}

}  // namespace kernel

namespace {

template <int bits, bool whole_pieces>
void launch(const DecodeOperands& from, const Stream& stream) {
  // More tokens: more rows a block, because every block reads all of x.
  if (from.m <= 8) {
    kernel::decode_gemm<bits, whole_pieces, 1, 1, whole_pieces ? 4 : 2>
        <<<(from.n + 15) / 16, decode_threads, 0, stream.handle()>>>(from);
  } else {
    kernel::decode_gemm<bits, whole_pieces, 2, 2, 2><<<(from.n + 31) / 32, decode_threads, 0, stream.handle()>>>(from);
  }
  CUDA_CHECK_LAUNCH();
}

template <int bits>
void launch(const DecodeOperands& from, const Stream& stream) {
  if (from.group_size == from.k || from.group_size % (128 / bits) == 0) {
    launch<bits, true>(from, stream);
  } else {
    launch<bits, false>(from, stream);
  }
}

}  // namespace

void launch_decode_gemm(DeviceView<const BFloat16> x, const DevicePackedView& weight, DeviceView<BFloat16> out,
                        const Stream& stream) {
  const auto k = static_cast<int>(weight.cols);
  const DecodeOperands from{x.data,
                            weight.codes,
                            weight.scales,
                            weight.zeros,
                            out.data,
                            x.stride,
                            weight.codes_row_bytes,
                            out.stride,
                            static_cast<int>(x.rows),
                            static_cast<int>(weight.rows),
                            k,
                            static_cast<int>(weight.groups),
                            weight.grid.group_size == 0 ? k : weight.grid.group_size,
                            1 << (weight.grid.bits - 1)};
  if (weight.grid.bits == 4) {
    launch<4>(from, stream);
  } else {
    launch<8>(from, stream);
  }
}

}  // namespace pare::kernels::detail
