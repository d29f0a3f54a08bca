// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "framework/model/model.hpp"

namespace pare::framework {

/// Where candidates are evaluated: on the CPU, or on one GPU.
struct ComputeDevice {
  std::optional<int> gpu;         ///< CUDA's number in this process; nothing: the CPU
  std::string name = "CPU";       ///< "NVIDIA H100 80GB HBM3"
  std::string address;            ///< of the GPU on the PCI bus: one GPU, whatever a process calls it
  std::int64_t memory_bytes = 0;  ///< of the GPU, this process' share
};

/// Which process of its node a process is, and of how many.
struct RankOfNode {
  int rank = 0;
  int size = 1;
};

/// The GPU of a process among those that CUDA shows it (CUDA_VISIBLE_DEVICES respected): they are dealt out in turn, so
/// that with more processes than GPUs several share one. Throws InputError where CUDA shows none.
ComputeDevice gpu_of_rank(const RankOfNode& process);

/// What decides the last bits of losses: isa_id(), and the GPU's kind.
std::string arithmetic_id(const ComputeDevice& device);
/// build_id(), and the GPU's kind: stored losses hold for one of these.
std::string build_and_device_id(const ComputeDevice& device);

/// Why the kernels for GPUs cannot run this model; nothing when they can.
std::optional<std::string> refusal_of_gpu(const Model& model);

}  // namespace pare::framework
