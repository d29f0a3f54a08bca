// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/choose_device.hpp"

#include "framework/comm/process_info.hpp"
#include "kernels/core/contract.hpp"
#include "kernels/core/device.hpp"

namespace pare::search {

framework::DeviceMemoryPlan plan_gpu(const Experiment& experiment, const Plan& plan, std::int64_t available_bytes) {
  Experiment there = experiment;
  there.computes_on.gpu = 0;
  return framework::plan_device_memory(
      framework::device_demand(plan.bank, experiment.windows.length, experiment.teacher_top_k,
                               own_stages(experiment, plan.model)),
      available_bytes, there.state_cache_bytes());
}

std::optional<std::string> refusal_of_gpu(const Experiment& experiment, const Plan& plan,
                                          const framework::RankOfNode& process) {
  if (kernels::device_count() == 0) return kernels::why_no_device();
  if (experiment.precision_given && experiment.precision == kernels::Precision::f32)
    return "evaluation.precision is f32, GPUs compute in bf16";
  if (const auto why = framework::refusal_of_gpu(plan.model)) return why;
  try {
    plan_gpu(experiment, plan,
             framework::gpu_of_rank(process).memory_bytes - framework::DeviceMemoryPlan::context_bytes);
  } catch (const InputError& error) {
    return error.what();
  }
  return std::nullopt;
}

Experiment on_device(const Experiment& experiment, const Plan& plan, const framework::RankOfNode& process) {
  if (experiment.device == DeviceChoice::cpu) return experiment;
  const auto why = refusal_of_gpu(experiment, plan, process);
  VALIDATE(!why || experiment.device == DeviceChoice::automatic, "device: cuda is not possible on ",
           framework::host_name(), ": ", *why, "; use device: cpu, or auto");
  return on_same_device(experiment, !why, process);
}

Experiment on_same_device(const Experiment& experiment, bool on_gpus, const framework::RankOfNode& process) {
  Experiment result = experiment;
  if (!on_gpus) return result;
  try {
    result.computes_on = framework::gpu_of_rank(process);
  } catch (const InputError& error) {
    throw InputError("rank 0 evaluates on a GPU, " + framework::host_name() + " cannot: " + error.what());
  }
  if (result.containment.isolation == Isolation::automatic) result.containment.isolation = Isolation::process;
  return result;
}

std::string describe_device(const Experiment& experiment, const Plan& plan) {
  if (experiment.device == DeviceChoice::cpu) return "CPU";
  const auto why = refusal_of_gpu(experiment, plan, {});
  if (!why) return framework::gpu_of_rank({}).name;
  return experiment.device == DeviceChoice::cuda ? "GPUs, but not on this machine: " + *why
                                                 : "CPU (auto: " + *why + ")";
}

framework::RankOfNode rank_of_node(const framework::ProcessGroup& group) {
  return {group.local_rank(), group.local_size()};
}

}  // namespace pare::search
