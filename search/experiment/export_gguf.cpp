// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <system_error>

#include "framework/export/gguf_export.hpp"
#include "framework/io/temporary_file.hpp"
#include "framework/provenance/provenance.hpp"
#include "search/experiment/export_job.hpp"

namespace pare::search {

ExportReport export_gguf(ExportJob& job) {
  const ExportRequest& request = job.request();
  const framework::Model& model = job.plan().model;
  std::filesystem::path base = request.base;
  if (base.empty() && std::filesystem::is_regular_file(model.directory())) base = model.directory();
  framework::GgufExport content = base.empty() ? framework::gguf_from_checkpoint(model, job.layers())
                                               : framework::gguf_from_template(model, job.layers(), base);
  content.keys.set("pare.version", framework::GgufValue::text(framework::version()));
  content.keys.set("pare.recipe_name", framework::GgufValue::text(request.recipe_name));

  std::error_code refused;  // then the temporary file says why
  std::filesystem::create_directories(std::filesystem::absolute(request.output).parent_path(), refused);
  framework::TemporaryFile staged(request.output);
  ExportReport report =
      job.write([&](const ExportJob::Tell& tell) { return framework::write_gguf(content, staged.path(), tell); });
  report.remarks = content.remarks;
  if (request.verify) {
    // A template's own tensors were compared with the checkpoint's when it was opened, within its rounding.
    std::vector<framework::ExportLayer> layers = job.layers();
    if (!base.empty()) std::erase_if(layers, [](const auto& layer) { return !layer.stored; });
    report.verification = job.verify(staged.path(), layers, content.rounded > 0);
  }
  staged.commit();
  return report;
}

}  // namespace pare::search
