// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/gemm/gemm_int8_epilogue.cuh"
#include "kernels/gemm/tma.cuh"
#include "kernels/gemm/wgmma.cuh"

/// What the GEMMs of Hopper share, in terms of int8 (a bfloat16 stands for two inputs of a stage): how the tiles of a product are dealt to clusters, how operands reach shared
/// memory, and how a warp's rows leave it.
///
/// A block of three warpgroups holds a tile of 128 tokens by `columns` outputs: two warpgroups multiply 64 tokens each,
/// the third loads. Two blocks, neighbours along the tokens, form a cluster; each fetches half of the weights of a stage
/// for both, so that a stage of 128 inputs costs 16 KiB + columns / 2 * 128 bytes of the second-level cache a block.

namespace pare::kernels::detail {

inline constexpr int tile_tokens = 128;
inline constexpr int tile_inputs = 128;
inline constexpr int cluster_blocks = 2;
inline constexpr int multiplying_warpgroups = 2;
inline constexpr int hopper_threads = (1 + multiplying_warpgroups) * warpgroup_threads;
inline constexpr int loading_registers = 40;
inline constexpr int multiplying_registers = 232;
/// Every multiplying warp of the cluster lets go of a stage by itself.
inline constexpr int releases_per_stage = cluster_blocks * multiplying_warpgroups * 4;
/// A warp's buffer: 16 rows of 128 bytes, padded to 160 (float) or 144 (bfloat16) so that its accesses do not conflict.
inline constexpr int staging_bytes = 16 * 160;

constexpr int stages_for(int columns) {
  return columns == 256 ? 4 : columns == 192 ? 5 : columns == 128 ? 6 : 8;
}

/// Shared memory from a multiple of 1024 bytes on: rings of tiles of x and of weights, a buffer for each multiplying warp,
/// the scales and biases of a tile's outputs for each multiplying warpgroup, a ring of group scales (grouped only), then
/// barriers.
template <int columns, bool grouped>
struct HopperLayout {
  static constexpr int stages = stages_for(columns);
  static constexpr int x_bytes = tile_tokens * tile_inputs;
  static constexpr int weight_bytes = columns * tile_inputs;
  static constexpr int staging = stages * (x_bytes + weight_bytes);
  static constexpr int outputs = staging + multiplying_warpgroups * 4 * staging_bytes;
  static constexpr int output_bytes = 2 * columns * 4;
  static constexpr int scales = outputs + multiplying_warpgroups * output_bytes;
  static constexpr int scale_bytes = grouped ? columns * 4 : 0;
  static constexpr int barriers = scales + stages * scale_bytes;
  static constexpr int total_bytes = barriers + (2 * stages + 1) * 8 + 1024;
  static_assert(total_bytes <= 227 * 1024);

  std::uint32_t base;

  __device__ std::uint32_t x(int stage) const { return base + stage * x_bytes; }
  __device__ std::uint32_t weight(int stage) const { return base + stages * x_bytes + stage * weight_bytes; }
  __device__ std::uint32_t full(int stage) const { return base + barriers + stage * 8; }
  __device__ std::uint32_t empty(int stage) const { return base + barriers + (stages + stage) * 8; }
  /// Tells the second multiplying warpgroup that the first has its lead.
  __device__ std::uint32_t lead() const { return base + barriers + 2 * stages * 8; }
};

/// Pairs of token tiles by output tiles, in an order that keeps what runs together in the second-level cache: `group` pairs
/// high, then on along the outputs.
struct Raster {
  int token_pairs;
  int output_tiles;
  int group;

  __host__ __device__ int count() const { return token_pairs * output_tiles; }

  struct Place {
    int token_pair;
    int output_tile;
  };
  __host__ __device__ Place at(int index) const {
    const int per_group = group * output_tiles;
    const int first = index / per_group * group;
    const int height = token_pairs - first < group ? token_pairs - first : group;
    const int within = index % per_group;
    return {first + within % height, within / height};
  }
};

/// With fewer blocks of inputs than this, no warpgroup leads: the first could be a whole tile ahead.
inline constexpr int fewest_blocks_to_lead = 8;

inline Raster raster_for(std::int64_t tokens, std::int64_t outputs, int columns, int group) {
  constexpr int pair = cluster_blocks * tile_tokens;
  return {static_cast<int>((tokens + pair - 1) / pair), static_cast<int>((outputs + columns - 1) / columns), group};
}

/// One thread of a block: keeps its ring of stages full, tile after tile. A stage is `stage_inputs` elements along K.
template <class Layout, int stage_inputs = tile_inputs>
__device__ void load_tiles(const Layout& layout, const CUtensorMap* x_map, const CUtensorMap* weight_map, Raster raster,
                           int input_blocks, std::uint32_t rank) {
  constexpr int half_rows = Layout::weight_bytes / tile_inputs / cluster_blocks;
  constexpr std::uint16_t both = (1 << cluster_blocks) - 1;
  RingPosition position;
  for (int tile = static_cast<int>(blockIdx.x) / cluster_blocks; tile < raster.count();
       tile += static_cast<int>(gridDim.x) / cluster_blocks) {
    const Raster::Place place = raster.at(tile);
    const int first_token = (place.token_pair * cluster_blocks + static_cast<int>(rank)) * tile_tokens;
    const int first_output = place.output_tile * half_rows * cluster_blocks + static_cast<int>(rank) * half_rows;
    for (int block = 0; block < input_blocks; ++block) {
      barrier_wait(layout.empty(position.stage), position.parity ^ 1);
      const std::uint32_t full = layout.full(position.stage);
      barrier_arrive_expecting(full, Layout::x_bytes + Layout::weight_bytes);
      tma_load(layout.x(position.stage), x_map, block * stage_inputs, first_token, full);
      tma_load_multicast(layout.weight(position.stage) + rank * half_rows * tile_inputs, weight_map,
                         block * stage_inputs, first_output, full, both);
      position.template advance<Layout::stages>();
    }
  }
}

/// A warp lets go of a stage, in both blocks: either may write to it.
template <class Layout>
__device__ inline void release_stage(const Layout& layout, int stage) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  if (lane < cluster_blocks) barrier_arrive_remote(at_rank(layout.empty(stage), static_cast<std::uint32_t>(lane)));
}

/// One multiplying warp's way from sums to results: 16 rows of the tile that begins at row `m` (the warp's own) and column
/// `n`. A thread holds rows lane / 4 + {0, 8} and, of every 8 columns, 2 (lane % 4) + {0, 1}.
template <class Out, int columns, class Bias = float>
class TileWriter {
 public:
  __device__ TileWriter(const EpiloguePointers<Out, Bias>& to, unsigned char* memory, int staging, int outputs,
                        int warp)
      : to_(to),
        staging_(memory + staging + warp * staging_bytes),
        outputs_(reinterpret_cast<float*>(memory + outputs) + warp / 4 * 2 * columns),
        warpgroup_(warp / 4) {}

  /// Starts fetching what the results of a tile need; the sums may be made meanwhile.
  __device__ void fetch(int m, int n) {
    const int thread = static_cast<int>(threadIdx.x) % warpgroup_threads;
    warpgroup_sync(1 + warpgroup_);  // the tile before may still be read
    for (int i = thread; i < columns; i += warpgroup_threads) {
      const bool there = n + i < to_.n;
      const int output = there ? n + i : 0;
      if (to_.weight_scales != nullptr) copy_async_4(shared_address(outputs_ + i), to_.weight_scales + output, there);
      if (to_.bias == nullptr) continue;
      if constexpr (sizeof(Bias) == 4) {
        copy_async_4(shared_address(outputs_ + columns + i), to_.bias + output, there);
      } else {
        outputs_[columns + i] = value_of_out(to_.bias[output]);
      }
    }
    for (int half = 0; half < 2; ++half) {
      const int row = m + lane() / 4 + 8 * half;
      x_scales_[half] = to_.x_scales != nullptr && row < to_.m ? __ldg(to_.x_scales + row) : 1.0f;
    }
  }

  /// sum(i) is the thread's i-th sum in the order of wgmma, as a float.
  template <class Sum>
  __device__ void write(int m, int n, const Sum& sum) {
    wait_for_copies();
    warpgroup_sync(1 + warpgroup_);
    if (m + 16 <= to_.m && n + columns <= to_.n) {
      if (to_.bias == nullptr && to_.residual == nullptr) {
        write_rows<true, true>(m, n, sum);
      } else {
        write_rows<false, true>(m, n, sum);
      }
    } else {
      write_rows<false, false>(m, n, sum);
    }
  }

 private:
  static constexpr int out_bytes = static_cast<int>(sizeof(Out));
  static constexpr int chunk = 128 / out_bytes;
  static constexpr int padded = out_bytes == 2 ? 144 : 160;
  static constexpr int piece = 16 / out_bytes;

  struct alignas(2 * sizeof(Out)) Pair {
    Out values[2];
  };

  __device__ static int lane() { return static_cast<int>(threadIdx.x) % 32; }

  /// 128 bytes of every row at a time by way of the warp's buffer, so that the memory sees whole lines. plain: neither bias
  /// nor residual. inside: no row and no column lies outside of the output.
  template <bool plain, bool inside, class Sum>
  __device__ void write_rows(int m, int n, const Sum& sum) {
    unsigned char* const written = staging_ + lane() / 4 * padded + lane() % 4 * 2 * out_bytes;
#pragma unroll
    for (int c = 0; c < columns / chunk; ++c) {
#pragma unroll
      for (int j = 0; j < chunk / 8; ++j) {
        const int block = c * chunk / 8 + j;
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          float values[2] = {sum(4 * block + 2 * half), sum(4 * block + 2 * half + 1)};
          finish_pair<plain, inside>(values, half, m + lane() / 4 + 8 * half, n, 8 * block + 2 * (lane() % 4));
          Pair pair;
          round_to_out(values[0], pair.values[0]);
          round_to_out(values[1], pair.values[1]);
          *reinterpret_cast<Pair*>(written + half * 8 * padded + j * 8 * out_bytes) = pair;
        }
      }
      __syncwarp();
#pragma unroll
      for (int i = 0; i < 4; ++i) write_piece<inside>(m, n + c * chunk, 4 * i + lane() / 8);
      __syncwarp();
    }
  }

  /// The two results of row `row` from column n + `column` on.
  template <bool plain, bool inside>
  __device__ void finish_pair(float (&values)[2], int half, int row, int n, int column) {
    const float2 scale =
        to_.weight_scales != nullptr ? *reinterpret_cast<const float2*>(outputs_ + column) : make_float2(1.0f, 1.0f);
    values[0] = __fmul_rn(values[0], __fmul_rn(x_scales_[half], scale.x));
    values[1] = __fmul_rn(values[1], __fmul_rn(x_scales_[half], scale.y));
    if constexpr (plain) return;
    if (to_.bias != nullptr) {
      const float2 bias = *reinterpret_cast<const float2*>(outputs_ + columns + column);
      values[0] = __fadd_rn(values[0], bias.x);
      values[1] = __fadd_rn(values[1], bias.y);
    }
    if (to_.residual == nullptr) return;
    const Out* const residual = to_.residual + row * to_.residual_stride + n + column;
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      if (inside || (row < to_.m && n + column + e < to_.n))
        values[e] = __fadd_rn(values[e], value_of_out(residual[e]));
    }
  }

  /// 16 bytes a lane from the warp's buffer to row m + `row`.
  template <bool inside>
  __device__ void write_piece(int m, int n, int row) {
    const unsigned char* const from = staging_ + row * padded + lane() % 8 * 16;
    const int column = n + lane() % 8 * piece;
    Out* const out = to_.out + (m + row) * to_.out_stride + column;
    if (inside || (m + row < to_.m && column + piece <= to_.n)) {
      *reinterpret_cast<uint4*>(out) = *reinterpret_cast<const uint4*>(from);
    } else if (m + row < to_.m) {
#pragma unroll
      for (int e = 0; e < piece - 1; ++e) {
        if (column + e < to_.n) out[e] = reinterpret_cast<const Out*>(from)[e];
      }
    }
  }

  const EpiloguePointers<Out, Bias>& to_;
  unsigned char* staging_;
  float* outputs_;
  int warpgroup_;
  float x_scales_[2] = {};
};

}  // namespace pare::kernels::detail
