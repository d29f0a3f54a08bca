// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

#include "framework/bank/layer_bank.hpp"
#include "framework/calibration/calibration_file.hpp"
#include "framework/evaluation/teacher.hpp"
#include "framework/export/export_layers.hpp"
#include "framework/export/export_model.hpp"
#include "framework/export/llama_quantize.hpp"
#include "search/coordination/progress.hpp"
#include "search/experiment/export_run.hpp"
#include "search/experiment/plan.hpp"
#include "search/experiment/session.hpp"

namespace pare::search {

/// The run's recipe as indices into the options of the plan's sites, some of which the run may have left out.
framework::OptionIndices options_of(const RunRecord& record, const Plan& plan, const Recipe& recipe);

/// What all exports of weights share: the recipe's layers from the bank, progress, and the look at what was written.
class ExportJob {
 public:
  ExportJob(const Experiment& experiment, const RunRecord& record, const ExportRequest& request, const Plan& plan,
            Session& session, Progress& progress);

  const RunRecord& record() const { return record_; }
  const ExportRequest& request() const { return request_; }
  const Plan& plan() const { return plan_; }
  const std::vector<framework::ExportLayer>& layers() const { return layers_; }

  /// What calibration knows of the inputs; nothing where no option asked for it.
  std::optional<framework::CalibrationFile> statistics() const;
  framework::ImportanceSource importance_source() const;

  using Tell = std::function<void(std::int64_t done, std::int64_t total)>;
  /// Runs `write`, which tells of its progress; the report gets bytes and seconds.
  ExportReport write(const std::function<framework::ExportedBytes(const Tell&)>& write);

  /// Reads a model back: its weights are compared with the layers' bit for bit, its loss with the recipe's. `rounded`:
  /// other weights of the file differ from the checkpoint by rounding, so that the loss may differ more. Throws
  /// InputError where they differ.
  ExportReport::Verification verify(const std::filesystem::path& exported,
                                    const std::vector<framework::ExportLayer>& layers, bool rounded);

 private:
  /// What the bank gives for the recipe.
  double bank_kl(const framework::Teacher& teacher, const framework::EvaluatorSettings& settings);

  const Experiment& experiment_;
  const RunRecord& record_;
  const ExportRequest& request_;
  const Plan& plan_;
  Session& session_;
  Progress& progress_;
  framework::OptionIndices options_;
  framework::LayerBank bank_;
  std::vector<framework::ExportLayer> layers_;
};

/// One implementation a kind of output; each leaves it complete and verified under its name, or nothing.
ExportReport export_checkpoint(ExportJob& job);
ExportReport export_gguf(ExportJob& job);
ExportReport export_llama_quantize(ExportJob& job);

/// Tells an exported directory from what people put there. Written beside what it describes.
inline constexpr const char* export_mark = "pare_export.json";
void write_export_mark(const ExportJob& job, const ExportReport& report, const std::filesystem::path& directory);

}  // namespace pare::search
