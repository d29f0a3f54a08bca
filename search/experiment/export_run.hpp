// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "framework/comm/process_group.hpp"
#include "search/experiment/experiment.hpp"
#include "search/objective/statistics.hpp"
#include "search/store/run_record.hpp"

namespace pare::search {

/// "compressed-tensors", "dense", "gguf", "llama-quantize", "recipe", "llm-compressor", "modelopt".
const std::vector<std::string>& export_formats();

struct ExportRequest {
  std::string format;
  std::filesystem::path output;  ///< a directory, or a file for gguf and recipes
  std::filesystem::path base;    ///< gguf: the user's file whose tensors are re-typed; empty: from the checkpoint
  std::string recipe_name;       ///< for people: "pare", "uniform w4-g32"
  Recipe recipe;                 ///< of the run's space
  std::string recipe_text;       ///< the same as YAML, for the format recipe
  bool verify = true;
  bool replace = false;  ///< also what pare did not write
  bool quiet = false;
};

/// What was promised and what the export holds.
struct ExportReport {
  std::int64_t promised_bytes = 0;        ///< of the searched layers, as the budget counts them
  std::int64_t layer_bytes = 0;           ///< the same layers in the file
  std::int64_t total_bytes = 0;           ///< all tensors in the file; 0: a recipe, which has none
  double seconds = 0;                     ///< of writing
  std::vector<std::string> remarks = {};  ///< for people, a line each

  struct Verification {
    std::int64_t weights = 0;      ///< compared with the bank's and equal bit for bit
    double promised_kl = 0;        ///< mean on the held-out windows
    bool measured_before = false;  ///< by the run; else by this export, from the bank
    double kl = 0;                 ///< of the file read back
    double tolerance = 0;
    double perplexity = 0;
    double seconds = 0;
  };
  std::optional<Verification> verification = std::nullopt;
};

/// Rank 0 of `pare export`. Layers are taken from the bank in the cache, which is built again where it is gone. The output
/// appears under its name when it is complete and verified; an output of an earlier export is replaced. Throws InputError,
/// with nothing under the output's name, where the format cannot hold the recipe, the model is not that of the run, the
/// disk is full, or what is read back differs.
ExportReport export_run(const Experiment& experiment, const RunRecord& record, const ExportRequest& request,
                        framework::ProcessGroup& group);

}  // namespace pare::search
