// SPDX-License-Identifier: Apache-2.0
#include "framework/calibration/calibration_file.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "framework/calibration/stage_calibrator.hpp"
#include "framework/io/hash.hpp"
#include "framework/provenance/provenance.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

std::string group_of(const Stage& stage, std::size_t reader) {
  return "/" + stage.linears[reader].name;
}

}  // namespace

std::string calibration_key(const Model& model, const TokenWindows& windows, kernels::Precision precision) {
  Hasher hasher;
  hasher.update("calibration 1\n" + model.hash() + "\n" + std::to_string(windows.length) + "\n" +
                std::to_string(calibration_lanes) + "\n" + std::to_string(static_cast<int>(precision)) + "\n" +
                isa_id() + "\n");
  hasher.update(std::as_bytes(std::span(windows.tokens)));
  return hasher.hex();
}

std::int64_t calibration_bytes(const Model& model, std::int64_t windows) {
  std::int64_t bytes = 0;
  for (const Stage& stage : model.stages()) {
    for (const std::size_t reader : input_readers(stage)) {
      const std::int64_t inputs = stage.linears[reader].inputs;
      // The Hessian; two sums and two limits of each input; maxima; the histogram.
      bytes += 4 * inputs * inputs + (2 * 8 + 2 * 4) * inputs + 4 * windows + 8 * Histogram::bins;
    }
  }
  return bytes;
}

CalibrationFile::CalibrationFile(const std::filesystem::path& file, const std::string& key)
    : file_(H5File::open(file)) {
  VALIDATE(file_.string_attribute("/", "key") == key, file.string(),
           ": holds the statistics of another model or text, remove it to have them gathered again");
}

ActivationStatistics CalibrationFile::read(const Stage& stage, std::size_t reader) const {
  const std::string group = group_of(stage, reader);
  const std::int64_t inputs = stage.linears[reader].inputs;
  const std::string where = file_.path().string() + ": " + group;
  VALIDATE((file_.shape(group + "/hessian") == std::vector<std::int64_t>{inputs, inputs}), where,
           "/hessian must be a square of ", inputs);
  ActivationStatistics::State state;
  state.hessian.reshape(inputs, inputs);
  const auto hessian = file_.read<float>(group + "/hessian");
  std::copy(hessian.begin(), hessian.end(), state.hessian.data());
  state.sums_of_squares = file_.read<double>(group + "/sums_of_squares");
  state.sums_of_magnitudes = file_.read<double>(group + "/sums_of_magnitudes");
  state.min = file_.read<float>(group + "/min");
  state.max = file_.read<float>(group + "/max");
  state.window_maxima = file_.read<float>(group + "/window_maxima");
  const auto counts = file_.read<std::int64_t>(group + "/histogram");
  const auto ranges = file_.read<double>(group + "/histogram_ranges");
  const auto limits = file_.read<float>(group + "/histogram_limits");
  const auto tokens = file_.read<std::int64_t>(group + "/tokens");
  VALIDATE(counts.size() == Histogram::bins && ranges.size() == 2 && limits.size() == 2 && tokens.size() == 1, where,
           " is incomplete, remove the file to have it gathered again");
  std::array<std::int64_t, Histogram::bins> bins{};
  std::copy(counts.begin(), counts.end(), bins.begin());
  state.histogram = Histogram(ranges[0], ranges[1], bins, limits[0], limits[1]);
  state.tokens = tokens.front();
  return ActivationStatistics(std::move(state));
}

CalibrationWriter::CalibrationWriter(const std::filesystem::path& file, const std::string& key)
    : file_(H5File::create(file)) {
  file_.set_attribute("/", "content", "calibration statistics");
  file_.set_attribute("/", "key", key);
}

void CalibrationWriter::add(const Stage& stage, std::size_t reader, const ActivationStatistics& statistics) {
  const ActivationStatistics::State& state = statistics.state();
  const std::string group = group_of(stage, reader);
  const Histogram& histogram = state.histogram;
  file_.create_group(group);
  file_.write(group + "/hessian", state.hessian.view());
  file_.write(group + "/sums_of_squares", state.sums_of_squares);
  file_.write(group + "/sums_of_magnitudes", state.sums_of_magnitudes);
  file_.write(group + "/min", state.min);
  file_.write(group + "/max", state.max);
  file_.write(group + "/window_maxima", state.window_maxima);
  file_.write(group + "/histogram", std::vector<std::int64_t>(histogram.counts().begin(), histogram.counts().end()));
  file_.write(group + "/histogram_ranges", std::vector<double>{histogram.start_range(), histogram.range()});
  file_.write(group + "/histogram_limits", std::vector<float>{histogram.min(), histogram.max()});
  file_.write(group + "/tokens", std::vector<std::int64_t>{state.tokens});
}

}  // namespace pare::framework
