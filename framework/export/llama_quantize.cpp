// SPDX-License-Identifier: Apache-2.0
#include "framework/export/llama_quantize.hpp"

#include <fmt/format.h>

#include "framework/calibration/stage_calibrator.hpp"
#include "framework/config/utf8.hpp"
#include "framework/export/gguf_export.hpp"
#include "framework/io/gguf_writer.hpp"
#include "framework/model/gguf_layout.hpp"
#include "kernels/core/contract.hpp"
#include "kernels/quantize/block_format.hpp"

namespace pare::framework {
namespace {

std::string with_escaped_dots(const std::string& name) {
  std::string text;
  for (const char c : name) text += c == '.' ? std::string("\\.") : std::string(1, c);
  return text;
}

std::vector<float> rounded(std::span<const double> values) {
  return {values.begin(), values.end()};
}

}  // namespace

std::string tensor_type_file(const Model& model, const std::vector<ExportLayer>& layers) {
  check_gguf_exportable(model, layers);
  std::string text;
  for (const ExportLayer& layer : layers) {
    VALIDATE(!layer.option.sparsity, "--format llama-quantize: ", layer.linear->name, " is '", layer.option.name(),
             "', and that tool prunes nothing, use --format gguf");
    const bool is_block = layer.option.weights == Option::Weights::blocks;
    text += fmt::format("^{}$={}\n", with_escaped_dots(gguf_name(layer.linear->name + ".weight")),
                        is_block ? kernels::block_format_name(layer.option.block) : "f16");
  }
  return text;
}

std::string llama_quantize_script(const std::string& recipe_name, bool has_importance) {
  return fmt::format(R"(#!/bin/sh
# pare's recipe '{}' by llama.cpp's own encoders: sizes are those of the recipe, losses come near.
#   sh llama-quantize.sh BASE MODEL     BASE: the F16 or BF16 GGUF of the model; MODEL: is written
# tensor-types.txt names every searched tensor. Q4_1 stands for none of them: old versions ignore a type that is the same
# as this last argument. Embedding and output stay F16, as the run measured them; without the two options they become
# smaller (Q6_K), and the loss larger. Needs llama.cpp of January 2026 or later (--tensor-type-file).
set -eu
here=$(dirname "$0")
exec "${{LLAMA_QUANTIZE:-llama-quantize}}" {}--tensor-type-file "$here/tensor-types.txt" \
  --token-embedding-type f16 --output-tensor-type f16 "$1" "$2" Q4_1
)",
                     printable(recipe_name), has_importance ? "--imatrix \"$here/imatrix.gguf\" " : "");
}

void write_importance_matrix(const Model& model, const CalibrationFile& statistics, const ImportanceSource& source,
                             const std::filesystem::path& file) {
  GgufKeys keys;
  keys.set("general.type", GgufValue::text("imatrix"));
  keys.set("imatrix.datasets", GgufValue::texts({source.dataset}));
  keys.set("imatrix.chunk_count", GgufValue::u32(static_cast<std::uint32_t>(source.windows)));
  keys.set("imatrix.chunk_size", GgufValue::u32(static_cast<std::uint32_t>(source.window_length)));
  std::vector<GgufTensorSpec> specs;
  for (const Stage& stage : model.stages()) {
    for (const Linear& linear : stage.linears) {
      const std::string name = gguf_name(linear.name + ".weight");
      specs.push_back({name + ".in_sum2", GgmlType::f32, {linear.inputs}});
      specs.push_back({name + ".counts", GgmlType::f32, {1}});
    }
  }
  GgufWriter writer(file, keys, std::move(specs));
  for (const Stage& stage : model.stages()) {
    for (std::size_t l = 0; l < stage.linears.size(); ++l) {
      const ActivationStatistics inputs = statistics.read(stage, input_reader(stage, l));
      const std::vector<float> sums = rounded(inputs.sums_of_squares());
      const auto tokens = static_cast<float>(inputs.tokens());
      writer.write(std::as_bytes(std::span(sums)));
      writer.write(std::as_bytes(std::span(&tokens, 1)));
    }
  }
  writer.finish();
}

}  // namespace pare::framework
