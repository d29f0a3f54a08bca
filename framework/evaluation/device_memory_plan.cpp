// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/device_memory_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "framework/config/near_name.hpp"
#include "framework/evaluation/prefix_trie.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

std::string gibibytes(std::int64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes < (std::int64_t{1} << 30)) return fmt::format("{:.1f} MiB", value / (1 << 20));
  return fmt::format("{:.2f} GiB", value / (1 << 30));
}

std::string list_of(const std::vector<DeviceMemoryItem>& items) {
  std::string text;
  for (const DeviceMemoryItem& item : items)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", item.name, gibibytes(item.bytes));
  return text;
}

std::int64_t sum(const std::vector<DeviceMemoryItem>& items) {
  std::int64_t bytes = 0;
  for (const DeviceMemoryItem& item : items) bytes += item.bytes;
  return bytes;
}

/// As device_tables.cpp puts them: biases in both forms that products take.
std::int64_t table_bytes(const Model& model, const StageRange& stages) {
  const ModelConfig& config = model.config();
  DeviceLayout layout;
  const int ends = (stages.has_embedding() ? 1 : 0) + (stages.has_head(model.stages().size()) ? 1 : 0);
  for (int table = config.tied_embeddings && ends == 2 ? 1 : 0; table < ends; ++table)
    layout.take(dense_bytes({config.vocabulary, config.hidden}));
  layout.take(config.hidden * 4);
  for (std::size_t s = 0; s < model.stages().size(); ++s) {
    const Stage& stage = model.stages()[s];
    if (!stages.has(s) || stage.linears.empty()) continue;
    layout.take(config.hidden * 4);
    if (stage.kind == StageKind::attention && config.qk_norm) {
      layout.take(config.head_dim * 4);
      layout.take(config.head_dim * 4);
    }
    for (const Linear& linear : stage.linears) {
      if (!linear.has_bias) continue;
      layout.take(linear.outputs * 4);
      layout.take(linear.outputs * 2);
    }
  }
  return layout.bytes();
}

/// As device_weights.cpp puts it.
void take_entry(const BankPlan& bank, const BankPlan::Entry& entry, DeviceMemorySizes& sizes, DeviceLayout& packed) {
  const Site& site = bank.sites()[entry.site];
  const Option& option = bank.option_of(entry);
  if (option.drop) return;
  const LayerShape shape =
      stored_shape(option, bank.model(), bank.model().stages()[site.stage], site.linears[entry.linear]);
  packed.take(resident_bytes(option, shape));
  if (option.scales_inputs()) packed.take(shape.inputs * 4);
  if (option.rounding == Option::Rounding::awq)
    sizes.scratch = std::max(sizes.scratch, shape.outputs * shape.inputs * 4);
  const Linear& linear = bank.linear_of(entry);
  if (linear.has_bias && shape.outputs < linear.outputs) {
    packed.take(shape.outputs * 4);
    packed.take(shape.outputs * 2);
  }
}

}  // namespace

DeviceMemorySizes device_memory_sizes(const BankPlan& bank, std::int64_t window_length, const StageRange& stages) {
  const Model& model = bank.model();
  DeviceMemorySizes sizes;
  DeviceLayout packed, full;
  for (const BankPlan::Entry& entry : bank.entries())
    if (stages.has(bank.sites()[entry.site].stage)) take_entry(bank, entry, sizes, packed);
  for (const Site& site : bank.sites()) {
    if (!stages.has(site.stage) || std::ranges::none_of(site.options, &Option::keeps_checkpoint)) continue;
    for (const std::size_t l : site.linears) {
      const Linear& linear = model.stages()[site.stage].linears[l];
      full.take(dense_bytes({linear.outputs, linear.inputs}));
    }
  }
  for (std::size_t s = 0; s < model.stages().size(); ++s) {
    if (!stages.has(s)) continue;
    DeviceLayout layout;
    for (const Linear& linear : model.stages()[s].linears) layout.take(ready_bytes({linear.outputs, linear.inputs}));
    sizes.expanded = std::max(sizes.expanded, layout.bytes());
  }
  sizes.bank = packed.bytes();
  sizes.full = full.bytes();
  sizes.tables = table_bytes(model, stages);
  sizes.rope = 2 * window_length * static_cast<std::int64_t>(model.config().inverse_frequencies.size()) * 4;
  return sizes;
}

DeviceDemand device_demand(const BankPlan& bank, std::int64_t window_length, std::int64_t top_k,
                           const StageRange& stages) {
  const ModelConfig& config = bank.model().config();
  const DeviceMemorySizes sizes = device_memory_sizes(bank, window_length, stages);
  const bool has_head = stages.has_head(bank.model().stages().size());
  DeviceDemand demand;
  demand.sizes = sizes;
  demand.resident = {{"packed bank", sizes.bank},
                     {"uncompressed layers that are an option", sizes.full},
                     {"embedding, head, norms", sizes.tables + sizes.rope},
                     {"one expanded stage", sizes.expanded + sizes.scratch}};
  demand.walk = {.hidden = config.hidden,
                 .query_width = config.heads * config.head_dim,
                 .key_value_width = config.kv_heads * config.head_dim,
                 .intermediate = config.intermediate,
                 .vocabulary = has_head ? config.vocabulary : 0,
                 .top_k = has_head ? std::min(top_k, config.vocabulary) : 0,
                 .states = static_cast<std::int64_t>(PrefixTrie::most_states(most_candidates_together))};
  demand.window_length = window_length;
  return demand;
}

std::int64_t DeviceMemoryPlan::total_bytes() const {
  return sum(items);
}

DeviceMemoryPlan plan_device_memory(const DeviceDemand& demand, std::int64_t available_bytes,
                                    std::int64_t state_bytes) {
  const std::int64_t length = demand.window_length;
  const std::int64_t rest = available_bytes - DeviceMemoryPlan::reserve_bytes - sum(demand.resident);
  const auto walk = [&](std::int64_t windows) { return WalkLayout(demand.walk, windows * length); };
  const std::int64_t least = walk(1).total_bytes();
  VALIDATE(rest >= least, "the GPU has ", gibibytes(available_bytes), " free, but even one window of ", length,
           " tokens takes ", gibibytes(available_bytes - rest + least), " (", list_of(demand.resident), ", one window ",
           gibibytes(least), ", kept free ", gibibytes(DeviceMemoryPlan::reserve_bytes),
           "): offer fewer options, use shorter windows or a card with more memory");
  DeviceMemoryPlan plan;
  plan.available_bytes = available_bytes;
  plan.kept_state_bytes = std::min({state_bytes, rest / 4, rest - least});
  const std::int64_t room = rest - plan.kept_state_bytes;
  std::int64_t windows = 1,
               too_many = std::max<std::int64_t>(1, DeviceMemoryPlan::most_micro_batch_tokens / length) + 1;
  while (windows + 1 < too_many) {
    const std::int64_t middle = (windows + too_many) / 2;
    (walk(middle).total_bytes() <= room ? windows : too_many) = middle;
  }
  plan.micro_batch_tokens = windows * length;
  const WalkLayout layout = walk(windows);
  plan.items = demand.resident;
  plan.items.push_back({"hidden states", layout.states_bytes});
  plan.items.push_back({"activations and workspace", layout.activation_bytes});
  plan.items.push_back({"text and the full model's answers", layout.text_bytes});
  plan.items.push_back({"kept hidden states", plan.kept_state_bytes});
  return plan;
}

std::string to_text(const DeviceMemoryPlan& plan) {
  std::string text;
  for (const DeviceMemoryItem& item : plan.items)
    if (item.bytes > 0) text += fmt::format("{:>12}  {}\n", gibibytes(item.bytes), item.name);
  return text + fmt::format("{:>12}  of {}; {} tokens at a time\n", gibibytes(plan.total_bytes()),
                            gibibytes(plan.available_bytes), plan.micro_batch_tokens);
}

std::int64_t card_memory(const std::string& name) {
  struct Card {
    std::string_view name;
    std::int64_t mebibytes;
  };
  constexpr std::array cards{Card{"A100-40", 40960}, Card{"A100", 81920},    Card{"L4", 23034},   Card{"L40S", 46068},
                             Card{"RTX3090", 24576}, Card{"RTX4090", 24564}, Card{"H100", 81559}, Card{"H200", 143771}};
  std::vector<std::string> names;
  for (const Card& card : cards) {
    if (card.name == name) return (card.mebibytes << 20) - DeviceMemoryPlan::context_bytes;
    names.emplace_back(card.name);
  }
  throw InputError(
      fmt::format("unknown card '{}'{} (known: {})", name, did_you_mean(name, names), fmt::join(names, ", ")));
}

}  // namespace pare::framework
