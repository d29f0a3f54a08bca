// SPDX-License-Identifier: Apache-2.0
#include "framework/bank/build_site.hpp"

#include <algorithm>
#include <span>

#include "framework/bank/prepare_site.hpp"
#include "framework/compression/layer_storage.hpp"
#include "kernels/core/matrix.hpp"

namespace pare::framework {
namespace {

/// Row sums first, in order, so that the result does not depend on how anything was split.
LocalError local_error(kernels::MatrixView<const float> weight, const kernels::Matrix<float>& approximation,
                       const std::vector<float>& divisors) {
  LocalError total;
  for (std::int64_t r = 0; r < weight.rows; ++r) {
    double row_error = 0;
    double row_energy = 0;
    for (std::int64_t c = 0; c < weight.cols; ++c) {
      const double w = weight.row(r)[c];
      const double value = approximation.row(r)[c];
      const double difference = w - (divisors.empty() ? value : value / divisors[static_cast<std::size_t>(c)]);
      row_error += difference * difference;
      row_energy += w * w;
    }
    total.squared_error += row_error;
    total.squared_weights += row_energy;
  }
  return total;
}

double energy(kernels::MatrixView<const float> weight) {
  double total = 0;
  for (std::int64_t r = 0; r < weight.rows; ++r) {
    double row_energy = 0;
    for (std::int64_t c = 0; c < weight.cols; ++c) row_energy += double{weight.row(r)[c]} * weight.row(r)[c];
    total += row_energy;
  }
  return total;
}

/// Before they were re-fitted.
double energy_of_kept_inputs(const PreparedLayer& layer) {
  double total = 0;
  for (std::int64_t r = 0; r < layer.original.rows; ++r)
    for (const std::int64_t c : layer.kept_inputs) total += double{layer.original.row(r)[c]} * layer.original.row(r)[c];
  return total;
}

/// What a dropped or shrunken layer loses counts as error, so that options of all kinds compare.
LocalError error_of(const Option& option, const PreparedLayer& layer, std::span<const std::byte> body) {
  if (option.drop) {
    const double original = energy(layer.original);
    return {original, original};
  }
  kernels::Matrix<float> approximation;
  expand_body(option, {layer.weight.rows, layer.weight.cols}, body, approximation);
  LocalError error = local_error(layer.weight, approximation, layer.notes.divisors);
  if (!option.is_structured()) return error;
  const double original = energy(layer.original);
  const double kept = layer.kept_inputs.empty() ? error.squared_weights : energy_of_kept_inputs(layer);
  error.squared_error += std::max(0.0, original - kept);
  error.squared_weights = original;
  return error;
}

}  // namespace

BuiltSite build_site(const BankPlan& plan, std::size_t site, const CalibrationFile* calibration) {
  BuiltSite built;
  SitePreparation preparation(plan.model(), plan.sites()[site], calibration);
  const std::size_t first = plan.first_entry(site);
  const std::size_t count = plan.entry_count(site);
  if (count == 0) return built;
  const std::int64_t begin = plan.entries()[first].offset;
  const BankPlan::Entry& last = plan.entries()[first + count - 1];
  built.packed.resize(static_cast<std::size_t>(last.offset + last.bytes - begin));
  built.errors.resize(count);
  for (std::size_t option = 0; option < plan.sites()[site].options.size(); ++option) {
    const Option& chosen = plan.sites()[site].options[option];
    if (chosen.keeps_checkpoint()) continue;
    try {
      const std::vector<PreparedLayer> layers = preparation.prepare(chosen);
      for (std::size_t l = 0; l < layers.size(); ++l) {
        const BankPlan::Entry& entry = plan.entry(site, l, option);
        const auto stored =
            std::span(built.packed)
                .subspan(static_cast<std::size_t>(entry.offset - begin), static_cast<std::size_t>(entry.bytes));
        const std::span<std::byte> body = chosen.drop ? stored : write_notes(layers[l].notes, stored);
        preparation.compress(chosen, layers[l], body);
        built.errors[static_cast<std::size_t>(&entry - &plan.entries()[first])] = error_of(chosen, layers[l], body);
      }
    } catch (const InputError& error) {
      throw InputError(plan.sites()[site].name + ", option " + chosen.name() + ": " + error.what());
    }
  }
  return built;
}

}  // namespace pare::framework
