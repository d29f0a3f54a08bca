// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <random>
#include <utility>

#include "framework/calibration/calibration_file.hpp"
#include "framework/calibration/stage_calibrator.hpp"

namespace pare::test {

inline framework::TokenWindows random_windows(std::int64_t vocabulary, std::int64_t count, std::int64_t length) {
  framework::TokenWindows windows{.length = length, .tokens = {}};
  std::mt19937 random(5);
  for (std::int64_t t = 0; t < count * length; ++t)
    windows.tokens.push_back(static_cast<std::uint32_t>(random() % static_cast<std::uint64_t>(vocabulary)));
  return windows;
}

/// The statistics of an input, by stage and reader.
using AllStatistics = std::map<std::pair<std::size_t, std::size_t>, framework::ActivationStatistics>;

/// Lanes dealt over some calibrators, as a run deals them over its workers, and merged in their order.
inline AllStatistics gather_statistics(const framework::Model& model, const framework::TokenWindows& windows,
                                       std::int64_t calibrators,
                                       kernels::Precision precision = kernels::Precision::f32) {
  using framework::calibration_lanes;
  std::vector<framework::StageCalibrator> workers;
  for (std::int64_t w = 0; w < calibrators; ++w) {
    const std::int64_t begin = w * calibration_lanes / calibrators;
    workers.emplace_back(model, windows, begin, (w + 1) * calibration_lanes / calibrators - begin, precision);
  }
  AllStatistics all;
  for (std::size_t stage = 0; stage < model.stages().size(); ++stage) {
    for (const std::size_t reader : framework::input_readers(model.stages()[stage]))
      all.emplace(std::pair{stage, reader},
                  framework::ActivationStatistics(model.stages()[stage].linears[reader].inputs));
    for (framework::StageCalibrator& worker : workers)
      for (const auto& part : worker.run(stage)) all.at({stage, part.reader}).merge(part.statistics);
  }
  return all;
}

inline std::filesystem::path write_calibration(const std::filesystem::path& file, const std::string& key,
                                               const framework::Model& model, const AllStatistics& statistics) {
  framework::CalibrationWriter writer(file, key);
  for (const auto& [place, part] : statistics) writer.add(model.stages()[place.first], place.second, part);
  writer.commit();
  return file;
}

}  // namespace pare::test
