// SPDX-License-Identifier: Apache-2.0
#include "framework/calibration/calibration_file.hpp"
#include "framework/export/llama_quantize.hpp"
#include "framework/io/atomic_file.hpp"
#include "framework/io/staged_directory.hpp"
#include "search/experiment/export_job.hpp"

namespace pare::search {

ExportReport export_llama_quantize(ExportJob& job) {
  const ExportRequest& request = job.request();
  const framework::Model& model = job.plan().model;
  framework::StagedDirectory staged(request.output);
  framework::write_file_atomically(staged.path() / "tensor-types.txt",
                                   framework::tensor_type_file(model, job.layers()));
  const auto statistics = job.statistics();
  framework::write_file_atomically(staged.path() / "llama-quantize.sh",
                                   framework::llama_quantize_script(request.recipe_name, statistics.has_value()));
  if (statistics)
    framework::write_importance_matrix(model, *statistics, job.importance_source(), staged.path() / "imatrix.gguf");

  ExportReport report;
  report.promised_bytes = job.record().space.bytes(request.recipe);
  write_export_mark(job, report, staged.path());
  staged.commit();
  report.remarks.push_back("sh " + (request.output / "llama-quantize.sh").string() + " BASE-F16.gguf MODEL.gguf");
  if (!statistics)
    report.remarks.emplace_back(
        "no imatrix.gguf: no option of the experiment was calibrated (offer one with -imatrix, such as q4_k-imatrix)");
  return report;
}

}  // namespace pare::search
