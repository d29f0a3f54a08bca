// SPDX-License-Identifier: Apache-2.0
#include "framework/export/gguf_tensors.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "framework/compression/target.hpp"
#include "framework/io/inspect.hpp"
#include "framework/model/gguf_layout.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

/// llama.cpp's number for a file that is mostly of a type (LLAMA_FTYPE_MOSTLY_...; of the K types the medium mixture).
std::uint32_t file_type_of(GgmlType type) {
  switch (type) {
    case GgmlType::f32:
      return 0;
    case GgmlType::f16:
      return 1;
    case GgmlType::q4_0:
      return 2;
    case GgmlType::q8_0:
      return 7;
    case GgmlType::q5_0:
      return 8;
    case GgmlType::q2_k:
      return 10;
    case GgmlType::q3_k:
      return 12;
    case GgmlType::q4_k:
      return 15;
    case GgmlType::q5_k:
      return 17;
    case GgmlType::q6_k:
      return 18;
    case GgmlType::iq4_nl:
      return 25;
    case GgmlType::bf16:
      return 32;
  }
  return 0;
}

void check_biases(const Model& model) {
  const ModelConfig& config = model.config();
  const std::string architecture = gguf_architecture(config.model_type);
  const bool other_biases = config.attention_output_bias || config.mlp_bias;
  const bool fits = architecture == "llama" || (!other_biases && (architecture == "qwen2" || !config.attention_bias));
  VALIDATE(fits, "--format gguf: ", model.directory().string(), ": llama.cpp's architecture ", architecture,
           " has no place for the biases of this model, use --format dense");
}

}  // namespace

void check_gguf_exportable(const Model& model, const std::vector<ExportLayer>& layers) {
  for (const ExportLayer& layer : layers) {
    const std::string place = "--format gguf: " + layer.linear->name + ": ";
    if (const auto why = refusal(Target::llama_cpp, layer.option)) throw InputError(place + *why);
    if (layer.option.weights != Option::Weights::blocks) continue;
    try {
      body_bytes(layer.option, {layer.linear->outputs, layer.linear->inputs});
    } catch (const InputError& error) {
      throw InputError(place + error.what());
    }
  }
  check_biases(model);
}

ExportedBytes write_gguf(const GgufExport& content, const std::filesystem::path& file,
                         const std::function<void(std::int64_t, std::int64_t)>& progress) {
  std::vector<GgufTensorSpec> specs;
  std::int64_t expected = 0;
  for (const GgufExportTensor& tensor : content.tensors) {
    specs.push_back(tensor.spec);
    expected += tensor.spec.bytes();
  }
  GgufWriter writer(file, content.keys, std::move(specs));
  ExportedBytes bytes;
  for (const GgufExportTensor& tensor : content.tensors) {
    writer.write(tensor.make());
    bytes.total += tensor.spec.bytes();
    if (tensor.searched) bytes.layers += tensor.spec.bytes();
    progress(bytes.total, expected);
  }
  writer.finish();
  return bytes;
}

namespace detail {

std::map<std::string, const ExportLayer*> layers_by_gguf_name(const std::vector<ExportLayer>& layers) {
  std::map<std::string, const ExportLayer*> index;
  for (const ExportLayer& layer : layers) index[gguf_name(layer.linear->name + ".weight")] = &layer;
  return index;
}

GgufExportTensor stored_tensor(const Model& model, const ExportLayer& layer) {
  const LayerShape shape = layer.stored->shape;
  const std::string name = layer.linear->name + ".weight";
  const GgmlType type =
      layer.option.weights == Option::Weights::blocks ? ggml_type_of(layer.option.block) : GgmlType::bf16;
  const bool paired = has_paired_rows(gguf_architecture(model.config().model_type), name);
  return {.spec = {gguf_name(name), type, {shape.outputs, shape.inputs}},
          .searched = true,
          .make = [body = layer.stored->body, paired, rows = shape.outputs, head_dim = model.config().head_dim] {
            std::vector<std::byte> bytes(body.begin(), body.end());
            if (paired) pair_rows(body, std::ssize(body) / rows, head_dim, bytes);
            return bytes;
          }};
}

void set_file_type(GgufExport& content) {
  std::map<GgmlType, std::int64_t> bytes;
  for (const GgufExportTensor& tensor : content.tensors) bytes[tensor.spec.type] += tensor.spec.bytes();
  const auto most =
      std::max_element(bytes.begin(), bytes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  content.keys.set("general.file_type", GgufValue::u32(file_type_of(most->first)));
  content.keys.set("general.quantization_version", GgufValue::u32(2));
}

std::string remark_on_embeddings(const GgufExport& content) {
  std::int64_t bytes = 0;
  std::string names, types;
  for (const GgufExportTensor& tensor : content.tensors) {
    if (tensor.spec.name != "token_embd.weight" && tensor.spec.name != "output.weight") continue;
    bytes += tensor.spec.bytes();
    names += (names.empty() ? "" : " and ") + tensor.spec.name;
    types = to_string(tensor.spec.type);
  }
  return fmt::format("{} {} {} ({}), as the run measured it; llama-quantize would make the output Q6_K", names,
                     names.find(" and ") == std::string::npos ? "stays" : "stay", types, human_bytes(bytes));
}

}  // namespace detail

}  // namespace pare::framework
