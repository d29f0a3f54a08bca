// SPDX-License-Identifier: Apache-2.0
#include "kernels/core/cuda_check.cuh"
#include "kernels/gemm/gemm_int8_epilogue.cuh"
#include "kernels/gemm/mma.cuh"
#include "kernels/gemm/sparse_gemm_int8.hpp"
#include "kernels/gemm/sparse_word.hpp"

namespace pare::kernels::detail {
namespace {

constexpr int tile_outputs = 32;
constexpr int output_blocks = tile_outputs / 8;
constexpr int tile_tokens = 16;
constexpr int block_inputs = 128;
constexpr int warps = 8;
constexpr int threads = 32 * warps;

/// Word i of 32 bytes.
__device__ inline std::uint32_t word_of(const uint4 (&bytes)[2], int i) {
  const uint4& half = bytes[i / 4];
  return i % 4 == 0 ? half.x : i % 4 == 1 ? half.y : i % 4 == 2 ? half.z : half.w;
}

}  // namespace

namespace kernel {

/// Tile 32 outputs x 16 tokens a block; its eight warps take blocks of 128 inputs by turns and add up at the end, exactly.
/// Of a block of inputs, lane l holds the 32 from 32 (l % 4) on: 16 bytes of values and 4 of places for each of four
/// outputs, 32 bytes of x for each of two tokens. mma.sync sums over inputs in any order, so that a lane's inputs may
/// stand for those that the instruction numbers 4 (l % 4) + {0, 16}: four inputs of each step are one word of x and one
/// pair of kept weights, spread to a word in registers. Bound by the memory that values and places come from.
__global__ void __launch_bounds__(threads)
    decode_gemm_sparse_int8(const std::int8_t* x, std::int64_t x_stride, const DeviceSparseInt8View weight,
                            const EpiloguePointers<BFloat16> to) {
  __shared__ std::int32_t partial[warps][tile_tokens][tile_outputs];
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int quad = lane / 4;
  const int place = lane % 4;
  const int first_output = static_cast<int>(blockIdx.x) * tile_outputs;
  const int inputs = static_cast<int>(weight.cols);
  std::int32_t sums[output_blocks][4] = {};
#pragma unroll 2
  for (int first = warp * block_inputs; first < inputs; first += warps * block_inputs) {
    uint4 tokens[2][2];
#pragma unroll
    for (int half = 0; half < 2; ++half) {
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        const int token = quad + 8 * half;
        const int input = first + 32 * place + 16 * i;
        tokens[half][i] = token < to.m && input < inputs
                              ? __ldg(reinterpret_cast<const uint4*>(x + token * x_stride + input))
                              : make_uint4(0, 0, 0, 0);
      }
    }
#pragma unroll
    for (int j = 0; j < output_blocks; ++j) {
      const int output = first_output + 8 * j + quad;
      uint4 values = make_uint4(0, 0, 0, 0);
      std::uint32_t places = 0;
      if (output < to.n) {
        values = __ldg(
            reinterpret_cast<const uint4*>(weight.values + output * weight.values_stride + first / 2 + 16 * place));
        places = __ldg(
            reinterpret_cast<const std::uint32_t*>(weight.places + output * weight.places_stride + first / 8) + place);
      }
      const std::uint32_t pairs[4] = {values.x, values.y, values.z, values.w};
#pragma unroll
      for (int step = 0; step < 4; ++step) {
        const std::uint32_t a[4] = {word_of(tokens[0], 2 * step), word_of(tokens[1], 2 * step),
                                    word_of(tokens[0], 2 * step + 1), word_of(tokens[1], 2 * step + 1)};
        multiply_int8(sums[j], a, dense_word(pairs[step], places >> (8 * step)),
                      dense_word(pairs[step] >> 16, places >> (8 * step + 4)));
      }
    }
  }
#pragma unroll
  for (int j = 0; j < output_blocks; ++j) {
#pragma unroll
    for (int e = 0; e < 4; ++e) partial[warp][quad + e / 2 * 8][8 * j + 2 * place + e % 2] = sums[j][e];
  }
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < tile_tokens * tile_outputs; i += threads) {
    const int token = i / tile_outputs;
    const int output = first_output + i % tile_outputs;
    if (token >= to.m || output >= to.n) continue;
    std::int32_t sum = 0;
#pragma unroll
    for (int w = 0; w < warps; ++w) sum += partial[w][token][i % tile_outputs];
    const float scale = __fmul_rn(__ldg(to.x_scales + token), __ldg(weight.scales + output));
    round_to_out(finish(to, __int2float_rn(sum), scale, token, output), to.out[token * to.out_stride + output]);
  }
}

}  // namespace kernel

void launch_decode_gemm_sparse_int8(DeviceView<const std::int8_t> x, const DeviceSparseInt8View& weight,
                                    const Int8Epilogue<BFloat16>& epilogue, DeviceView<BFloat16> out,
                                    const Stream& stream) {
  const auto blocks = static_cast<unsigned>((out.cols + tile_outputs - 1) / tile_outputs);
  kernel::decode_gemm_sparse_int8<<<blocks, threads, 0, stream.handle()>>>(x.data, x.stride, weight,
                                                                           pointers_of(epilogue, out));
  CUDA_CHECK_LAUNCH();
}

}  // namespace pare::kernels::detail
