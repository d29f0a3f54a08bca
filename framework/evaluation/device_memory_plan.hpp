// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "framework/bank/bank_plan.hpp"
#include "framework/evaluation/device_layout.hpp"
#include "framework/model/stage_range.hpp"

namespace pare::framework {

struct DeviceMemoryItem {
  std::string name;
  std::int64_t bytes = 0;
};

/// Bytes of what lies in device memory for a whole run.
struct DeviceMemorySizes {
  std::int64_t bank = 0;      ///< packed layers and their notes
  std::int64_t full = 0;      ///< layers that may stay as they are, in bfloat16
  std::int64_t tables = 0;    ///< embedding, head, norms, biases
  std::int64_t rope = 0;      ///< rotary tables
  std::int64_t expanded = 0;  ///< the largest stage, ready for its products
  std::int64_t scratch = 0;   ///< the largest layer that is expanded to binary32 first
};

/// Of these stages alone.
DeviceMemorySizes device_memory_sizes(const BankPlan& bank, std::int64_t window_length, const StageRange& stages = {});

/// What evaluating candidates of a bank takes on a GPU, whatever the GPU.
struct DeviceDemand {
  DeviceMemorySizes sizes;
  std::vector<DeviceMemoryItem> resident;  ///< the same for people
  WalkShape walk;
  std::int64_t window_length = 0;
};

/// For all options that a bank has at these stages. top_k: words of the full model's answers a token.
DeviceDemand device_demand(const BankPlan& bank, std::int64_t window_length, std::int64_t top_k,
                           const StageRange& stages = {});

/// Candidates that are evaluated together at most: they decide how many hidden states exist at a time.
inline constexpr std::size_t most_candidates_together = 127;

/// How the memory of a GPU is spent. Exact but for what CUDA itself takes, for which `reserve_bytes` are left alone.
struct DeviceMemoryPlan {
  /// Of a card, what is gone once CUDA has started.
  static constexpr std::int64_t context_bytes = std::int64_t{768} << 20;
  static constexpr std::int64_t reserve_bytes = std::int64_t{512} << 20;
  static constexpr std::int64_t most_micro_batch_tokens = 65536;

  std::vector<DeviceMemoryItem> items;
  std::int64_t micro_batch_tokens = 0;  ///< whole windows that pass through the model together
  std::int64_t kept_state_bytes = 0;    ///< of hidden states that are kept from one call to the next
  std::int64_t available_bytes = 0;

  std::int64_t total_bytes() const;
};

/// As many windows at a time as there is room for, up to most_micro_batch_tokens; before that, up to a quarter of what the
/// resident parts leave, but at most `state_bytes`, is for states that are kept. Throws InputError, with the items, when
/// not even one window has room.
DeviceMemoryPlan plan_device_memory(const DeviceDemand& demand, std::int64_t available_bytes, std::int64_t state_bytes);

/// One line an item, for people.
std::string to_text(const DeviceMemoryPlan& plan);

/// Memory of a card by its usual name ("H100"), as the driver reports it, less what its context takes. Throws InputError
/// with the known names.
std::int64_t card_memory(const std::string& name);

}  // namespace pare::framework
