// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/compute_device.hpp"

#include <fmt/format.h>

#include "framework/provenance/provenance.hpp"
#include "kernels/core/contract.hpp"
#include "kernels/core/device.hpp"

namespace pare::framework {
namespace {

constexpr int lowest_capability = 80;

std::string with_device(const std::string& id, const ComputeDevice& device) {
  return device.gpu ? id + "|" + device.name : id;
}

}  // namespace

ComputeDevice gpu_of_rank(const RankOfNode& process) {
  const int count = kernels::device_count();
  VALIDATE(count > 0, kernels::why_no_device());
  const int gpu = process.rank % count;
  const int sharing = (process.size - 1 - gpu) / count + 1;
  const kernels::DeviceInfo info = kernels::describe_device(gpu);
  VALIDATE(info.compute_capability >= lowest_capability, info.name, " has compute capability ",
           info.compute_capability / 10, ".", info.compute_capability % 10, ", the kernels need 8.0");
  return {gpu, info.name, info.address, info.memory_bytes / sharing};
}

std::string arithmetic_id(const ComputeDevice& device) {
  return with_device(isa_id(), device);
}

std::string build_and_device_id(const ComputeDevice& device) {
  return with_device(build_id(), device);
}

std::optional<std::string> refusal_of_gpu(const Model& model) {
  constexpr std::int64_t widest_head = 256, unit = 8;
  const ModelConfig& config = model.config();
  if (model.is_quantized()) return "the checkpoint is quantized, such models run on CPUs";
  if (config.head_dim % unit != 0 || config.head_dim > widest_head)
    return fmt::format("attention heads of {} values have no GPU kernel, multiples of {} up to {} have one",
                       config.head_dim, unit, widest_head);
  if (config.hidden % unit != 0)
    return fmt::format("hidden states of {} values have no GPU kernel, multiples of {} have one", config.hidden, unit);
  return std::nullopt;
}

}  // namespace pare::framework
