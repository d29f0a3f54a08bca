// SPDX-License-Identifier: Apache-2.0
#include "framework/model/model_config.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

#include "framework/config/near_name.hpp"
#include "framework/io/json.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

/// One JSON object with the place that errors name.
class Section {
 public:
  Section(const Json& json, std::string where) : json_(json), where_(std::move(where)) {
    VALIDATE(json.is_object(), where_, ": is not an object");
  }

  bool has(const char* key) const { return json_.contains(key) && !json_[key].is_null(); }
  const Json& raw(const char* key) const { return json_[key]; }
  const std::string& where() const { return where_; }

  std::int64_t size(const char* key) const {
    VALIDATE(has(key), where_, ": no ", key);
    return size(key, 0);
  }
  std::int64_t size(const char* key, std::int64_t otherwise) const {
    if (!has(key)) return otherwise;
    const Json& value = json_[key];
    VALIDATE(value.is_number_integer() && value.get<std::int64_t>() > 0 && value.get<std::int64_t>() < (std::int64_t{1} << 40), where_, ": ",
             key, " must be a positive whole number, is ", value.dump());
    return value.get<std::int64_t>();
  }
  double number(const char* key, double otherwise) const {
    if (!has(key)) return otherwise;
    const Json& value = json_[key];
    VALIDATE(value.is_number() && std::isfinite(value.get<double>()) && value.get<double>() > 0, where_, ": ", key,
             " must be a positive number, is ", value.dump());
    return value.get<double>();
  }
  bool flag(const char* key, bool otherwise) const {
    if (!has(key)) return otherwise;
    VALIDATE(json_[key].is_boolean(), where_, ": ", key, " must be true or false, is ", json_[key].dump());
    return json_[key].get<bool>();
  }
  std::string text(const char* key, const std::string& otherwise) const {
    if (!has(key)) return otherwise;
    VALIDATE(json_[key].is_string(), where_, ": ", key, " must be text, is ", json_[key].dump());
    return json_[key].get<std::string>();
  }

 private:
  const Json& json_;
  std::string where_;
};

/// Llama 3: long wavelengths are slowed down by `factor`, short ones kept, those between interpolated (Meta's reference code).
void scale_llama3(std::vector<double>& frequencies, const Section& scaling) {
  const double factor = scaling.number("factor", 8);
  const double low = scaling.number("low_freq_factor", 1);
  const double high = scaling.number("high_freq_factor", 4);
  const double original = scaling.number("original_max_position_embeddings", 8192);
  VALIDATE(high > low, scaling.where(), ": high_freq_factor must be above low_freq_factor");
  for (double& frequency : frequencies) {
    const double wavelength = 2 * std::numbers::pi / frequency;
    if (wavelength < original / high) continue;
    if (wavelength > original / low) {
      frequency /= factor;
    } else {
      const double smooth = (original / wavelength - low) / (high - low);
      frequency = (1 - smooth) * frequency / factor + smooth * frequency;
    }
  }
}

/// rope_theta and rope_scaling (transformers 4), or both in rope_parameters (transformers 5).
std::vector<double> rotary_frequencies(const Section& config, std::int64_t head_dim) {
  const char* key = config.has("rope_parameters") ? "rope_parameters" : "rope_scaling";
  std::optional<Section> scaling;
  if (config.has(key)) scaling.emplace(config.raw(key), config.where() + ": " + key);
  const double theta = scaling ? scaling->number("rope_theta", config.number("rope_theta", 10000)) : config.number("rope_theta", 10000);
  std::vector<double> frequencies;
  for (std::int64_t i = 0; i < head_dim / 2; ++i) {
    frequencies.push_back(std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(head_dim)));
  }
  if (!scaling) return frequencies;
  const std::string type = scaling->text("rope_type", scaling->text("type", "default"));
  if (type == "llama3") {
    scale_llama3(frequencies, *scaling);
  } else if (type == "linear") {
    for (double& frequency : frequencies) frequency /= scaling->number("factor", 1);
  } else {
    VALIDATE(type == "default", scaling->where(), ": rope_type '", type, "' is not supported (supported: default, linear, llama3)");
  }
  return frequencies;
}

std::int64_t first_token(const Section& config, const char* key, std::int64_t vocabulary) {
  if (!config.has(key)) return -1;
  const Json& value = config.raw(key);
  const Json& token = value.is_array() && !value.empty() ? value[0] : value;
  VALIDATE(token.is_number_integer() && token.get<std::int64_t>() >= 0 && token.get<std::int64_t>() < vocabulary, config.where(), ": ", key,
           " must be a token below vocab_size ", vocabulary, ", is ", value.dump());
  return token.get<std::int64_t>();
}

std::string supported_type(const Section& config) {
  static const std::vector<std::string> supported{"llama", "mistral", "qwen2", "qwen3"};
  const std::string type = config.text("model_type", "");
  VALIDATE(!type.empty(), config.where(), ": no model_type, is this a Hugging Face configuration?");
  VALIDATE(std::find(supported.begin(), supported.end(), type) != supported.end(), config.where(), ": model_type '", type,
           "' is not supported", did_you_mean(type, supported), " (supported: llama, mistral, qwen2, qwen3)");
  return type;
}

std::int64_t sliding_window(const Section& config, const std::string& type) {
  const bool used = config.flag("use_sliding_window", type == "mistral");
  return used ? config.size("sliding_window", 0) : 0;
}

}  // namespace

ModelConfig read_model_config(const std::filesystem::path& directory) {
  const std::filesystem::path file = directory / "config.json";
  VALIDATE(std::filesystem::exists(file), file.string(), ": no such file, a Hugging Face checkpoint has one");
  const Json json = parse_json_file(file);
  const Section config(json, file.string());
  ModelConfig model;
  model.model_type = supported_type(config);
  VALIDATE(!config.has("quantization_config"), file.string(),
           ": the checkpoint is quantized already (quantization_config), give the original one");
  const std::string activation = config.text("hidden_act", "silu");
  VALIDATE(activation == "silu", file.string(), ": hidden_act '", activation, "' is not supported (supported: silu)");

  model.vocabulary = config.size("vocab_size");
  model.hidden = config.size("hidden_size");
  model.intermediate = config.size("intermediate_size");
  model.layers = config.size("num_hidden_layers");
  model.heads = config.size("num_attention_heads");
  model.kv_heads = config.size("num_key_value_heads", model.heads);
  VALIDATE(config.has("head_dim") || model.hidden % model.heads == 0, file.string(), ": hidden_size ", model.hidden,
           " is not a multiple of num_attention_heads ", model.heads, " and there is no head_dim");
  model.head_dim = config.size("head_dim", model.hidden / model.heads);
  VALIDATE(model.heads % model.kv_heads == 0, file.string(), ": num_attention_heads ", model.heads,
           " is not a multiple of num_key_value_heads ", model.kv_heads);
  VALIDATE(model.head_dim % 2 == 0, file.string(), ": head_dim ", model.head_dim, " is odd, rotary positions need pairs");
  model.max_positions = config.size("max_position_embeddings", 0);
  model.sliding_window = sliding_window(config, model.model_type);
  model.rms_norm_epsilon = config.number("rms_norm_eps", 1e-6);

  const bool bias = config.flag("attention_bias", false);
  model.attention_bias = bias || model.model_type == "qwen2";
  model.attention_output_bias = bias;
  model.mlp_bias = config.flag("mlp_bias", false);
  model.qk_norm = model.model_type == "qwen3";
  model.tied_embeddings = config.flag("tie_word_embeddings", false);
  model.bos_token = first_token(config, "bos_token_id", model.vocabulary);
  model.inverse_frequencies = rotary_frequencies(config, model.head_dim);
  return model;
}

}  // namespace pare::framework
