// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "kernels/core/cuda_check.cuh"
#include "kernels/gemm/decode_gemm.hpp"
#include "kernels/gemm/decode_weights.cuh"
#include "kernels/gemm/mma.cuh"

namespace pare::kernels::detail {
namespace {

constexpr int decode_warps = 8;
constexpr int decode_threads = 32 * decode_warps;
/// More, and load_group's division would not be exact.
constexpr std::int64_t most_inputs = std::int64_t{1} << 18;

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
  int middle;
  /// ceil(2^31 / units a group). A unit is 16 bytes of codes, or 8 codes where those do not divide groups.
  std::uint32_t group_reciprocal;
};

/// Blocks that share a multiprocessor. Before Hopper the compiler needs a few more registers for two blocks of tokens than
/// two blocks have.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 900
constexpr int decode_blocks(int token_blocks) {
  return token_blocks == 1 ? 2 : 1;
}
#else
constexpr int decode_blocks(int) {
  return 2;
}
#endif

/// Read once: past the first-level cache.
__device__ inline uint4 load_once(const std::uint8_t* from) {
  uint4 value;
  asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0,%1,%2,%3}, [%4];"
               : "=r"(value.x), "=r"(value.y), "=r"(value.z), "=r"(value.w)
               : "l"(from));
  return value;
}

/// Read again by every block of the multiprocessor. Volatile: else loads of many pieces ahead take all registers.
__device__ inline uint4 load_kept(const BFloat16* from) {
  uint4 value;
  asm volatile("ld.global.nc.v4.u32 {%0,%1,%2,%3}, [%4];"
               : "=r"(value.x), "=r"(value.y), "=r"(value.z), "=r"(value.w)
               : "l"(from));
  return value;
}

/// Scale (low half) and zero point of unit `unit` of the row whose first group is `first_group`. The division is exact while
/// unit * units a group < 2^30.
__device__ inline std::uint32_t load_group(const DecodeOperands& from, int first_group, int unit) {
  const auto group = static_cast<int>(__umulhi(2 * static_cast<std::uint32_t>(unit), from.group_reciprocal));
  const int at = first_group + min(group, from.groups - 1);
  const std::uint32_t zero = from.zeros != nullptr ? __ldg(from.zeros + at) : static_cast<std::uint32_t>(from.middle);
  return __ldg(&from.scales[at].bits) | zero << 16;
}

template <int bits>
__device__ inline DecodeGroup<bits> group_of(std::uint32_t loaded) {
  return {__half2float(__ushort_as_half(static_cast<unsigned short>(loaded))), loaded >> 16};
}

}  // namespace

namespace kernel {

/// Bound by the bytes of the codes. A block makes 16 * row_blocks outputs of every token. Lane l reads 16 bytes of codes of
/// row l / 4 (and of the rows 8, 16, 24 further), the four lanes of a row 64 bytes next to each other, the eight warps
/// 512: a step of a warp. `ahead` steps are on their way at any time: a step's place is filled anew as soon as it is used.
/// The weights become the rows of m16n8k16, the tokens its columns; which input stands where in an instruction's depth does
/// not matter as long as both operands agree, so codes need no reordering: a lane's four pairs are its eight neighbouring
/// inputs. Sums: a warp's steps in ascending order, then the warps in theirs; neither depends on M nor on the tile.
///
/// whole_pieces: every group is a multiple of a lane's 16 bytes, one scale a load; else one every 8 codes.
template <int bits, bool whole_pieces, int token_blocks, int row_blocks, int ahead>
__global__ void __launch_bounds__(decode_threads, decode_blocks(token_blocks)) decode_gemm(const DecodeOperands from) {
  constexpr int codes_a_load = 128 / bits, pieces = codes_a_load / 8, codes_a_step = 4 * codes_a_load;
  constexpr int rows = 16 * row_blocks, tokens = 8 * token_blocks;
  __shared__ float parts[decode_warps][tokens][rows];
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  const int quad = lane / 4, within = lane % 4;
  const int first_row = static_cast<int>(blockIdx.x) * rows;
  const int whole_steps = from.k / codes_a_step;

  // Of this lane in the warp's first step.
  const std::uint8_t* codes_of[row_blocks][2];
  int first_groups[row_blocks][2];
#pragma unroll
  for (int r = 0; r < row_blocks; ++r) {
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      const int row = min(first_row + 16 * r + 8 * h + quad, from.n - 1);
      codes_of[r][h] = from.codes + row * from.codes_row_bytes + (4 * warp + within) * 16;
      first_groups[r][h] = row * from.groups;
    }
  }
  // Columns of tokens that are not there are not written: any token may stand for them.
  const BFloat16* x_of[token_blocks];
#pragma unroll
  for (int t = 0; t < token_blocks; ++t) {
    x_of[t] = from.x + min(8 * t + quad, from.m - 1) * from.x_stride + (4 * warp + within) * codes_a_load;
  }

  uint4 codes[ahead][row_blocks][2];
  std::uint32_t groups[ahead][row_blocks][2];
  // `at` is where codes_of is, `u` the steps of the warp from there.
  const auto fetch = [&](int at, int u, uint4(&to)[row_blocks][2], std::uint32_t(&grids)[row_blocks][2]) {
    const int step = at + u * decode_warps;
#pragma unroll
    for (int r = 0; r < row_blocks; ++r) {
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        to[r][h] = load_once(codes_of[r][h] + u * decode_warps * 64);
        if constexpr (whole_pieces) grids[r][h] = load_group(from, first_groups[r][h], 4 * step + within);
      }
    }
  };

  float sums[row_blocks][token_blocks][4] = {};
  // `inputs` of this lane are there.
  const auto multiply = [&](int at, int u, const uint4(&of)[row_blocks][2], const std::uint32_t(&grids)[row_blocks][2],
                            int inputs) {
#pragma unroll
    for (int piece = 0; piece < pieces; ++piece) {
      uint4 x[token_blocks];
#pragma unroll
      for (int t = 0; t < token_blocks; ++t) {
        x[t] = {0, 0, 0, 0};
        if (8 * piece < inputs) {
          x[t] = DecodeGroup<bits>::in_order(load_kept(x_of[t] + u * decode_warps * codes_a_step + 8 * piece));
        }
      }
#pragma unroll
      for (int r = 0; r < row_blocks; ++r) {
        std::uint32_t pairs[2][4];
#pragma unroll
        for (int h = 0; h < 2; ++h) {
          std::uint32_t group = 0;
          if constexpr (whole_pieces) {
            group = grids[r][h];
          } else {
            group = load_group(from, first_groups[r][h], (4 * (at + u * decode_warps) + within) * pieces + piece);
          }
          group_of<bits>(group).expand(of[r][h], piece, pairs[h]);
        }
#pragma unroll
        for (int t = 0; t < token_blocks; ++t) {
          multiply_bfloat16(sums[r][t], {pairs[0][0], pairs[1][0], pairs[0][1], pairs[1][1]}, x[t].x, x[t].y);
          multiply_bfloat16(sums[r][t], {pairs[0][2], pairs[1][2], pairs[0][3], pairs[1][3]}, x[t].z, x[t].w);
        }
      }
    }
  };

#pragma unroll
  for (int u = 0; u < ahead; ++u) {
    if (warp + u * decode_warps < whole_steps) fetch(warp, u, codes[u], groups[u]);
  }
  int step = warp;
#pragma unroll 1
  for (; step + (ahead - 1) * decode_warps < whole_steps; step += ahead * decode_warps) {
#pragma unroll
    for (int u = 0; u < ahead; ++u) {
      multiply(step, u, codes[u], groups[u], codes_a_load);
      if (step + (u + ahead) * decode_warps < whole_steps) fetch(step, u + ahead, codes[u], groups[u]);
    }
#pragma unroll
    for (int r = 0; r < row_blocks; ++r) {
#pragma unroll
      for (int h = 0; h < 2; ++h) codes_of[r][h] += ahead * decode_warps * 64;
    }
#pragma unroll
    for (int t = 0; t < token_blocks; ++t) x_of[t] += ahead * decode_warps * codes_a_step;
  }
  // Fewer than `ahead` whole steps are left, then perhaps a part of one.
#pragma unroll
  for (int u = 0; u < ahead; ++u) {
    if (step + u * decode_warps < whole_steps) multiply(step, u, codes[u], groups[u], codes_a_load);
  }
  const int inputs = from.k - (4 * whole_steps + within) * codes_a_load;
  if (whole_steps % decode_warps == warp && whole_steps * codes_a_step < from.k) {
    // Codes are 0 beyond the row, as is x.
    const int u = (whole_steps - step) / decode_warps;
    uint4 part[row_blocks][2] = {};
    std::uint32_t grids[row_blocks][2] = {};
    if (inputs > 0) fetch(step, u, part, grids);
    multiply(step, u, part, grids, inputs);
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
void launch(DecodeOperands from, int group_size, const Stream& stream) {
  constexpr int unit = whole_pieces ? 128 / bits : 8;
  const auto units = static_cast<std::uint32_t>((group_size + unit - 1) / unit);
  from.group_reciprocal = ~std::uint32_t{0} / (2 * units) + 1;
  // More tokens: more rows a block, because every block reads all of x.
  if (from.m <= 8) {
    kernel::decode_gemm<bits, whole_pieces, 1, 1, 3><<<(from.n + 15) / 16, decode_threads, 0, stream.handle()>>>(from);
  } else {
    kernel::decode_gemm<bits, whole_pieces, 2, 2, whole_pieces ? 2 : 1>
        <<<(from.n + 31) / 32, decode_threads, 0, stream.handle()>>>(from);
  }
  CUDA_CHECK_LAUNCH();
}

template <int bits>
void launch(const DecodeOperands& from, int group_size, const Stream& stream) {
  if (group_size == from.k || group_size % (128 / bits) == 0) {
    launch<bits, true>(from, group_size, stream);
  } else {
    launch<bits, false>(from, group_size, stream);
  }
}

}  // namespace

void launch_decode_gemm(DeviceView<const BFloat16> x, const DevicePackedView& weight, DeviceView<BFloat16> out,
                        const Stream& stream) {
  EXPECT(weight.cols <= most_inputs && weight.rows * weight.groups <= std::numeric_limits<int>::max(), weight.rows,
         " x ", weight.cols);
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
                            1 << (weight.grid.bits - 1),
                            0};
  const int group_size = weight.grid.group_size == 0 ? k : static_cast<int>(weight.grid.group_size);
  if (weight.grid.bits == 4) {
    launch<4>(from, group_size, stream);
  } else {
    launch<8>(from, group_size, stream);
  }
}

}  // namespace pare::kernels::detail
