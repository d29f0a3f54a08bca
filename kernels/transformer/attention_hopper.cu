// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/core/contract.hpp"
#include "kernels/core/cuda_check.cuh"
#include "kernels/gemm/tensor_map.hpp"
#include "kernels/gemm/tma.cuh"
#include "kernels/transformer/attention_launch.hpp"
#include "kernels/transformer/mma_bf16.cuh"
#include "kernels/transformer/register_wgmma.cuh"

namespace pare::kernels::detail {
namespace kernel {

constexpr int multiplying_warpgroups = 2;
constexpr int attention_threads = (1 + multiplying_warpgroups) * warpgroup_threads;
constexpr int loading_registers = 24;
constexpr int multiplying_registers = 240;
constexpr int warpgroup_queries = 64;
constexpr int tile_queries = multiplying_warpgroups * warpgroup_queries;
constexpr int tile_keys = 128;
constexpr int panel_values = swizzle_bytes / 2;  // of a row
constexpr int panel_bytes = tile_keys * swizzle_bytes;
static_assert(tile_queries == tile_keys);

/// Shared memory, which begins at a multiple of 1024 bytes: queries, rings of tiles of keys and of values, all in panels of
/// 64 values a row as TMA swizzles them; a place for each multiplying warp's outputs; barriers.
template <int dim>
struct AttentionLayout {
  static constexpr int stages = dim == 128 ? 2 : 4;
  static constexpr int panels = dim / panel_values;
  static constexpr int tile_bytes = panels * panel_bytes;
  static constexpr int warp_bytes = 16 * dim * 2;
  static constexpr int outputs = (1 + 2 * stages) * tile_bytes;
  static constexpr int barriers = outputs + multiplying_warpgroups * 4 * warp_bytes;
  static constexpr int total_bytes = barriers + (2 + 4 * stages) * 8;
  static_assert(total_bytes <= 227 * 1024);

  std::uint32_t base;

  __device__ std::uint32_t queries() const { return base; }
  __device__ std::uint32_t keys(int stage) const { return base + (1 + stage) * tile_bytes; }
  __device__ std::uint32_t values(int stage) const { return base + (1 + stages + stage) * tile_bytes; }
  __device__ std::uint32_t queries_full() const { return base + barriers; }
  __device__ std::uint32_t queries_empty() const { return base + barriers + 8; }
  __device__ std::uint32_t keys_full(int stage) const { return base + barriers + (2 + stage) * 8; }
  __device__ std::uint32_t keys_empty(int stage) const { return base + barriers + (2 + stages + stage) * 8; }
  __device__ std::uint32_t values_full(int stage) const { return base + barriers + (2 + 2 * stages + stage) * 8; }
  __device__ std::uint32_t values_empty(int stage) const { return base + barriers + (2 + 3 * stages + stage) * 8; }
};

/// The queries of one head that a block works on at a time, those with the most keys first.
struct AttentionUnit {
  int head;
  int window;
  int first_query;
  int tiles;  ///< of keys

  __device__ AttentionUnit(const CausalArguments& arguments, int columns, int index) {
    const int column = index % columns;
    const int query_tiles = (arguments.length + tile_queries - 1) / tile_queries;
    const int query_tile = query_tiles - 1 - index / columns;
    head = column % arguments.heads;
    window = column / arguments.heads;
    first_query = query_tile * tile_queries;
    tiles = query_tile + 1;
  }
};

/// One tile of 128 rows of a head from column `col` on, panel by panel.
template <int dim>
__device__ void load_panels(std::uint32_t tile, const CUtensorMap* map, int col, int row, int window,
                            std::uint32_t full) {
  barrier_arrive_expecting(full, AttentionLayout<dim>::tile_bytes);
#pragma unroll
  for (int panel = 0; panel < AttentionLayout<dim>::panels; ++panel)
    tma_load(tile + panel * panel_bytes, map, col + panel * panel_values, row, window, full);
}

/// One thread of a block: keeps the rings full, unit after unit.
template <int dim>
__device__ void load_units(const AttentionLayout<dim>& layout, const CausalArguments& arguments, const CUtensorMap* q,
                           const CUtensorMap* k, const CUtensorMap* v, int columns, int units) {
  RingPosition position;
  std::uint32_t parity = 0;
  for (int index = static_cast<int>(blockIdx.x); index < units; index += static_cast<int>(gridDim.x)) {
    const AttentionUnit unit(arguments, columns, index);
    const int kv_col = unit.head / arguments.group * dim;
    barrier_wait(layout.queries_empty(), parity ^ 1);
    parity ^= 1;
    load_panels<dim>(layout.queries(), q, unit.head * dim, unit.first_query, unit.window, layout.queries_full());
    for (int tile = 0; tile < unit.tiles; ++tile) {
      barrier_wait(layout.keys_empty(position.stage), position.parity ^ 1);
      load_panels<dim>(layout.keys(position.stage), k, kv_col, tile * tile_keys, unit.window,
                       layout.keys_full(position.stage));
      barrier_wait(layout.values_empty(position.stage), position.parity ^ 1);
      load_panels<dim>(layout.values(position.stage), v, kv_col, tile * tile_keys, unit.window,
                       layout.values_full(position.stage));
      position.template advance<AttentionLayout<dim>::stages>();
    }
  }
}

/// A warp lets go of what `barrier` guards.
__device__ __forceinline__ void release(std::uint32_t barrier) {
  if (threadIdx.x % 32 == 0) barrier_arrive(barrier);
}

/// Starts scores = queries * keys^T; `queries` is where the warpgroup's own 64 rows begin.
template <int dim>
__device__ __forceinline__ void start_scores(float (&scores)[tile_keys / 2], std::uint32_t queries,
                                             std::uint32_t keys) {
  wgmma_fence();
#pragma unroll
  for (int step = 0; step < dim / 16; ++step) {
    const int panel = step / 4 * panel_bytes;
    Wgmma<tile_keys>::bf16(scores, matrix_descriptor(queries + panel) + step % 4 * next_depth,
                           matrix_descriptor(keys + panel) + step % 4 * next_depth, step > 0 ? 1 : 0);
  }
  wgmma_commit();
}

/// Starts sums += weights * values.
template <int dim>
__device__ __forceinline__ void start_sums(float (&sums)[dim / 2], const std::uint32_t (&weights)[tile_keys / 16][4],
                                           std::uint32_t values) {
  wgmma_fence();
#pragma unroll
  for (int step = 0; step < tile_keys / 16; ++step)
    RegisterWgmma<dim>::template bf16<1>(sums, weights[step],
                                         transposed_descriptor(values + step * 16 * swizzle_bytes, panel_bytes), 1);
  wgmma_commit();
}

/// Scores become weights, `key` being the first of the thread's keys, `query` its first row (the other is 8 further).
__device__ __forceinline__ void exponentiate(float (&scores)[tile_keys / 2], float (&highest)[2], float (&totals)[2],
                                             float (&shrink)[2], int query, int key, bool masked, float scale) {
  if (masked) {
#pragma unroll
    for (int i = 0; i < tile_keys / 2; ++i)
      if (key + i / 4 * 8 + i % 2 > query + i / 2 % 2 * 8) scores[i] = -INFINITY;
  }
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    float top = scores[2 * half];
#pragma unroll
    for (int n = 0; n < tile_keys / 8; ++n)
      top = fmaxf(top, fmaxf(scores[4 * n + 2 * half], scores[4 * n + 2 * half + 1]));
    top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, 1));
    top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, 2));
    // Every query sees key 0, so that `top` is finite from the first tile on.
    top = fmaxf(highest[half], top * scale);
    shrink[half] = exp2_fast(highest[half] - top);
    highest[half] = top;
    float total = 0.0f;
#pragma unroll
    for (int n = 0; n < tile_keys / 8; ++n)
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        float& score = scores[4 * n + 2 * half + i];
        score = exp2_fast(fmaf(score, scale, -top));
        total += score;
      }
    totals[half] = fmaf(totals[half], shrink[half], total);
  }
}

/// Weights to bfloat16, as the A operand of the second product.
__device__ __forceinline__ void round_weights(std::uint32_t (&weights)[tile_keys / 16][4],
                                              const float (&scores)[tile_keys / 2]) {
#pragma unroll
  for (int step = 0; step < tile_keys / 16; ++step)
#pragma unroll
    for (int i = 0; i < 4; ++i) weights[step][i] = pack_bf16(scores[8 * step + 2 * i], scores[8 * step + 2 * i + 1]);
}

/// A warp's 16 rows to memory by way of its own place in shared memory, so that they leave in 16-byte pieces. `first` is the
/// first row's token in its window.
template <int dim>
__device__ __forceinline__ void write_rows(const CausalArguments& arguments, const AttentionUnit& unit, int first,
                                           unsigned char* place, const float (&sums)[dim / 2],
                                           const float (&totals)[2]) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  __syncwarp();  // what was written before may still be read
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    float total = totals[half];
    total += __shfl_xor_sync(0xffffffffu, total, 1);
    total += __shfl_xor_sync(0xffffffffu, total, 2);
    const float inverse = 1.0f / total;
#pragma unroll
    for (int n = 0; n < dim / 8; ++n)
      *reinterpret_cast<std::uint32_t*>(place + 2 * (tile_offset(half * 8 + lane / 4, n, dim) + lane % 4 * 2)) =
          pack_bf16(sums[4 * n + 2 * half] * inverse, sums[4 * n + 2 * half + 1] * inverse);
  }
  __syncwarp();
  constexpr int chunks = dim / chunk_values;
  auto* out = reinterpret_cast<__nv_bfloat16*>(arguments.out) +
              (std::int64_t{unit.window} * arguments.length + first) * arguments.out_stride + unit.head * dim;
#pragma unroll
  for (int r = 0; r < 16; r += 32 / chunks) {
    const int row = r + lane / chunks;
    const int chunk = lane % chunks;
    if (first + row < arguments.length) {
      *reinterpret_cast<uint4*>(out + row * arguments.out_stride + chunk * chunk_values) =
          *reinterpret_cast<const uint4*>(place + 2 * tile_offset(row, chunk, dim));
    }
  }
}

/// One multiplying warpgroup, unit after unit. As in FlashAttention-3 (Shah 2024), step j starts scores(j) and sums(j - 1)
/// and makes the exponentials of j while the latter are under way; and the two warpgroups start their products in turns, so
/// that one has the matrix units while the other makes exponentials.
template <int dim>
__device__ __forceinline__ void multiply_units(const AttentionLayout<dim>& layout, const CausalArguments& arguments,
                                               unsigned char* outputs, int columns, int units) {
  using Layout = AttentionLayout<dim>;
  const int warpgroup = static_cast<int>(threadIdx.x) / warpgroup_threads - 1;
  const int warp = static_cast<int>(threadIdx.x) / 32 - 4;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int own_turn = 1 + warpgroup;
  const int other_turn = 2 - warpgroup;
  const float scale = log2_e * rsqrtf(static_cast<float>(dim));
  const std::uint32_t queries = layout.queries() + warpgroup * warpgroup_queries * swizzle_bytes;
  float sums[dim / 2];
  float scores[tile_keys / 2];
#pragma unroll
  for (float& score : scores) score = 0.0f;
  std::uint32_t weights[tile_keys / 16][4];
  RingPosition keys, values;
  std::uint32_t queries_parity = 0;
  bool first_turn = warpgroup == 0;  // nobody gives it

  for (int index = static_cast<int>(blockIdx.x); index < units; index += static_cast<int>(gridDim.x)) {
    const AttentionUnit unit(arguments, columns, index);
    const bool last_unit = index + static_cast<int>(gridDim.x) >= units;
    const int first_row = unit.first_query + warp * 16;
    const int query = first_row + lane / 4;
    const int key = lane % 4 * 2;
    float highest[2] = {-INFINITY, -INFINITY};  // of the scores, in powers of two
    float totals[2] = {};
    float shrink[2];
#pragma unroll
    for (float& sum : sums) sum = 0.0f;

    barrier_wait(layout.queries_full(), queries_parity);
    queries_parity ^= 1;
    barrier_wait(layout.keys_full(keys.stage), keys.parity);
    if (!first_turn) wait_for_turn(own_turn);
    first_turn = false;
    start_scores<dim>(scores, queries, layout.keys(keys.stage));
    if (warpgroup == 0 || !last_unit || unit.tiles > 1) give_turn(other_turn);
    wgmma_wait<0>();
    hold(scores);
    release(layout.keys_empty(keys.stage));
    keys.template advance<Layout::stages>();
    exponentiate(scores, highest, totals, shrink, query, key, unit.tiles == 1, scale);
    round_weights(weights, scores);
    if (unit.tiles > 1) barrier_wait(layout.keys_full(keys.stage), keys.parity);
    for (int tile = 1; tile < unit.tiles; ++tile) {
      barrier_wait(layout.values_full(values.stage), values.parity);
      wait_for_turn(own_turn);
      start_scores<dim>(scores, queries, layout.keys(keys.stage));
      start_sums<dim>(sums, weights, layout.values(values.stage));
      if (warpgroup == 0 || !last_unit || tile < unit.tiles - 1) give_turn(other_turn);
      wgmma_wait<1>();
      hold(scores);
      release(layout.keys_empty(keys.stage));
      keys.template advance<Layout::stages>();
      exponentiate(scores, highest, totals, shrink, query, tile * tile_keys + key, tile == unit.tiles - 1, scale);
      // Totals are never negative. A branch on them keeps ptxas from moving the exponentials behind the wait for the sums.
      const bool exponentials_are_made = !(totals[0] + totals[1] < 0.0f);
      if (exponentials_are_made & (tile + 1 < unit.tiles)) barrier_wait(layout.keys_full(keys.stage), keys.parity);
      wgmma_wait<0>();
      hold(sums);
      release(layout.values_empty(values.stage));
      values.template advance<Layout::stages>();
      // Once the highest score is found, which is early as a rule, nothing shrinks any more.
      if (__any_sync(0xffffffffu, shrink[0] != 1.0f || shrink[1] != 1.0f)) {
#pragma unroll
        for (int i = 0; i < dim / 2; ++i) sums[i] *= shrink[i / 2 % 2];
      }
      round_weights(weights, scores);
    }
    release(layout.queries_empty());
    barrier_wait(layout.values_full(values.stage), values.parity);
    start_sums<dim>(sums, weights, layout.values(values.stage));
    wgmma_wait<0>();
    hold(sums);
    release(layout.values_empty(values.stage));
    values.template advance<Layout::stages>();
    write_rows<dim>(arguments, unit, first_row, outputs + warp * Layout::warp_bytes, sums, totals);
  }
}

/// causal_tiles for wgmma and TMA: 128 queries of one head at a time in a block, 64 in each of two multiplying warpgroups,
/// against tiles of 128 keys; scores, weights and outputs in registers; a third warpgroup loads. At dim 128 two stages of
/// keys and two of values, 192 KiB of shared memory; at dim 64 four each. Compute-bound. Persistent: a block's next queries
/// and keys are under way while it ends a unit. The maps end with each window, so that no window sees another's rows.
template <int dim>
__global__ void __launch_bounds__(attention_threads, 1)
    causal_hopper(const __grid_constant__ CUtensorMap q, const __grid_constant__ CUtensorMap k,
                  const __grid_constant__ CUtensorMap v, const CausalArguments arguments, const int columns,
                  const int units) {
  extern __shared__ __align__(1024) unsigned char shared[];
  using Layout = AttentionLayout<dim>;
  const Layout layout{shared_address(shared)};
  constexpr int releases = multiplying_warpgroups * 4;
  if (threadIdx.x == 0) {
    barrier_init(layout.queries_full(), 1);
    barrier_init(layout.queries_empty(), releases);
    for (int stage = 0; stage < Layout::stages; ++stage) {
      barrier_init(layout.keys_full(stage), 1);
      barrier_init(layout.keys_empty(stage), releases);
      barrier_init(layout.values_full(stage), 1);
      barrier_init(layout.values_empty(stage), releases);
    }
    barrier_init_fence();
    show_to_copy_engine();
  }
  __syncthreads();
  if (threadIdx.x < warpgroup_threads) {
    give_up_registers<loading_registers>();
    if (threadIdx.x == 0) load_units<dim>(layout, arguments, &q, &k, &v, columns, units);
  } else {
    take_registers<multiplying_registers>();
    multiply_units<dim>(layout, arguments, shared + Layout::outputs, columns, units);
  }
}

}  // namespace kernel

namespace {

template <int dim>
void launch(const CausalArguments& arguments, const Stream& stream) {
  constexpr int shared_bytes = kernel::AttentionLayout<dim>::total_bytes;
  const std::int64_t tokens = arguments.windows * arguments.length;
  const std::int64_t query_tiles = (arguments.length + kernel::tile_queries - 1) / kernel::tile_queries;
  const std::int64_t columns = arguments.windows * arguments.heads;
  const std::int64_t units = columns * query_tiles;
  EXPECT(units <= 0x3fffffff, query_tiles, " tiles, ", columns, " heads");
  CUtensorMap q, k, v;
  const std::int64_t kv_cols = arguments.heads / arguments.group * dim;
  fill_window_map(q, {arguments.q, tokens, arguments.heads * dim, arguments.q_stride}, arguments.length,
                  kernel::tile_queries);
  fill_window_map(k, {arguments.k, tokens, kv_cols, arguments.k_stride}, arguments.length, kernel::tile_keys);
  fill_window_map(v, {arguments.v, tokens, kv_cols, arguments.v_stride}, arguments.length, kernel::tile_keys);
  CUDA_CALL(
      cudaFuncSetAttribute(kernel::causal_hopper<dim>, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes));
  const auto blocks = static_cast<unsigned>(std::min<std::int64_t>(units, stream.multiprocessors()));
  kernel::causal_hopper<dim><<<blocks, kernel::attention_threads, shared_bytes, stream.handle()>>>(
      q, k, v, arguments, static_cast<int>(columns), static_cast<int>(units));
  CUDA_CHECK_LAUNCH();
}

}  // namespace

void launch_causal_hopper(const CausalArguments& arguments, const Stream& stream) {
  if (arguments.dim == 128) {
    launch<128>(arguments, stream);
  } else {
    launch<64>(arguments, stream);
  }
}

}  // namespace pare::kernels::detail
