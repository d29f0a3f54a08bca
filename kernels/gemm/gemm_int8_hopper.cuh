// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/gemm/gemm_int8_epilogue.cuh"
#include "kernels/gemm/tma.cuh"
#include "kernels/gemm/wgmma.cuh"

/// What the GEMMs of Hopper share, in terms of int8 (a bfloat16 stands for two inputs of a stage): how the tiles of a
/// product are dealt to clusters, how operands reach shared memory, and how a warp's rows leave it.
///
/// A block of three warpgroups holds a tile of 128 tokens by `columns` outputs: two warpgroups multiply 64 tokens each,
/// the third loads. Two blocks, neighbours along the tokens, form a cluster; each fetches half of the weights of a stage
/// for both, so that a stage of 128 inputs costs 16 KiB + columns / 2 * 128 bytes of the second-level cache a block.

namespace pare::kernels::detail {

inline constexpr int tile_tokens = 128;
inline constexpr int tile_inputs = 128;
inline constexpr int cluster_blocks = 2;
inline constexpr int multiplying_warpgroups = 2;
/// With group scales a third multiplying warpgroup keeps the matrix units busy while the others scale.
inline constexpr int grouped_warpgroups = 3;
inline constexpr int hopper_threads = (1 + multiplying_warpgroups) * warpgroup_threads;
inline constexpr int loading_registers = 40;
inline constexpr int multiplying_registers = 232;
/// Every multiplying warp of the cluster lets go of a stage by itself.
inline constexpr int releases_per_stage = cluster_blocks * multiplying_warpgroups * 4;
/// A multiplying warp's two buffers: 16 rows of 128 bytes each, from which the copy engine stores results.
inline constexpr int staging_rows = 16;
inline constexpr int staging_bytes = 2 * staging_rows * 128;

constexpr int stages_for(int columns) {
  return columns == 64 ? 8 : columns == 128 ? 6 : 4;
}

/// Shared memory, which begins at a multiple of 1024 bytes: rings of tiles of x and of weights, buffers for each multiplying
/// warp, the scales of a tile's outputs for each multiplying warpgroup or (grouped) a ring of group scales, then barriers.
template <int columns, bool grouped>
struct HopperLayout {
  static constexpr int warpgroups = grouped ? grouped_warpgroups : multiplying_warpgroups;
  static constexpr int tokens = warpgroups * 64;
  static constexpr int stages = grouped ? 4 : stages_for(columns);
  static constexpr int x_bytes = tokens * tile_inputs;
  static constexpr int weight_bytes = columns * tile_inputs;
  static constexpr int staging = stages * (x_bytes + weight_bytes);
  static constexpr int scales = staging + warpgroups * 4 * staging_bytes;
  static constexpr int scale_bytes = columns * 4;
  static constexpr int barriers = scales + (grouped ? stages : warpgroups) * scale_bytes;
  static constexpr int total_bytes = barriers + (2 * stages + 1) * 8;
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

inline Raster raster_for(std::int64_t tokens, std::int64_t outputs, int columns, int group,
                         int block_tokens = tile_tokens) {
  const int pair = cluster_blocks * block_tokens;
  return {static_cast<int>((tokens + pair - 1) / pair), static_cast<int>((outputs + columns - 1) / columns), group};
}

/// Pairs of token tiles that run side by side: as many as keep their operands in half of an H100's second-level cache.
/// input_bytes: of a token.
inline int raster_group(std::int64_t input_bytes) {
  constexpr std::int64_t kept_bytes = std::int64_t{16} << 20;
  return static_cast<int>(std::clamp<std::int64_t>(kept_bytes / (cluster_blocks * tile_tokens * input_bytes), 2, 8));
}

/// Makes the barriers of a ring whose stages one thread fills, and those of the neighbour are made when it returns.
template <class Layout>
__device__ void begin_ring(const Layout& layout) {
  if (threadIdx.x == 0) {
    for (int stage = 0; stage < Layout::stages; ++stage) {
      barrier_init(layout.full(stage), 1);
      barrier_init(layout.empty(stage), releases_per_stage);
    }
    barrier_init(layout.lead(), 1);
    barrier_init_fence();
  }
  cluster_sync();
}

/// One thread of a block: keeps its ring of stages full, tile after tile. A stage is `stage_inputs` elements along K. apart:
/// the halves of a tile's weights are the same outputs of two matrices, `weight_map` being that of this block.
template <class Layout, int stage_inputs = tile_inputs, bool apart = false>
__device__ void load_tiles(const Layout& layout, const CUtensorMap* x_map, const CUtensorMap* weight_map, Raster raster,
                           int input_blocks, std::uint32_t rank) {
  constexpr int half_rows = Layout::weight_bytes / tile_inputs / cluster_blocks;
  constexpr std::uint16_t both = (1 << cluster_blocks) - 1;
  RingPosition position;
  for (int tile = static_cast<int>(blockIdx.x) / cluster_blocks; tile < raster.count();
       tile += static_cast<int>(gridDim.x) / cluster_blocks) {
    const Raster::Place place = raster.at(tile);
    const int first_token = (place.token_pair * cluster_blocks + static_cast<int>(rank)) * Layout::tokens;
    const int first_output = apart
                                 ? place.output_tile * half_rows
                                 : place.output_tile * half_rows * cluster_blocks + static_cast<int>(rank) * half_rows;
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

/// Four 8 x 8 matrices of 16-bit values, one register a thread each as wgmma leaves them, to the rows whose addresses the
/// threads give: thread l names row l % 8 of matrix l / 8.
__device__ inline void store_matrices(std::uint32_t address, const std::uint32_t (&values)[4]) {
  asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(address), "r"(values[0]),
               "r"(values[1]), "r"(values[2]), "r"(values[3])
               : "memory");
}

/// One multiplying warp's way from sums to results: 16 rows of the tile that begins at row `m` (the warp's own) and column
/// `n`. A thread holds rows lane / 4 + {0, 8} and, of every 8 columns, 2 (lane % 4) + {0, 1}. scaled: each output has its
/// scale, else the sums are scaled already. `out_map` is for tiles of staging_rows rows. A residual of binary32 that is the
/// output itself is not read: the copy engine adds to it.
template <class Out, int columns, bool scaled, class Bias = float>
class TileWriter {
 public:
  __device__ TileWriter(const EpiloguePointers<Out, Bias>& to, const CUtensorMap* out_map, unsigned char* memory,
                        int staging, int scales, int warp)
      : to_(to),
        out_map_(out_map),
        staging_(shared_address(memory) + staging + warp * staging_bytes),
        scales_(reinterpret_cast<float*>(memory + scales) + warp / 4 * columns),
        warpgroup_(warp / 4) {}

  /// Starts fetching what the results of a tile need; the sums may be made meanwhile.
  __device__ void fetch(int m, int n) {
    if constexpr (scaled) {
      warpgroup_sync(1 + warpgroup_);  // the scales of the tile before may still be read
      for (int i = static_cast<int>(threadIdx.x) % warpgroup_threads; i < columns; i += warpgroup_threads) {
        const bool there = n + i < to_.n;
        copy_async_4(shared_address(scales_ + i), to_.weight_scales + (there ? n + i : 0), there);
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
    if constexpr (scaled) {
      wait_for_copies();
      warpgroup_sync(1 + warpgroup_);
    }
    if (to_.bias == nullptr && (to_.residual == nullptr || adds_in_place())) {
      write_rows<true>(m, n, sum);
    } else {
      write_rows<false>(m, n, sum);
    }
  }

  /// Waits until the copy engine has read the buffers: before the block leaves.
  __device__ void drain() {
    if (lane() == 0) wait_for_stores<0>();
  }

 private:
  static constexpr int chunk = 128 / static_cast<int>(sizeof(Out));
  static constexpr int blocks = chunk / 8;
  static constexpr int piece = 16 / static_cast<int>(sizeof(Out));

  __device__ static int lane() { return static_cast<int>(threadIdx.x) % 32; }
  __device__ bool adds_in_place() const { return sizeof(Out) == sizeof(float) && to_.residual == to_.out; }

  /// 128 bytes of every row at a time, by turns through the warp's two buffers. plain: no bias, and no residual but one that
  /// the copy engine adds to. The copy
  /// engine stores whole pieces of 16 bytes: where the last column lies inside of one, the threads store themselves.
  template <bool plain, class Sum>
  __device__ void write_rows(int m, int n, const Sum& sum) {
#pragma unroll
    for (int c = 0; c < columns / chunk; ++c) {
      const std::uint32_t buffer = staging_ + c % 2 * (staging_rows * 128);
      float values[blocks][4];
      finish_chunk<plain>(values, c, m, n, sum);
      if (to_.n % piece != 0 && n + (c + 1) * chunk > to_.n) {
        store_one_by_one(values, c, m, n);
        continue;
      }
      if (lane() == 0) wait_for_stores<1>();
      __syncwarp();
      stage(values, buffer);
      show_to_copy_engine();
      __syncwarp();
      if (lane() == 0) {
        if (adds_in_place()) {
          tma_add(out_map_, buffer, n + c * chunk, m);
        } else {
          tma_store(out_map_, buffer, n + c * chunk, m);
        }
      }
    }
  }

  template <bool plain, class Sum>
  __device__ void finish_chunk(float (&values)[blocks][4], int c, int m, int n, const Sum& sum) {
    float2 scales[blocks];
    if constexpr (scaled) {
#pragma unroll
      for (int j = 0; j < blocks; ++j)
        scales[j] = *reinterpret_cast<const float2*>(scales_ + c * chunk + 8 * j + 2 * (lane() % 4));
    }
#pragma unroll
    for (int j = 0; j < blocks; ++j) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const float x_scale = x_scales_[e / 2];
        const float scale = scaled ? __fmul_rn(x_scale, e % 2 == 0 ? scales[j].x : scales[j].y) : x_scale;
        values[j][e] = __fmul_rn(sum(4 * (c * blocks + j) + e), scale);
        if constexpr (!plain) {
          const int row = m + lane() / 4 + e / 2 * 8;
          const int column = n + c * chunk + 8 * j + 2 * (lane() % 4) + e % 2;
          if (row < to_.m && column < to_.n)
            values[j][e] = adds_in_place() ? add_bias(to_, values[j][e], column)
                                           : add_bias_and_residual(to_, values[j][e], row, column);
        }
      }
    }
  }

  /// To the buffer, with the swizzle of the copy engine: the 16-byte pieces of a row are permuted by XOR with row % 8.
  __device__ static void stage(const float (&values)[blocks][4], std::uint32_t buffer) {
    if constexpr (sizeof(Out) == 2) {
      const int row = lane() % 16;
#pragma unroll
      for (int j = 0; j < blocks; j += 2) {
        std::uint32_t packed[4];
#pragma unroll
        for (int i = 0; i < 4; ++i)
          packed[i] = pack_bfloat16(values[j + i / 2][i % 2 * 2], values[j + i / 2][i % 2 * 2 + 1]);
        store_matrices(buffer + row * 128 + ((j + lane() / 16) ^ (row % 8)) * 16, packed);
      }
    } else {
#pragma unroll
      for (int j = 0; j < blocks; ++j) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const int row = lane() / 4 + 8 * half;
          const std::uint32_t address =
              buffer + row * 128 + ((2 * j + lane() % 4 / 2) ^ (row % 8)) * 16 + lane() % 2 * 8;
          asm volatile("st.shared.v2.f32 [%0], {%1, %2};" ::"r"(address), "f"(values[j][2 * half]),
                       "f"(values[j][2 * half + 1])
                       : "memory");
        }
      }
    }
  }

  __device__ void store_one_by_one(const float (&values)[blocks][4], int c, int m, int n) {
#pragma unroll
    for (int j = 0; j < blocks; ++j) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const int row = m + lane() / 4 + e / 2 * 8;
        const int column = n + c * chunk + 8 * j + 2 * (lane() % 4) + e % 2;
        if (row >= to_.m || column >= to_.n) continue;
        Out& out = to_.out[row * to_.out_stride + column];
        round_to_out(adds_in_place() ? __fadd_rn(values[j][e], value_of_out(out)) : values[j][e], out);
      }
    }
  }

  const EpiloguePointers<Out, Bias>& to_;
  const CUtensorMap* out_map_;
  std::uint32_t staging_;
  float* scales_;
  int warpgroup_;
  float x_scales_[2] = {};
};

}  // namespace pare::kernels::detail
