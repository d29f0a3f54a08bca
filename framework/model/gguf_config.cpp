// SPDX-License-Identifier: Apache-2.0
#include "framework/model/gguf_config.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string_view>

#include "framework/config/utf8.hpp"
#include "framework/io/tensor_read.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

// As in config.json.
constexpr std::int64_t largest_size = 1 << 24;
constexpr std::int64_t most_layers = 10'000;

constexpr std::array<std::string_view, 3> architectures{"llama", "qwen2", "qwen3"};

class Reader {
 public:
  explicit Reader(const GgufFile& file) : file_(file), architecture_(file.text("general.architecture")) {
    VALIDATE(std::ranges::find(architectures, architecture_) != architectures.end(), file.path().string(),
             ": general.architecture '", printable(architecture_),
             "' is not supported (supported: llama, qwen2, qwen3)");
    VALIDATE(!file.keys().find("split.count") || file.whole("split.count", 0, 65'535) <= 1, file.path().string(),
             ": is one of several parts, join them first: llama-gguf-split --merge");
  }

  ModelConfig read() const {
    ModelConfig config;
    config.model_type = architecture_;
    config.hidden = size("embedding_length");
    config.layers = file_.whole(key("block_count"), 1, most_layers);
    config.intermediate = size("feed_forward_length");
    config.heads = size("attention.head_count");
    config.kv_heads = has("attention.head_count_kv") ? size("attention.head_count_kv") : config.heads;
    config.head_dim = has("attention.key_length") ? size("attention.key_length") : config.hidden / config.heads;
    config.max_positions = file_.whole(key("context_length"), 1, std::int64_t{1} << 31);
    config.rms_norm_epsilon = file_.number(key("attention.layer_norm_rms_epsilon"));
    config.vocabulary = rows_of_embedding();
    config.tied_embeddings = file_.find("output.weight") == nullptr;
    config.attention_bias = file_.find("blk.0.attn_q.bias") != nullptr;
    config.attention_output_bias = file_.find("blk.0.attn_output.bias") != nullptr;
    config.mlp_bias = file_.find("blk.0.ffn_up.bias") != nullptr;
    config.qk_norm = architecture_ == "qwen3";
    if (file_.keys().find("tokenizer.ggml.bos_token_id") != nullptr)
      config.bos_token = file_.whole("tokenizer.ggml.bos_token_id", 0, config.vocabulary - 1);
    check_heads(config);
    config.rope_theta = has("rope.freq_base") ? file_.number(key("rope.freq_base")) : 10'000;
    if (!(config.rope_theta > 0)) fail("rope.freq_base", "should be greater than 0");
    config.inverse_frequencies = frequencies(config.rope_theta, config.head_dim);
    return config;
  }

 private:
  std::string key(const char* name) const { return architecture_ + "." + name; }
  bool has(const char* name) const { return file_.keys().find(key(name)) != nullptr; }
  std::int64_t size(const char* name) const { return file_.whole(key(name), 1, largest_size); }

  void fail(const char* name, const std::string& text) const {
    throw InputError(file_.path().string() + ": key '" + key(name) + "': " + text);
  }

  std::int64_t rows_of_embedding() const {
    const GgufTensor& embedding = file_.at("token_embd.weight");
    VALIDATE(embedding.shape.size() == 2 && embedding.shape[0] > 0 && embedding.shape[0] <= largest_size,
             file_.path().string(), ": tensor 'token_embd.weight': shape ", shape_text(embedding.shape),
             ", should be [vocabulary, hidden]");
    return embedding.shape[0];
  }

  void check_heads(const ModelConfig& config) const {
    if (config.heads % config.kv_heads != 0) fail("attention.head_count_kv", "does not divide the number of heads");
    if (config.head_dim % 2 != 0 || config.head_dim == 0 || config.heads * config.head_dim > largest_size)
      fail("attention.head_count", "makes heads of " + std::to_string(config.head_dim) + ", they need pairs");
    if (has("attention.value_length") && size("attention.value_length") != config.head_dim)
      fail("attention.value_length", "differs from that of keys, which is not supported");
    if (has("rope.dimension_count") && size("rope.dimension_count") != config.head_dim)
      fail("rope.dimension_count", "is not that of a head, all of which must be rotated");
  }

  std::vector<double> frequencies(double theta, std::int64_t head_dim) const {
    const double factor = linear_factor();
    const std::vector<float> divisors = frequency_divisors(head_dim / 2);
    std::vector<double> frequencies(static_cast<std::size_t>(head_dim / 2));
    for (std::size_t i = 0; i < frequencies.size(); ++i)
      frequencies[i] = std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(head_dim)) / factor /
                       static_cast<double>(divisors[i]);
    return frequencies;
  }

  double linear_factor() const {
    const std::string type = has("rope.scaling.type") ? file_.text(key("rope.scaling.type")) : "none";
    if (type == "none") return 1;
    if (type != "linear")
      fail("rope.scaling.type", "'" + printable(type) + "' is not supported (supported: none, linear)");
    const double factor = file_.number(key("rope.scaling.factor"));
    if (!(factor > 0)) fail("rope.scaling.factor", "should be greater than 0");
    return factor;
  }

  std::vector<float> frequency_divisors(std::int64_t count) const {
    std::vector<float> divisors(static_cast<std::size_t>(count), 1.0f);
    const GgufTensor* const tensor = file_.find("rope_freqs.weight");
    if (tensor == nullptr) return divisors;
    const bool fits = tensor->type == GgmlType::f32 && tensor->shape == std::vector<std::int64_t>{count};
    VALIDATE(fits, file_.path().string(), ": tensor 'rope_freqs.weight' should be F32 [", count, "]");
    read_tensor(StoredType::f32, file_.bytes(*tensor), divisors);
    const bool sound = std::all_of(divisors.begin(), divisors.end(),
                                   [](float d) { return d > 0 && d <= std::numeric_limits<float>::max(); });
    VALIDATE(sound, file_.path().string(), ": tensor 'rope_freqs.weight' should hold positive numbers");
    return divisors;
  }

  const GgufFile& file_;
  std::string architecture_;
};

}  // namespace

ModelConfig read_gguf_config(const GgufFile& file) {
  return Reader(file).read();
}

}  // namespace pare::framework
