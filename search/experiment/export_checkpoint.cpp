// SPDX-License-Identifier: Apache-2.0
#include "framework/export/model_format.hpp"
#include "framework/io/staged_directory.hpp"
#include "search/experiment/export_job.hpp"

namespace pare::search {

ExportReport export_checkpoint(ExportJob& job) {
  const ExportRequest& request = job.request();
  framework::StagedDirectory staged(request.output);
  const auto format = framework::format_named(request.format);
  ExportReport report = job.write([&](const ExportJob::Tell& tell) {
    return framework::export_model(job.plan().model, job.layers(), *format, staged.path(), tell);
  });
  if (request.verify) report.verification = job.verify(staged.path(), job.layers(), false);
  write_export_mark(job, report, staged.path());
  staged.commit();
  return report;
}

}  // namespace pare::search
