// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include <fmt/format.h>

#include "framework/export/gguf_export.hpp"
#include "framework/export/gguf_tensors.hpp"
#include "framework/io/gguf_file.hpp"
#include "framework/model/gguf_layout.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

using kernels::Matrix;

/// A template and the checkpoint that it should have been made from.
class Comparison {
 public:
  Comparison(const Model& model, const Model& other, const GgufFile& file)
      : model_(model), other_(other), file_(file) {}

  /// How many weights differ, all of them within the rounding of the template's type.
  std::int64_t run() {
    check_sizes();
    model_.read_embedding(ours_);
    other_.read_embedding(theirs_);
    compare_matrix("token_embd.weight");
    for (const Stage& stage : model_.stages()) compare_stage(stage);
    compare("output_norm.weight", model_.final_norm(), other_.final_norm());
    if (file_.find("output.weight") != nullptr) {
      model_.read_head(ours_);
      other_.read_head(theirs_);
      compare_matrix("output.weight");
    } else if (!model_.config().tied_embeddings) {
      fail("has no tensor 'output.weight', the checkpoint has a head of its own");
    }
    return different_;
  }

 private:
  [[noreturn]] void fail(const std::string& text) const {
    throw InputError(fmt::format("--template {}: is not of the model {}: {}", file_.path().string(),
                                 model_.directory().string(), text));
  }

  void check_sizes() const {
    const ModelConfig &ours = model_.config(), &theirs = other_.config();
    const std::string architecture = gguf_architecture(ours.model_type);
    if (theirs.model_type != architecture)
      fail(fmt::format("its architecture is {}, should be {}", theirs.model_type, architecture));
    const auto same = [&](const char* what, auto a, auto b) {
      if (a != b) fail(fmt::format("it has {} {}, the checkpoint {}", b, what, a));
    };
    same("layers", ours.layers, theirs.layers);
    same("hidden channels", ours.hidden, theirs.hidden);
    same("mlp channels", ours.intermediate, theirs.intermediate);
    same("heads", ours.heads, theirs.heads);
    same("KV heads", ours.kv_heads, theirs.kv_heads);
    same("channels a head", ours.head_dim, theirs.head_dim);
    same("tokens", ours.vocabulary, theirs.vocabulary);
    same("as the base of rotary frequencies", static_cast<float>(ours.rope_theta),
         static_cast<float>(theirs.rope_theta));
    same("biases of q, k, v (1: yes)", ours.attention_bias, theirs.attention_bias);
    same("biases of o (1: yes)", ours.attention_output_bias, theirs.attention_output_bias);
    same("biases of the mlp (1: yes)", ours.mlp_bias, theirs.mlp_bias);
  }

  void compare_stage(const Stage& stage) {
    const std::string block = fmt::format("blk.{}.", stage.layer);
    if (stage.kind == StageKind::attention) {
      compare(block + "attn_norm.weight", model_.input_norm(stage.layer), other_.input_norm(stage.layer));
      compare(block + "attn_q_norm.weight", model_.q_norm(stage.layer), other_.q_norm(stage.layer));
      compare(block + "attn_k_norm.weight", model_.k_norm(stage.layer), other_.k_norm(stage.layer));
    } else if (stage.kind == StageKind::mlp) {
      compare(block + "ffn_norm.weight", model_.post_attention_norm(stage.layer),
              other_.post_attention_norm(stage.layer));
    }
    for (const Linear& linear : stage.linears) {
      model_.read_weight(linear, ours_);
      other_.read_weight(linear, theirs_);
      compare_matrix(gguf_name(linear.name + ".weight"));
      compare(gguf_name(linear.name + ".bias"), model_.read_bias(linear), other_.read_bias(linear));
    }
  }

  void compare_matrix(const std::string& name) {
    compare(name, {ours_.data(), static_cast<std::size_t>(ours_.size())},
            {theirs_.data(), static_cast<std::size_t>(theirs_.size())});
  }

  void compare(const std::string& name, std::span<const float> ours, std::span<const float> theirs) {
    if (ours.empty()) return;
    const GgmlType type = file_.at(name).type;
    // One step of the last place, so that converters may round or cut off.
    const float relative = type == GgmlType::f16 ? 0x1p-10f : type == GgmlType::bf16 ? 0x1p-7f : 0.0f;
    const float absolute = type == GgmlType::f16 ? 0x1p-24f : 0.0f;
    for (std::size_t i = 0; i < ours.size(); ++i) {
      if (ours[i] == theirs[i]) continue;
      if (!(std::abs(ours[i] - theirs[i]) <= std::abs(ours[i]) * relative + absolute))
        fail(fmt::format("weight {} of {} ({}) is {}, the checkpoint has {}", i, name, to_string(type), theirs[i],
                         ours[i]));
      ++different_;
    }
  }

  const Model& model_;
  const Model& other_;
  const GgufFile& file_;
  std::int64_t different_ = 0;
  Matrix<float> ours_, theirs_;
};

}  // namespace

GgufExport gguf_from_template(const Model& model, const std::vector<ExportLayer>& layers,
                              const std::filesystem::path& base) {
  check_gguf_exportable(model, layers);
  const auto file = std::make_shared<const GgufFile>(base);
  for (const GgufTensor& tensor : file->tensors())
    VALIDATE(block_size(tensor.type) == 1, "--template ", base.string(), ": is quantized already (", tensor.name,
             " is ", to_string(tensor.type), "), give the F16, BF16 or F32 file");
  GgufExport content;
  content.rounded = Comparison(model, Model(base), *file).run();
  content.keys = file->keys();
  content.source = file;
  const auto index = detail::layers_by_gguf_name(layers);
  for (const GgufTensor& tensor : file->tensors()) {
    const auto found = index.find(tensor.name);
    if (found != index.end() && found->second->stored) {
      content.tensors.push_back(detail::stored_tensor(model, *found->second));
      continue;
    }
    content.tensors.push_back(
        {.spec = {tensor.name, tensor.type, tensor.shape},
         .searched = found != index.end(),
         .make = [bytes = file->bytes(tensor)] { return std::vector<std::byte>(bytes.begin(), bytes.end()); }});
  }
  detail::set_file_type(content);
  content.remarks.push_back(detail::remark_on_embeddings(content));
  if (content.rounded > 0)
    content.remarks.push_back(
        fmt::format("{} weights of the template differ from the checkpoint by its rounding", content.rounded));
  return content;
}

}  // namespace pare::framework
