// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/export_run.hpp"

#include <fmt/format.h>

#include "framework/export/export_model.hpp"
#include "framework/export/gguf_export.hpp"
#include "framework/export/llama_quantize.hpp"
#include "framework/export/llm_compressor.hpp"
#include "framework/export/model_format.hpp"
#include "framework/export/modelopt.hpp"
#include "framework/io/atomic_file.hpp"
#include "framework/io/gguf_file.hpp"
#include "framework/provenance/provenance.hpp"
#include "kernels/core/contract.hpp"
#include "search/coordination/drain.hpp"
#include "search/coordination/progress.hpp"
#include "search/experiment/export_job.hpp"
#include "search/experiment/failure.hpp"
#include "search/experiment/make_directory.hpp"
#include "search/experiment/prepare.hpp"
#include "search/experiment/session.hpp"

namespace pare::search {
namespace {

namespace fs = std::filesystem;
using framework::ExportLayer;

bool is_recipe(const std::string& format) {
  return format == "recipe" || format == "llm-compressor" || format == "modelopt";
}

/// Whether an earlier export left it.
bool is_own(const fs::path& output, const std::string& format) {
  if (format != "gguf") return fs::exists(output / export_mark);
  try {
    return framework::GgufFile(output).keys().find("pare.version") != nullptr;
  } catch (const InputError&) {
    return false;
  }
}

void check_output(const ExportRequest& request) {
  if (request.replace || !fs::exists(request.output)) return;
  VALIDATE(!is_recipe(request.format), "--output ", request.output.string(),
           " exists, choose another name or say --force");
  VALIDATE(is_own(request.output, request.format), "--output ", request.output.string(),
           " exists and was not written by pare, choose another name or say --force");
}

void check_model(const RunRecord& record, const framework::Model& model) {
  for (const auto& [key, value] : record.provenance) {
    VALIDATE(key != "model_hash" || value == model.hash(), model.directory().string(),
             ": is not the model that the run searched (its hash is ", model.hash(), ", the run's is ", value,
             "), name the right one with --set model.path=DIR");
  }
}

void write_recipe(const RunRecord& record, const Plan& plan, const ExportRequest& request) {
  const auto layers = [&] {
    return framework::export_layers(plan.model, plan.sites, options_of(record, plan, request.recipe), nullptr);
  };
  if (request.format == "modelopt") {  // JSON, which has no comments
    framework::write_file_atomically(request.output, framework::modelopt_config(layers()));
    return;
  }
  std::string text = fmt::format("# Recipe '{}' of a search by pare {}; model {}\n", request.recipe_name,
                                 framework::version(), plan.model.directory().string());
  text += request.format == "recipe" ? request.recipe_text : framework::llm_compressor_recipe(layers());
  framework::write_file_atomically(request.output, text);
}

/// What cannot be exported shows before anything is computed.
void check_layers(const ExportRequest& request, const framework::Model& model, const std::vector<ExportLayer>& layers) {
  if (const auto format = framework::format_named(request.format)) {
    framework::check_exportable(model, layers, *format);
  } else if (request.format == "llama-quantize") {
    static_cast<void>(framework::tensor_type_file(model, layers));
  } else {
    framework::check_gguf_exportable(model, layers);
  }
}

}  // namespace

const std::vector<std::string>& export_formats() {
  static const std::vector<std::string> formats{"compressed-tensors", "gguf",    "dense", "llama-quantize", "recipe",
                                                "llm-compressor",     "modelopt"};
  return formats;
}

ExportReport export_run(const Experiment& experiment, const RunRecord& record, const ExportRequest& request,
                        framework::ProcessGroup& group) {
  VALIDATE(request.base.empty() || request.format == "gguf", "--template goes with --format gguf, not with ",
           request.format);
  check_output(request);
  Progress progress(request.quiet ? Verbosity::quiet : Verbosity::normal);
  Plan plan(experiment);
  check_model(record, plan.model);
  if (is_recipe(request.format)) {
    dismiss_remote_workers(group);
    write_recipe(record, plan, request);
    return {.promised_bytes = record.space.bytes(request.recipe)};
  }
  check_layers(request, plan.model,
               framework::export_layers(plan.model, plan.sites, options_of(record, plan, request.recipe), nullptr));
  make_directory(experiment.cache, "cache");
  Session session(
      experiment, plan, group, progress, [](std::size_t) { leave_late_drain([] {}); },
      request.verify ? Prepared::teacher : Prepared::bank);
  ExportJob job(experiment, record, request, plan, session, progress);
  if (request.format == "gguf") return export_gguf(job);
  return request.format == "llama-quantize" ? export_llama_quantize(job) : export_checkpoint(job);
}

}  // namespace pare::search
