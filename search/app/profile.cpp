// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <set>
#include <string>

#include "framework/evaluation/compute_device.hpp"
#include "framework/evaluation/linear_timer.hpp"
#include "framework/provenance/provenance.hpp"
#include "kernels/core/contract.hpp"
#include "kernels/core/device.hpp"
#include "search/app/experiment_argument.hpp"
#include "search/app/verbs.hpp"
#include "search/experiment/profile_layers.hpp"

namespace pare::search {
namespace {

namespace fs = std::filesystem;

const std::vector<std::int64_t> usual_prefill{512, 2048};
const std::vector<std::int64_t> usual_decode{1, 2, 4, 8, 16};

/// What the command line says; else the usual numbers and what the experiment's limits are about. Ascending.
std::vector<std::int64_t> tokens_of(std::vector<std::int64_t> given, const std::vector<std::int64_t>& usual,
                                    std::int64_t of_experiment) {
  if (given.empty()) {
    given = usual;
    if (of_experiment > 0) given.push_back(of_experiment);
  }
  const std::set<std::int64_t> sorted(given.begin(), given.end());
  return {sorted.begin(), sorted.end()};
}

std::unique_ptr<framework::LinearTimer> timer_of(const Experiment& experiment) {
  const bool on_gpu = experiment.device == DeviceChoice::cuda ||
                      (experiment.device == DeviceChoice::automatic && kernels::device_count() > 0);
  if (!on_gpu) return framework::cpu_linear_timer(experiment.precision);
  return framework::gpu_linear_timer(framework::gpu_of_rank({}).gpu.value());
}

std::string seconds_text(double seconds) {
  if (seconds < 1e-3) return fmt::format("{:.2f} us", 1e6 * seconds);
  return seconds < 1 ? fmt::format("{:.2f} ms", 1e3 * seconds) : fmt::format("{:.2f} s", seconds);
}

void print_layers(const std::vector<ProfiledLayer>& layers) {
  for (const ProfiledLayer& layer : layers) {
    fmt::print("\n{} x {}, {}: {}\n", layer.shape.outputs, layer.shape.inputs, layer.arithmetic,
               fmt::join(layer.options, " "));
    for (const framework::LatencyEntry& entry : layer.entries) {
      const double operations = 2.0 * static_cast<double>(layer.shape.outputs) *
                                static_cast<double>(layer.shape.inputs) * static_cast<double>(entry.tokens);
      fmt::print("  {:<7} {:>5} tokens  {:>10}  [{}, {}]  {:.0f} Gop/s\n", framework::phase_name(entry.phase),
                 entry.tokens, seconds_text(entry.seconds), seconds_text(entry.lowest), seconds_text(entry.highest),
                 operations / entry.seconds / 1e9);
    }
  }
}

}  // namespace

int profile(const Arguments& arguments) {
  Arguments of_experiment = arguments;
  of_experiment.output.clear();  // --output names the table here
  const Experiment experiment = read_experiment_argument(of_experiment);
  const fs::path directory = fs::absolute(arguments.output).parent_path();
  VALIDATE(fs::is_directory(directory), "--output: there is no directory ", directory.string());
  const bool limited = experiment.latency.has_value();
  const ProfileTokens tokens{
      tokens_of(arguments.prefill_tokens, usual_prefill, limited ? experiment.latency->prefill_tokens : 0),
      tokens_of(arguments.decode_tokens, usual_decode, limited ? experiment.latency->decode_tokens : 0)};
  const std::unique_ptr<framework::LinearTimer> timer = timer_of(experiment);
  Progress progress(verbosity_of(arguments));
  const std::vector<ProfiledLayer> layers = profile_layers(experiment, tokens, *timer, progress);
  framework::write_latency_file(arguments.output, all_entries(layers),
                                {{"device", timer->device()},
                                 {"model", experiment.model.string()},
                                 {"pare", framework::version()},
                                 {"build", framework::build_id()}});
  fmt::print("{}: median time of a pass [shortest, longest] on {}; options named together take the same time there\n",
             arguments.output, timer->device());
  print_layers(layers);
  return 0;
}

}  // namespace pare::search
