// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <cuda.h>

/// The copy engine of Hopper and the barriers in shared memory by which it reports (PTX ISA 8.7, "mbarrier" and
/// "cp.async.bulk.tensor"), for thread block clusters. Barriers and destinations are named by their 32-bit address in
/// shared memory. For sm_90a.

namespace pare::kernels::detail {

__device__ inline std::uint32_t cluster_rank() {
  std::uint32_t rank;
  asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return rank;
}

/// Waits until all threads of the cluster are here; what they wrote to shared memory before is seen after.
__device__ inline void cluster_sync() {
  asm volatile("barrier.cluster.arrive.release;\nbarrier.cluster.wait.acquire;" ::: "memory");
}

/// The same without a word on memory: nobody leaves before all are here.
__device__ inline void cluster_leave_together() {
  asm volatile("barrier.cluster.arrive.relaxed;\nbarrier.cluster.wait;" ::: "memory");
}

/// The same place in the shared memory of block `rank` of the cluster.
__device__ inline std::uint32_t at_rank(std::uint32_t address, std::uint32_t rank) {
  std::uint32_t remote;
  asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(remote) : "r"(address), "r"(rank));
  return remote;
}

__device__ inline void barrier_init(std::uint32_t barrier, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}

/// Makes barriers known to the copy engine and to the cluster; cluster_sync() must follow.
__device__ inline void barrier_init_fence() {
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}

/// Arrives and announces `bytes` that copies will report.
__device__ inline void barrier_arrive_expecting(std::uint32_t barrier, int bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
}

__device__ inline void barrier_arrive(std::uint32_t barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}

/// Arrives at a barrier named by at_rank().
__device__ inline void barrier_arrive_remote(std::uint32_t barrier) {
  asm volatile("mbarrier.arrive.shared::cluster.b64 _, [%0];" ::"r"(barrier) : "memory");
}

/// Waits until the phase of this parity is over. Acquires for the block alone, which is all that the copy engine and the
/// matrix units need: acquiring for the cluster would empty the first-level cache at every wait.
__device__ inline void barrier_wait(std::uint32_t barrier, std::uint32_t parity) {
  asm volatile(
      "{\n.reg .pred done;\n"
      "again:\nmbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
      "@!done bra again;\n}\n" ::"r"(barrier),
      "r"(parity)
      : "memory");
}

/// Copies the tile that begins at (row, col), both in elements, to `destination`, and reports to `barrier`.
__device__ inline void tma_load(std::uint32_t destination, const CUtensorMap* map, int col, int row,
                                std::uint32_t barrier) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3}], [%4];" ::"r"(
          destination),
      "l"(map), "r"(col), "r"(row), "r"(barrier)
      : "memory");
}

/// The same from a map of windows.
__device__ inline void tma_load(std::uint32_t destination, const CUtensorMap* map, int col, int row, int window,
                                std::uint32_t barrier) {
  asm volatile(
      "cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3, %4}], "
      "[%5];" ::"r"(destination),
      "l"(map), "r"(col), "r"(row), "r"(window), "r"(barrier)
      : "memory");
}

/// The same into every block of the cluster whose bit is set in `ranks`, each block's own barrier being told.
__device__ inline void tma_load_multicast(std::uint32_t destination, const CUtensorMap* map, int col, int row,
                                          std::uint32_t barrier, std::uint16_t ranks) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%0], "
      "[%1, {%2, %3}], [%4], %5;" ::"r"(destination),
      "l"(map), "r"(col), "r"(row), "r"(barrier), "h"(ranks)
      : "memory");
}

__device__ inline void prefetch_tensor_map(const CUtensorMap* map) {
  asm volatile("prefetch.tensormap [%0];" ::"l"(map) : "memory");
}

/// Waits until the 128 threads of a warpgroup are here; `name` is 1 to 15 and its own.
__device__ inline void warpgroup_sync(int name) {
  asm volatile("bar.sync %0, 128;" ::"r"(name) : "memory");
}

/// Half of a barrier of two warpgroups: one waits for its turn, the other gives it. `name` as for warpgroup_sync.
__device__ inline void wait_for_turn(int name) {
  asm volatile("bar.sync %0, 256;" ::"r"(name) : "memory");
}

__device__ inline void give_turn(int name) {
  asm volatile("bar.arrive %0, 256;" ::"r"(name) : "memory");
}

/// Makes what this thread wrote to shared memory known to the copy engine.
__device__ inline void show_to_copy_engine() {
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

/// Copies a tile from shared memory to (row, col), in elements; what lies outside of the matrix is left out.
__device__ inline void tma_store(const CUtensorMap* map, std::uint32_t source, int col, int row) {
  asm volatile("cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%0, {%1, %2}], [%3];" ::"l"(map), "r"(col),
               "r"(row), "r"(source)
               : "memory");
  asm volatile("cp.async.bulk.commit_group;" ::: "memory");
}

/// Adds a tile of binary32 in shared memory to (row, col), rounded to nearest; what lies outside of the matrix is left out.
__device__ inline void tma_add(const CUtensorMap* map, std::uint32_t source, int col, int row) {
  asm volatile("cp.reduce.async.bulk.tensor.2d.global.shared::cta.add.tile.bulk_group [%0, {%1, %2}], [%3];" ::"l"(map),
               "r"(col), "r"(row), "r"(source)
               : "memory");
  asm volatile("cp.async.bulk.commit_group;" ::: "memory");
}

/// Waits until at most `pending` of this thread's stores still read shared memory.
template <int pending>
__device__ inline void wait_for_stores() {
  asm volatile("cp.async.bulk.wait_group.read %0;" ::"n"(pending) : "memory");
}

/// Copies four bytes to shared memory, or zeros; waited for by wait_for_copies().
__device__ inline void copy_async_4(std::uint32_t destination, const void* source, bool there) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(destination), "l"(source), "r"(there ? 4 : 0)
               : "memory");
}

/// Arrives at the barrier when this thread's copies so far are done.
__device__ inline void barrier_arrive_after_copies(std::uint32_t barrier) {
  asm volatile("cp.async.mbarrier.arrive.noinc.shared.b64 [%0];" ::"r"(barrier) : "memory");
}

__device__ inline void wait_for_copies() {
  asm volatile("cp.async.wait_all;" ::: "memory");
}

/// Registers of each thread of this warpgroup from here on; the sum over warpgroups stays what the launch got.
template <int registers>
__device__ inline void give_up_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(registers));
}

template <int registers>
__device__ inline void take_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(registers));
}

/// The stage of a ring of buffers, and the parity of its current round.
struct RingPosition {
  int stage = 0;
  std::uint32_t parity = 0;

  template <int stages>
  __device__ void advance() {
    if (++stage == stages) {
      stage = 0;
      parity ^= 1;
    }
  }
};

}  // namespace pare::kernels::detail
