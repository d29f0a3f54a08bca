// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "framework/calibration/calibration_file.hpp"
#include "framework/compression/layer_input.hpp"
#include "framework/compression/layer_storage.hpp"
#include "framework/compression/site.hpp"
#include "framework/compression/structured.hpp"
#include "framework/model/model.hpp"
#include "kernels/core/matrix.hpp"

namespace pare::framework {

/// What compressing a layer cost, before anything is run: squared_error / squared_weights is the relative error.
/// Without calibration the squares are those of weights, with it those of the outputs on the calibration text.
/// Whatever is taken away (heads, channels, a dropped sub-layer) counts where its outputs are consumed.
struct LocalError {
  double squared_error = 0;
  double squared_weights = 0;
};

/// One linear of a site under an option, before its weights are rounded.
struct PreparedLayer {
  const Linear* linear = nullptr;
  kernels::MatrixView<const float> original;  ///< [outputs, inputs] of the checkpoint
  kernels::MatrixView<const float> weight;    ///< without the heads or channels that were taken away, re-fitted
  LayerInput* input = nullptr;                ///< of x / divisors; null when the option needs no calibration
  std::vector<std::int64_t> kept_inputs;      ///< columns of `original` that `weight` has; empty: all
  LayerNotes notes;
  bool clip = false;                               ///< awq
  std::vector<std::shared_ptr<const void>> owned;  ///< what weight and input point into
};

/// Makes the decisions that concern a site as a whole: scales of inputs (awq, smooth), static activation ranges, which
/// heads or channels stay. Weights and statistics are read once and serve all options. Serves one thread.
class SitePreparation {
 public:
  /// calibration may be null: options that need it are then refused. All must outlive the preparation.
  SitePreparation(const Model& model, const Site& site, const CalibrationFile* calibration,
                  CompressionArithmetic& arithmetic);

  /// In the order of Site::linears.
  std::vector<PreparedLayer> prepare(const Option& option);

  /// Fills the body of one of them; nothing for drop.
  void compress(const Option& option, const PreparedLayer& layer, std::span<std::byte> body);

  /// What the body costs; see LocalError.
  LocalError error(const Option& option, const PreparedLayer& layer, std::span<const std::byte> body);

 private:
  const kernels::Matrix<float>& weight(std::size_t linear);
  LayerInput& input(std::size_t linear);
  std::size_t linear_of(const PreparedLayer& layer) const;  ///< index into Stage::linears
  /// Linears of the site that share the input of its linear `linear`, that one included.
  std::vector<std::size_t> sharers(std::size_t linear) const;
  void scale_inputs(const Option& option, std::vector<PreparedLayer>& layers);
  void take_structure(const Option& option, std::vector<PreparedLayer>& layers);
  /// Decided by the layer that consumes what the sub-layer computes, whether or not it is one of the site's.
  const StructuredResult& structure(const Option& option);

  const Model& model_;
  const Site& site_;
  const Stage& stage_;
  const CalibrationFile* calibration_;
  CompressionArithmetic& arithmetic_;
  std::map<std::size_t, kernels::Matrix<float>> weights_;      ///< by index into Stage::linears
  std::map<std::size_t, std::unique_ptr<LayerInput>> inputs_;  ///< by reader
  std::map<std::string, StructuredResult> structures_;         ///< by Option::structure
  std::map<std::size_t, double> energies_;  ///< LocalError::squared_weights, by index into Stage::linears
};

}  // namespace pare::framework
