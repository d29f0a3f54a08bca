// SPDX-License-Identifier: Apache-2.0
#include "framework/bank/prepare_site.hpp"

#include <algorithm>
#include <cstring>

#include "framework/calibration/range_calibrator.hpp"
#include "framework/calibration/stage_calibrator.hpp"
#include "framework/compression/awq_scales.hpp"
#include "framework/compression/compressor.hpp"
#include "framework/compression/smooth_scales.hpp"
#include "framework/compression/structured.hpp"
#include "framework/io/hash.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

constexpr double smooth_alpha = 0.5;  // the paper's choice for most models

using Shared = std::shared_ptr<kernels::Matrix<float>>;

/// Rows [u * height, (u + 1) * height) for each kept unit u.
Shared rows_of_units(kernels::MatrixView<const float> weight, const std::vector<std::int64_t>& units,
                     std::int64_t height) {
  auto part = std::make_shared<kernels::Matrix<float>>(static_cast<std::int64_t>(units.size()) * height, weight.cols);
  std::int64_t row = 0;
  for (const std::int64_t unit : units) {
    for (std::int64_t r = unit * height; r < (unit + 1) * height; ++r, ++row)
      std::memcpy(part->row(row), weight.row(r), static_cast<std::size_t>(weight.cols) * sizeof(float));
  }
  return part;
}

UnitScore score_of(Option::Saliency saliency) {
  switch (saliency) {
    case Option::Saliency::magnitude:
      return UnitScore::magnitude;
    case Option::Saliency::wanda:
      return UnitScore::wanda;
    case Option::Saliency::hessian:
      break;
  }
  return UnitScore::hessian;
}

Units units_of(const ModelConfig& config, const Stage& stage) {
  if (stage.kind == StageKind::attention) return kv_groups(config.heads, config.kv_heads, config.head_dim);
  return mlp_channels(stage.linears[input_readers(stage).back()].inputs);
}

/// Divided inputs keep no histogram, their channels' maxima say all that min-max needs.
double static_range(const Option& option, const LayerInput& input) {
  const ActivationStatistics& statistics = input.statistics();
  if (option.smooth) {
    const std::vector<float> largest = statistics.largest_magnitudes();
    return *std::max_element(largest.begin(), largest.end());
  }
  return calibrate_range(*option.static_range, statistics.histogram(), statistics.window_maxima(), {}, input.name());
}

/// Row sums first, in order, so that the result does not depend on how anything was split.
double sum_of_squares(kernels::MatrixView<const float> matrix) {
  double total = 0;
  for (std::int64_t r = 0; r < matrix.rows; ++r) {
    double row = 0;
    for (std::int64_t c = 0; c < matrix.cols; ++c) row += double{matrix.row(r)[c]} * matrix.row(r)[c];
    total += row;
  }
  return total;
}

/// original - approximation / divisors. Where inputs were taken away the approximation has fewer columns; where outputs
/// were, `original` is what was left to be compressed.
kernels::Matrix<float> difference(kernels::MatrixView<const float> original, const PreparedLayer& layer,
                                  kernels::MatrixView<const float> approximation) {
  kernels::Matrix<float> result(original.rows, original.cols);
  for (std::int64_t r = 0; r < original.rows; ++r) {
    std::copy_n(original.row(r), original.cols, result.row(r));
    for (std::int64_t c = 0; c < approximation.cols; ++c) {
      const auto i = static_cast<std::size_t>(c);
      const float divisor = layer.notes.divisors.empty() ? 1.0f : layer.notes.divisors[i];
      result.row(r)[layer.kept_inputs.empty() ? c : layer.kept_inputs[i]] -= approximation.row(r)[c] / divisor;
    }
  }
  return result;
}

std::uint64_t seed_of(const std::string& name) {
  Hasher hasher;
  hasher.update(name);
  return std::stoull(hasher.hex().substr(0, 15), nullptr, 16);
}

}  // namespace

SitePreparation::SitePreparation(const Model& model, const Site& site, const CalibrationFile* calibration,
                                 CompressionArithmetic& arithmetic)
    : model_(model),
      site_(site),
      stage_(model.stages()[site.stage]),
      calibration_(calibration),
      arithmetic_(arithmetic) {}

const kernels::Matrix<float>& SitePreparation::weight(std::size_t linear) {
  auto [entry, is_new] = weights_.try_emplace(linear);
  if (is_new) model_.read_weight(stage_.linears[linear], entry->second);
  return entry->second;
}

LayerInput& SitePreparation::input(std::size_t linear) {
  const std::size_t reader = input_reader(stage_, linear);
  std::unique_ptr<LayerInput>& known = inputs_[reader];
  if (!known) {
    VALIDATE(calibration_ != nullptr, "needs calibration statistics, and there are none");
    known = std::make_unique<LayerInput>("the input of " + stage_.linears[reader].name,
                                         calibration_->read(stage_, reader), arithmetic_);
  }
  return *known;
}

std::size_t SitePreparation::linear_of(const PreparedLayer& layer) const {
  return static_cast<std::size_t>(layer.linear - stage_.linears.data());
}

std::vector<std::size_t> SitePreparation::sharers(std::size_t linear) const {
  std::vector<std::size_t> shared;
  for (std::size_t l = 0; l < site_.linears.size(); ++l) {
    if (input_reader(stage_, site_.linears[l]) == input_reader(stage_, linear)) shared.push_back(l);
  }
  return shared;
}

void SitePreparation::scale_inputs(const Option& option, std::vector<PreparedLayer>& layers) {
  for (std::size_t l = 0; l < layers.size(); ++l) {
    if (!layers[l].notes.divisors.empty()) continue;
    const std::vector<std::size_t> shared = sharers(site_.linears[l]);
    std::vector<kernels::MatrixView<const float>> weights;
    for (const std::size_t s : shared) weights.push_back(layers[s].weight);
    LayerInput& source = input(site_.linears[l]);
    const ActivationStatistics& statistics = source.statistics();
    std::vector<float> divisors;
    std::vector<bool> clip(shared.size(), false);
    if (option.smooth) {
      divisors = smooth_scales(statistics.largest_magnitudes(), weights, smooth_alpha);
    } else {
      AwqScales scales =
          search_awq_scales(statistics.mean_magnitudes(), weights, option.grid, source.output_error(), true);
      divisors = std::move(scales.scales);
      clip = std::move(scales.clip);
    }
    const auto divided = std::make_shared<LayerInput>(source.divided(divisors));
    for (std::size_t i = 0; i < shared.size(); ++i) {
      PreparedLayer& layer = layers[shared[i]];
      layer.notes.divisors = divisors;
      layer.clip = clip[i];
      // Clips weigh errors by the input before it is divided: quantize_scaled divides the diagonal itself.
      layer.input = option.smooth ? divided.get() : &input(site_.linears[shared[i]]);
      layer.owned.push_back(divided);
    }
  }
}

const StructuredResult& SitePreparation::structure(const Option& option) {
  const auto known = structures_.find(option.structure());
  if (known != structures_.end()) return known->second;
  const std::size_t consumer = input_readers(stage_).back();
  const Units units = units_of(model_.config(), stage_);
  const double ratio = 1.0 - static_cast<double>(kept_units(option, model_, stage_)) / static_cast<double>(units.count);
  StructuredResult result = prune_structured(weight(consumer).view(), input(consumer).statistics().hessian(), units,
                                             score_of(option.saliency), ratio);
  return structures_.emplace(option.structure(), std::move(result)).first->second;
}

void SitePreparation::take_structure(const Option& option, std::vector<PreparedLayer>& layers) {
  const std::size_t consumer = input_readers(stage_).back();
  const StructuredResult& kept = structure(option);
  const std::int64_t units = units_of(model_.config(), stage_).count;
  for (PreparedLayer& layer : layers) {
    if (linear_of(layer) == consumer) {
      const auto remaining = std::make_shared<LayerInput>(input(consumer).of_inputs(kept.kept_columns));
      layer.weight = kept.weight.view();
      layer.input = remaining.get();
      layer.kept_inputs = kept.kept_columns;
      layer.owned = {remaining};
      continue;
    }
    const std::int64_t height = layer.linear->outputs / units;
    const Shared part = rows_of_units(layer.weight, kept.kept_units, height);
    layer.weight = part->view();
    layer.owned.push_back(part);
    if (!layer.linear->has_bias) continue;
    for (const std::int64_t unit : kept.kept_units)
      for (std::int64_t r = unit * height; r < (unit + 1) * height; ++r)
        layer.notes.kept_outputs.push_back(static_cast<std::int32_t>(r));
  }
}

std::vector<PreparedLayer> SitePreparation::prepare(const Option& option) {
  std::vector<PreparedLayer> layers(site_.linears.size());
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const std::size_t linear = site_.linears[l];
    layers[l].linear = &stage_.linears[linear];
    layers[l].original = weight(linear).view();
    layers[l].weight = layers[l].original;
    if (option.needs_calibration()) layers[l].input = &input(linear);
  }
  if (option.drop) return layers;
  if (option.keep_percent < 100) take_structure(option, layers);
  if (option.scales_inputs()) scale_inputs(option, layers);
  if (option.static_range) {
    for (PreparedLayer& layer : layers) {
      layer.notes.static_scale = static_cast<float>(static_range(option, *layer.input) / 127.0);
      VALIDATE(layer.notes.static_scale > 0, layer.input->name(), " was 0 throughout, so it has no static scale");
    }
  }
  return layers;
}

void SitePreparation::compress(const Option& option, const PreparedLayer& layer, std::span<std::byte> body) {
  if (option.drop) return;
  const LayerJob job{.option = option,
                     .weight = layer.weight,
                     .input = layer.input,
                     .divisors = layer.notes.divisors,
                     .clip = layer.clip,
                     .seed = seed_of(layer.linear->name)};
  compressor_of(option).compress(job, body);
}

LocalError SitePreparation::error(const Option& option, const PreparedLayer& layer, std::span<const std::byte> body) {
  const auto squares = [&](kernels::MatrixView<const float> change) {
    return calibration_ != nullptr ? input(linear_of(layer)).output_error()(change) : sum_of_squares(change);
  };
  auto [known, is_new] = energies_.try_emplace(linear_of(layer), 0.0);
  if (is_new) known->second = squares(layer.original);
  const double energy = known->second;
  if (option.drop) return {energy, energy};
  kernels::Matrix<float> approximation;
  expand_body(option, {layer.weight.rows, layer.weight.cols}, body, approximation);
  const bool lost_outputs = layer.weight.rows < layer.original.rows;
  const auto change = difference(lost_outputs ? layer.weight : layer.original, layer, approximation.view());
  return {squares(change.view()), energy};
}

}  // namespace pare::framework
