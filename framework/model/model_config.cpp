// SPDX-License-Identifier: Apache-2.0
#include "framework/model/model_config.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "framework/config/near_name.hpp"
#include "framework/config/utf8.hpp"
#include "framework/io/json.hpp"
#include "framework/model/config_json.hpp"
#include "framework/model/rope_config.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

using detail::ConfigObject;

// Far beyond any model, near enough that no product of two of them overflows.
constexpr std::int64_t largest_size = 1 << 24;
constexpr std::int64_t most_layers = 10'000;
constexpr std::int64_t most_positions = std::int64_t{1} << 31;

/// What a missing key means, by architecture (the defaults of transformers' configuration classes), and what
/// is no key at all.
struct Architecture {
  std::string_view name;
  std::int64_t max_positions;
  std::int64_t head_dim;        ///< 0: hidden / heads
  std::int64_t sliding_window;  ///< 0: none
  bool qkv_bias_always;
  bool has_attention_bias_key;  ///< attention_bias: biases on q, k, v and o
  bool has_mlp_bias_key;
  bool has_use_sliding_window_key;
  bool qk_norm;
};
constexpr std::array architectures = {Architecture{"llama", 2048, 0, 0, false, true, true, false, false},
                                      Architecture{"mistral", 131072, 0, 4096, false, false, false, false, false},
                                      Architecture{"qwen2", 32768, 0, 4096, true, false, false, true, false},
                                      Architecture{"qwen3", 32768, 128, 4096, false, true, false, true, true}};

const Architecture& find_architecture(const ConfigObject& config) {
  std::vector<std::string> names;
  for (const Architecture& known : architectures) names.emplace_back(known.name);
  const std::string type = config.need("model_type", config.text("model_type"));
  for (const Architecture& known : architectures) {
    if (known.name == type) return known;
  }
  config.fail("model_type", fmt::format("'{}' is not supported{} (supported: {})", printable(type),
                                        did_you_mean(type, names), fmt::join(names, ", ")));
}

std::int64_t need_size(const ConfigObject& config, const std::string& key, std::int64_t most = largest_size) {
  return config.need(key, config.whole(key, 1, most));
}

void read_sizes(const ConfigObject& config, const Architecture& architecture, ModelConfig& result) {
  result.vocabulary = need_size(config, "vocab_size");
  result.hidden = need_size(config, "hidden_size");
  result.intermediate = need_size(config, "intermediate_size");
  result.layers = need_size(config, "num_hidden_layers", most_layers);
  result.heads = need_size(config, "num_attention_heads");
  result.kv_heads = config.whole("num_key_value_heads", 1, largest_size).value_or(result.heads);
  if (result.heads % result.kv_heads != 0) {
    config.fail("num_key_value_heads",
                fmt::format("{} does not divide num_attention_heads {}", result.kv_heads, result.heads));
  }
  const auto head_dim = config.whole("head_dim", 1, largest_size);
  if (!head_dim && architecture.head_dim == 0 && result.hidden % result.heads != 0) {
    config.fail("num_attention_heads",
                fmt::format("{} does not divide hidden_size {}, give head_dim", result.heads, result.hidden));
  }
  const std::int64_t usual = architecture.head_dim != 0 ? architecture.head_dim : result.hidden / result.heads;
  result.head_dim = head_dim.value_or(usual);
  if (result.head_dim % 2 != 0)
    config.fail("head_dim", fmt::format("{} is odd, rotary positions need pairs", result.head_dim));
  if (result.heads * result.head_dim > largest_size) config.fail("head_dim", "times num_attention_heads is too large");
  result.max_positions =
      config.whole("max_position_embeddings", 1, most_positions).value_or(architecture.max_positions);
}

/// Windows that only some layers have are refused: ModelConfig knows one for all.
std::int64_t read_sliding_window(const ConfigObject& config, const Architecture& architecture, std::int64_t layers) {
  const Json* types = config.find("layer_types");
  if (types != nullptr) {
    const auto is_full = [](const Json& type) { return type == "full_attention"; };
    const auto is_sliding = [](const Json& type) { return type == "sliding_attention"; };
    if (types->is_array() && std::all_of(types->begin(), types->end(), is_full)) return 0;
    if (!types->is_array() || !std::all_of(types->begin(), types->end(), is_sliding)) {
      config.fail("layer_types",
                  "layers of different kinds are not supported (supported: all full_attention or all "
                  "sliding_attention)");
    }
  }
  if (architecture.sliding_window == 0) return 0;
  if (architecture.has_use_sliding_window_key) {
    if (!config.flag("use_sliding_window").value_or(false)) return 0;
    const std::int64_t full_layers = config.whole("max_window_layers", 0, most_layers).value_or(28);
    if (types == nullptr && full_layers >= layers) return 0;
    if (types == nullptr && full_layers > 0) {
      config.fail("max_window_layers", "sliding windows in some layers only are not supported, it should be 0");
    }
  }
  if (config.is_null("sliding_window")) return 0;
  return config.whole("sliding_window", 1, most_positions).value_or(architecture.sliding_window);
}

/// A number, a list (its first), or none.
std::int64_t read_bos_token(const ConfigObject& config, std::int64_t vocabulary) {
  const Json* value = config.find("bos_token_id");
  if (value != nullptr && value->is_array()) value = value->empty() ? nullptr : &value->front();
  if (value == nullptr) return -1;
  if (!value->is_number_integer() || *value < 0 || *value >= vocabulary) {
    config.fail("bos_token_id",
                fmt::format("should be a token id below vocab_size {}, is {}", vocabulary, printable(value->dump())));
  }
  return value->get<std::int64_t>();
}

void refuse_what_changes_the_arithmetic(const ConfigObject& config) {
  const auto quantization = config.object("quantization_config");
  if (quantization && quantization->text("quant_method").value_or("") != "compressed-tensors") {
    config.fail("quantization_config",
                "the checkpoint is quantized already, give the original one (F32, F16 or BF16 weights), or one of "
                "compressed-tensors");
  }
  const std::string activation = config.text("hidden_act").value_or("silu");
  if (activation != "silu" && activation != "swish") {
    config.fail("hidden_act", "'" + printable(activation) + "' is not supported (supported: silu)");
  }
}

}  // namespace

ModelConfig read_model_config(const std::filesystem::path& directory) {
  const std::filesystem::path file = directory / "config.json";
  const std::string source = file.string();
  const Json document = parse_json_file(file);
  const ConfigObject config(document, source);
  const Architecture& architecture = find_architecture(config);
  refuse_what_changes_the_arithmetic(config);

  ModelConfig result;
  result.model_type = architecture.name;
  read_sizes(config, architecture, result);
  result.sliding_window = read_sliding_window(config, architecture, result.layers);
  result.rms_norm_epsilon = config.number("rms_norm_eps").value_or(1e-6);
  if (result.rms_norm_epsilon < 0) config.fail("rms_norm_eps", "should not be negative");
  const bool attention_bias = architecture.has_attention_bias_key && config.flag("attention_bias").value_or(false);
  result.attention_bias = architecture.qkv_bias_always || attention_bias;
  result.attention_output_bias = attention_bias;
  result.mlp_bias = architecture.has_mlp_bias_key && config.flag("mlp_bias").value_or(false);
  result.qk_norm = architecture.qk_norm;
  result.tied_embeddings = config.flag("tie_word_embeddings").value_or(false);
  result.bos_token = read_bos_token(config, result.vocabulary);
  detail::RopeFrequencies rope = detail::read_rope_frequencies(config, result.head_dim, result.max_positions);
  result.rope_theta = rope.theta;
  result.inverse_frequencies = std::move(rope.inverse);
  return result;
}

}  // namespace pare::framework
