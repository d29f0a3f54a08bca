// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "framework/export/gguf_export.hpp"
#include "framework/export/gguf_tensors.hpp"
#include "framework/export/gguf_tokenizer.hpp"
#include "framework/io/checkpoint.hpp"
#include "framework/io/tensor_read.hpp"
#include "framework/model/gguf_layout.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

/// By how much each rotary frequency was divided.
std::vector<double> frequency_divisors(const ModelConfig& config) {
  std::vector<double> divisors;
  for (std::size_t i = 0; i < config.inverse_frequencies.size(); ++i)
    divisors.push_back(
        std::pow(config.rope_theta, -2.0 * static_cast<double>(i) / static_cast<double>(config.head_dim)) /
        config.inverse_frequencies[i]);
  return divisors;
}

bool all_near(const std::vector<double>& values, double value) {
  return std::all_of(values.begin(), values.end(), [&](double v) { return std::abs(v - value) <= 1e-9 * value; });
}

class Builder {
 public:
  Builder(const Model& model, const std::vector<ExportLayer>& layers)
      : model_(model),
        config_(model.config()),
        architecture_(gguf_architecture(config_.model_type)),
        source_(std::make_shared<const Checkpoint>(model.directory())),
        index_(detail::layers_by_gguf_name(layers)) {}

  GgufExport build() {
    content_.source = source_;
    set_model_keys();
    for (const ModelTensor& tensor : model_tensors(config_, model_.stages())) add_tensor(tensor.name);
    add_rope();
    detail::set_file_type(content_);
    content_.remarks.push_back(detail::remark_on_embeddings(content_));
    for (std::string& warning : add_tokenizer_keys(model_.directory(), config_, content_.keys))
      content_.remarks.push_back(std::move(warning));
    if (config_.sliding_window > 0)
      content_.remarks.push_back(
          fmt::format("warning: llama.cpp's {} has no sliding window, texts longer than {} tokens are seen whole",
                      architecture_, config_.sliding_window));
    return std::move(content_);
  }

 private:
  void set(const char* name, std::int64_t value) {
    content_.keys.set(architecture_ + "." + name, GgufValue::u32(static_cast<std::uint32_t>(value)));
  }

  void set_model_keys() {
    GgufKeys& keys = content_.keys;
    keys.set("general.architecture", GgufValue::text(architecture_));
    keys.set("general.type", GgufValue::text("model"));
    keys.set("general.name",
             GgufValue::text(std::filesystem::absolute(model_.directory() / ".").parent_path().filename().string()));
    set("block_count", config_.layers);
    set("context_length", std::min<std::int64_t>(config_.max_positions, std::numeric_limits<std::int32_t>::max()));
    set("embedding_length", config_.hidden);
    set("feed_forward_length", config_.intermediate);
    set("attention.head_count", config_.heads);
    set("attention.head_count_kv", config_.kv_heads);
    set("attention.key_length", config_.head_dim);
    set("attention.value_length", config_.head_dim);
    set("rope.dimension_count", config_.head_dim);
    set("vocab_size", config_.vocabulary);
    keys.set(architecture_ + ".attention.layer_norm_rms_epsilon",
             GgufValue::f32(static_cast<float>(config_.rms_norm_epsilon)));
    keys.set(architecture_ + ".rope.freq_base", GgufValue::f32(static_cast<float>(config_.rope_theta)));
  }

  /// Scaled frequencies: one factor for all is a key, several are a tensor, which only the architecture llama has.
  void add_rope() {
    const std::vector<double> divisors = frequency_divisors(config_);
    if (all_near(divisors, 1)) return;
    if (all_near(divisors, divisors.front())) {
      content_.keys.set(architecture_ + ".rope.scaling.type", GgufValue::text("linear"));
      content_.keys.set(architecture_ + ".rope.scaling.factor", GgufValue::f32(static_cast<float>(divisors.front())));
      return;
    }
    VALIDATE(architecture_ == "llama", "--format gguf: ", model_.directory().string(), ": llama.cpp's architecture ",
             architecture_, " has no place for rope_type llama3");
    const std::vector<float> values(divisors.begin(), divisors.end());
    content_.tensors.push_back(
        {.spec = {"rope_freqs.weight", GgmlType::f32, {std::ssize(values)}}, .searched = false, .make = [values] {
           const auto bytes = std::as_bytes(std::span(values));
           return std::vector<std::byte>(bytes.begin(), bytes.end());
         }});
  }

  void add_tensor(const std::string& name) {
    const auto found = index_.find(gguf_name(name));
    if (found != index_.end() && found->second->stored) {
      content_.tensors.push_back(detail::stored_tensor(model_, *found->second));
      return;
    }
    const TensorView tensor = source_->at(name);
    const bool is_vector = tensor.info.shape.size() == 1;
    const GgmlType type = is_vector                              ? GgmlType::f32
                          : tensor.info.type == StoredType::f16  ? GgmlType::f16
                          : tensor.info.type == StoredType::bf16 ? GgmlType::bf16
                                                                 : GgmlType::f32;
    const bool paired = has_paired_rows(architecture_, name);
    content_.tensors.push_back({.spec = {gguf_name(name), type, tensor.info.shape},
                                .searched = found != index_.end(),
                                .make = [from = tensor.info.type, bytes = tensor.bytes, rows = tensor.info.shape[0],
                                         is_vector, paired, head_dim = config_.head_dim] {
                                  std::vector<std::byte> values(bytes.begin(), bytes.end());
                                  if (is_vector) {
                                    std::vector<float> floats(static_cast<std::size_t>(rows));
                                    read_tensor(from, bytes, floats);
                                    const auto wide = std::as_bytes(std::span(floats));
                                    values.assign(wide.begin(), wide.end());
                                  }
                                  if (!paired) return values;
                                  std::vector<std::byte> ordered(values.size());
                                  pair_rows(values, std::ssize(values) / rows, head_dim, ordered);
                                  return ordered;
                                }});
  }

  const Model& model_;
  const ModelConfig& config_;
  std::string architecture_;
  std::shared_ptr<const Checkpoint> source_;
  std::map<std::string, const ExportLayer*> index_;
  GgufExport content_;
};

}  // namespace

GgufExport gguf_from_checkpoint(const Model& model, const std::vector<ExportLayer>& layers) {
  check_gguf_exportable(model, layers);
  VALIDATE(!model.is_quantized(), model.directory().string(),
           ": is quantized already, a search for an export begins at the original checkpoint");
  return Builder(model, layers).build();
}

}  // namespace pare::framework
