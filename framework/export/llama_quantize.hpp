// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "framework/calibration/calibration_file.hpp"
#include "framework/export/export_layers.hpp"

namespace pare::framework {

/// The recipe for `llama-quantize --tensor-type-file`: a line "^blk\.3\.ffn_down\.weight$=q6_k" for every searched layer.
/// Throws InputError naming the first layer whose option is no type of GGUF, or that changes weights before they are
/// quantized, which that tool does not.
std::string tensor_type_file(const Model& model, const std::vector<ExportLayer>& layers);

/// A shell script with the exact command: sh llama-quantize.sh base-f16.gguf model.gguf.
std::string llama_quantize_script(const std::string& recipe_name, bool has_importance);

/// Where the inputs of an importance matrix come from.
struct ImportanceSource {
  std::string dataset;
  std::int64_t windows = 0;
  std::int64_t window_length = 0;
};

/// An importance matrix as `llama-quantize --imatrix` reads it: a GGUF file with the sums of squares of the inputs of each
/// linear, F32 NAME.in_sum2 [inputs], and the number of tokens, NAME.counts [1].
void write_importance_matrix(const Model& model, const CalibrationFile& statistics, const ImportanceSource& source,
                             const std::filesystem::path& file);

}  // namespace pare::framework
