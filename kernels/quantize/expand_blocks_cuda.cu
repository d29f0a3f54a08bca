// SPDX-License-Identifier: Apache-2.0
#include "kernels/core/cuda_check.cuh"
#include "kernels/core/eight.cuh"
#include "kernels/quantize/block_unit.hpp"
#include "kernels/quantize/expand_blocks.hpp"

namespace pare::kernels {
namespace {

constexpr int threads = 256;
constexpr int units_per_thread = 4;
constexpr int tile_weights = threads * units_per_thread * 8;

struct Source {
  const std::uint8_t* bytes;
  std::uint32_t blocks;
  std::uint32_t blocks_per_row;
};

template <class T>
struct Target {
  T* data;
  std::int64_t stride;
  bool aligned;  ///< rows begin at multiples of 16 bytes
};

}  // namespace

namespace kernel {

/// Tile: 8192 weights a CTA, which are 32 or 256 whole blocks and a multiple of 16 bytes. The bytes are copied to shared
/// memory 16 at a time, then a thread reads four times eight weights, the 32 threads of a warp neighbouring ones, and
/// stores 16 bytes of bfloat16 each time. Bound: memory, 2.3 to 3.1 bytes a weight against about ten instructions.
template <BlockFormat format, class Out>
__global__ void __launch_bounds__(threads) expand_blocks(Source source, Target<Out> out) {
  constexpr BlockShape shape = shape_of<format>();
  constexpr std::uint32_t tile_blocks = tile_weights / shape.weights;
  constexpr std::uint32_t tile_bytes = tile_blocks * shape.bytes;
  constexpr std::uint32_t units_per_block = shape.weights / 8;
  constexpr bool has_minimum =
      format == BlockFormat::q2_k || format == BlockFormat::q4_k || format == BlockFormat::q5_k;
  constexpr bool has_runs = shape.weights == 256;
  static_assert(tile_bytes % 16 == 0);
  // Two words more than a tile: what block_unit touches behind the last block.
  __shared__ alignas(16) std::uint32_t words[tile_bytes / 4 + 2];

  const std::uint32_t first = blockIdx.x * tile_blocks;
  const std::uint32_t blocks = min(tile_blocks, source.blocks - first);
  const std::uint32_t bytes = blocks * shape.bytes;
  const std::uint8_t* from = source.bytes + std::int64_t{blockIdx.x} * tile_bytes;
  for (std::uint32_t i = threadIdx.x; i < bytes / 16; i += threads) {
    reinterpret_cast<uint4*>(words)[i] = __ldg(reinterpret_cast<const uint4*>(from) + i);
  }
  for (std::uint32_t i = bytes / 16 * 8 + threadIdx.x; i < bytes / 2; i += threads) {
    reinterpret_cast<std::uint16_t*>(words)[i] = __ldg(reinterpret_cast<const std::uint16_t*>(from) + i);
  }
  __syncthreads();

  const std::uint32_t first_row = first / source.blocks_per_row;
  const std::uint32_t first_place = first % source.blocks_per_row;
  constexpr float offset = 8388608.0f + zero_of_codes<format>();
#pragma unroll
  for (int i = 0; i < units_per_thread; ++i) {
    const std::uint32_t index = threadIdx.x + static_cast<std::uint32_t>(i) * threads;
    const std::uint32_t block = index / units_per_block;
    const std::uint32_t u = index % units_per_block;
    if (block >= blocks) break;
    std::uint32_t row = first_row;
    std::uint32_t place = first_place + block;
    if (place >= source.blocks_per_row) {
      row += place / source.blocks_per_row;
      place %= source.blocks_per_row;
    }
    const BlockUnit unit = block_unit<format>(words, block * shape.bytes, u);
    float scale = device::half_to_float(static_cast<std::uint16_t>(unit.d));
    if constexpr (has_runs) scale = __fmul_rn(scale, static_cast<float>(unit.scale));
    float values[8];
    device::bytes_above(unit.codes[0], offset, values);
    device::bytes_above(unit.codes[1], offset, values + 4);
#pragma unroll
    for (float& value : values) value = __fmul_rn(scale, value);
    if constexpr (has_minimum) {
      const float minimum =
          __fmul_rn(device::half_to_float(static_cast<std::uint16_t>(unit.dmin)), static_cast<float>(unit.minimum));
#pragma unroll
      for (float& value : values) value = __fsub_rn(value, minimum);
    }
    Out* to = out.data + row * out.stride + std::int64_t{place} * shape.weights + 8 * u;
    if (out.aligned) {
      device::store_eight(to, values);
    } else {
      device::store_some(to, values, 8);
    }
  }
}

}  // namespace kernel

namespace {

template <BlockFormat format, class T>
void launch(const Source& source, const Target<T>& out, const Stream& stream) {
  constexpr std::uint32_t tile_blocks = tile_weights / shape_of<format>().weights;
  const std::uint32_t tiles = (source.blocks + tile_blocks - 1) / tile_blocks;
  kernel::expand_blocks<format, T><<<tiles, threads, 0, stream.handle()>>>(source, out);
  CUDA_CHECK_LAUNCH();
}

template <class T>
void launch_expand(const DeviceBlocksView& blocks, DeviceView<T> out, const Stream& stream) {
  const std::int64_t count = blocks_bytes(blocks.format, blocks.rows, blocks.cols) / block_shape(blocks.format).bytes;
  VALIDATE(count < (std::int64_t{1} << 31), "a matrix of ", count,
           " blocks is too large for the GPU, it may have 2^31");
  EXPECT(out.rows == blocks.rows && out.cols == blocks.cols, out.rows, " x ", out.cols, " for ", blocks.rows, " x ",
         blocks.cols);
  EXPECT(reinterpret_cast<std::uintptr_t>(blocks.bytes) % 16 == 0, "blocks must begin at a multiple of 16 bytes");
  const Source source{blocks.bytes, static_cast<std::uint32_t>(count), static_cast<std::uint32_t>(count / blocks.rows)};
  constexpr auto bytes = static_cast<std::int64_t>(sizeof(T));
  const Target<T> target{out.data, out.stride,
                         reinterpret_cast<std::uintptr_t>(out.data) % 16 == 0 && out.stride * bytes % 16 == 0};
  switch (blocks.format) {
    case BlockFormat::q4_0:
      return launch<BlockFormat::q4_0>(source, target, stream);
    case BlockFormat::q5_0:
      return launch<BlockFormat::q5_0>(source, target, stream);
    case BlockFormat::q8_0:
      return launch<BlockFormat::q8_0>(source, target, stream);
    case BlockFormat::iq4_nl:
      return launch<BlockFormat::iq4_nl>(source, target, stream);
    case BlockFormat::q2_k:
      return launch<BlockFormat::q2_k>(source, target, stream);
    case BlockFormat::q3_k:
      return launch<BlockFormat::q3_k>(source, target, stream);
    case BlockFormat::q4_k:
      return launch<BlockFormat::q4_k>(source, target, stream);
    case BlockFormat::q5_k:
      return launch<BlockFormat::q5_k>(source, target, stream);
    case BlockFormat::q6_k:
      return launch<BlockFormat::q6_k>(source, target, stream);
  }
}

}  // namespace

void expand_blocks(const DeviceBlocksView& blocks, DeviceView<BFloat16> out, const Stream& stream) {
  launch_expand(blocks, out, stream);
}

void expand_blocks(const DeviceBlocksView& blocks, DeviceView<float> out, const Stream& stream) {
  launch_expand(blocks, out, stream);
}

}  // namespace pare::kernels
