// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "framework/calibration/activation_statistics.hpp"
#include "framework/data/token_windows.hpp"
#include "framework/io/h5_file.hpp"
#include "framework/model/model.hpp"
#include "kernels/gemm/linear.hpp"

namespace pare::framework {

/// Names the statistics of a model on a text: XXH3-128 of both, and of how they are gathered.
std::string calibration_key(const Model& model, const TokenWindows& windows, kernels::Precision precision);

/// What the statistics of all inputs take on disk, within a few percent.
std::int64_t calibration_bytes(const Model& model, std::int64_t windows);

/// The statistics of all inputs of a model in one HDF5 file, one group an input, named as its first reader is:
///   /<module>/hessian [inputs, inputs] float32, sums_of_squares, sums_of_magnitudes [inputs] float64,
///   min, max [inputs] float32, window_maxima [windows] float32, histogram [bins] int64,
///   histogram_ranges float64 {start, end}, histogram_limits float32 {min, max}, tokens int64 [1]
///   attribute key
class CalibrationFile {
 public:
  /// Throws InputError when the file holds other statistics.
  CalibrationFile(const std::filesystem::path& file, const std::string& key);

  /// Reads one input; several threads may do so at once.
  ActivationStatistics read(const Stage& stage, std::size_t reader) const;

 private:
  H5File file_;
};

class CalibrationWriter {
 public:
  CalibrationWriter(const std::filesystem::path& file, const std::string& key);
  /// Each input once.
  void add(const Stage& stage, std::size_t reader, const ActivationStatistics& statistics);
  void commit() { file_.commit(); }

 private:
  H5File file_;
};

}  // namespace pare::framework
