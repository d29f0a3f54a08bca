// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "framework/comm/process_group.hpp"
#include "framework/evaluation/device_memory_plan.hpp"
#include "search/experiment/experiment.hpp"
#include "search/experiment/plan.hpp"

namespace pare::search {

/// Why this process cannot evaluate the experiment on a GPU: there is none, its kernels or its arithmetic are not those that
/// are asked for, or its memory does not suffice. Nothing when it can.
std::optional<std::string> refusal_of_gpu(const Experiment& experiment, const Plan& plan,
                                          const framework::RankOfNode& process);

/// Rank 0: the experiment with all that follows from where it is evaluated: computes_on, and child processes on GPUs. Throws
/// InputError, naming the host, for `cuda` where there is no GPU or none that can run the experiment.
Experiment on_device(const Experiment& experiment, const Plan& plan, const framework::RankOfNode& process);

/// Another process: the same where rank 0 evaluates on GPUs, or on CPUs. Throws InputError, naming the host, where there is no GPU.
Experiment on_same_device(const Experiment& experiment, bool on_gpus, const framework::RankOfNode& process);

/// For people: what the experiment would be evaluated on if this process were rank 0.
std::string describe_device(const Experiment& experiment, const Plan& plan);

/// How the memory of a GPU of which so much is free would be spent by this process. Throws InputError where not even one window has room.
framework::DeviceMemoryPlan plan_gpu(const Experiment& experiment, const Plan& plan, std::int64_t available_bytes);

framework::RankOfNode rank_of_node(const framework::ProcessGroup& group);

}  // namespace pare::search
