// SPDX-License-Identifier: Apache-2.0
#include "framework/calibration/activation_statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <type_traits>
#include <utility>

#include "kernels/core/contract.hpp"
#include "kernels/core/parallel.hpp"
#include "kernels/gemm/gram.hpp"

namespace pare::framework {
namespace {

/// The largest |x|. InputError for a value that is not finite, or so large that sums of squares would not be.
float checked_maximum(kernels::MatrixView<const float> tile) {
  constexpr float most = 0x1p40f;  // its square leaves room for 2^48 tokens in binary32
  std::vector<float> row_maxima(static_cast<std::size_t>(tile.rows));
  kernels::parallel_for(tile.rows, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) {
      float largest = 0.0f;
      for (std::int64_t j = 0; j < tile.cols; ++j) {
        const float magnitude = std::abs(tile.row(t)[j]);
        VALIDATE(magnitude <= most, "the activation of token ", t, ", input ", j, " is ", tile.row(t)[j],
                 ", calibration needs finite activations of at most 2^40");
        largest = std::max(largest, magnitude);
      }
      row_maxima[static_cast<std::size_t>(t)] = largest;
    }
  });
  return *std::max_element(row_maxima.begin(), row_maxima.end());
}

/// Counts are exact, so that it does not matter who finishes first.
Histogram histogram_of(kernels::MatrixView<const float> tile) {
  Histogram all;
  std::mutex mutex;
  kernels::parallel_for(tile.rows, 16, [&](std::int64_t begin, std::int64_t end) {
    Histogram part;
    for (std::int64_t t = begin; t < end; ++t) part.add({tile.row(t), static_cast<std::size_t>(tile.cols)});
    const std::lock_guard lock(mutex);
    all.merge(part);
  });
  return all;
}

}  // namespace

ActivationStatistics::ActivationStatistics(std::int64_t inputs, bool with_hessian) {
  VALIDATE(inputs > 0, "statistics of ", inputs, " inputs are not possible, there must be at least one");
  const auto count = static_cast<std::size_t>(inputs);
  state_.sums_of_squares.assign(count, 0.0);
  state_.sums_of_magnitudes.assign(count, 0.0);
  state_.min.assign(count, std::numeric_limits<float>::infinity());
  state_.max.assign(count, -std::numeric_limits<float>::infinity());
  if (!with_hessian) return;
  state_.hessian.reshape(inputs, inputs);
  std::fill_n(state_.hessian.data(), state_.hessian.size(), 0.0f);
}

ActivationStatistics::ActivationStatistics(State state) : state_(std::move(state)) {
  const auto count = state_.min.size();
  const auto sides = static_cast<std::int64_t>(count);
  const kernels::Matrix<float>& hessian = state_.hessian;
  VALIDATE(count > 0 && state_.max.size() == count && state_.sums_of_squares.size() == count &&
               state_.sums_of_magnitudes.size() == count && state_.tokens >= 0 &&
               (hessian.size() == 0 || (hessian.rows() == sides && hessian.cols() == sides)),
           "the statistics of ", count, " inputs do not fit together");
}

ActivationStatistics ActivationStatistics::of_inputs(std::span<const std::int64_t> columns) const {
  const auto gather = [&](const auto& values) {
    std::remove_cvref_t<decltype(values)> gathered;
    for (const std::int64_t c : columns) gathered.push_back(values[static_cast<std::size_t>(c)]);
    return gathered;
  };
  State part{.hessian = {},
             .sums_of_squares = gather(state_.sums_of_squares),
             .sums_of_magnitudes = gather(state_.sums_of_magnitudes),
             .min = gather(state_.min),
             .max = gather(state_.max),
             .window_maxima = state_.window_maxima,
             .histogram = state_.histogram,
             .tokens = state_.tokens};
  if (state_.hessian.size() > 0) {
    const auto count = static_cast<std::int64_t>(columns.size());
    part.hessian.reshape(count, count);
    for (std::int64_t i = 0; i < count; ++i) {
      const float* row = state_.hessian.row(columns[static_cast<std::size_t>(i)]);
      for (std::int64_t j = 0; j < count; ++j) part.hessian.row(i)[j] = row[columns[static_cast<std::size_t>(j)]];
    }
  }
  return ActivationStatistics(std::move(part));
}

void ActivationStatistics::add(kernels::MatrixView<const float> tile, Window window) {
  EXPECT(tile.cols == inputs(), tile.cols, " columns for ", inputs(), " inputs");
  if (tile.rows == 0) return;
  const float largest = checked_maximum(tile);
  if (window == Window::starts || state_.window_maxima.empty()) state_.window_maxima.push_back(0.0f);
  state_.window_maxima.back() = std::max(state_.window_maxima.back(), largest);
  state_.tokens += tile.rows;
  state_.histogram.merge(histogram_of(tile));
  kernels::parallel_for(tile.cols, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = 0; t < tile.rows; ++t) {
      const float* row = tile.row(t);
      for (std::int64_t j = begin; j < end; ++j) {
        const auto input = static_cast<std::size_t>(j);
        const double x = row[j];
        state_.sums_of_squares[input] += x * x;
        state_.sums_of_magnitudes[input] += std::abs(x);
        state_.min[input] = std::min(state_.min[input], row[j]);
        state_.max[input] = std::max(state_.max[input], row[j]);
      }
    }
  });
  if (state_.hessian.size() > 0) kernels::add_gram(tile, state_.hessian.view());
}

void ActivationStatistics::merge(const ActivationStatistics& other) {
  EXPECT(other.inputs() == inputs() && other.state_.hessian.size() == state_.hessian.size(), other.inputs(),
         " inputs into ", inputs());
  for (std::size_t j = 0; j < state_.min.size(); ++j) {
    state_.sums_of_squares[j] += other.state_.sums_of_squares[j];
    state_.sums_of_magnitudes[j] += other.state_.sums_of_magnitudes[j];
    state_.min[j] = std::min(state_.min[j], other.state_.min[j]);
    state_.max[j] = std::max(state_.max[j], other.state_.max[j]);
  }
  for (std::int64_t i = 0; i < state_.hessian.size(); ++i) state_.hessian.data()[i] += other.state_.hessian.data()[i];
  state_.window_maxima.insert(state_.window_maxima.end(), other.state_.window_maxima.begin(),
                              other.state_.window_maxima.end());
  state_.histogram.merge(other.state_.histogram);
  state_.tokens += other.state_.tokens;
}

std::vector<float> ActivationStatistics::mean_magnitudes() const {
  std::vector<float> means(state_.min.size(), 0.0f);
  for (std::size_t j = 0; state_.tokens > 0 && j < means.size(); ++j) {
    means[j] = static_cast<float>(state_.sums_of_magnitudes[j] / static_cast<double>(state_.tokens));
  }
  return means;
}

std::vector<float> ActivationStatistics::largest_magnitudes() const {
  std::vector<float> largest(state_.min.size(), 0.0f);
  for (std::size_t j = 0; state_.tokens > 0 && j < largest.size(); ++j) {
    largest[j] = std::max(std::abs(state_.min[j]), std::abs(state_.max[j]));
  }
  return largest;
}

std::vector<float> ActivationStatistics::diagonal() const {
  return {state_.sums_of_squares.begin(), state_.sums_of_squares.end()};
}

}  // namespace pare::framework
