// SPDX-License-Identifier: Apache-2.0
#include "framework/calibration/activation_statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>

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
  sums_of_squares_.assign(count, 0.0);
  sums_of_magnitudes_.assign(count, 0.0);
  min_.assign(count, std::numeric_limits<float>::infinity());
  max_.assign(count, -std::numeric_limits<float>::infinity());
  if (!with_hessian) return;
  hessian_.reshape(inputs, inputs);
  std::fill_n(hessian_.data(), hessian_.size(), 0.0f);
}

void ActivationStatistics::add(kernels::MatrixView<const float> tile, Window window) {
  EXPECT(tile.cols == inputs(), tile.cols, " columns for ", inputs(), " inputs");
  if (tile.rows == 0) return;
  const float largest = checked_maximum(tile);
  if (window == Window::starts || window_maxima_.empty()) window_maxima_.push_back(0.0f);
  window_maxima_.back() = std::max(window_maxima_.back(), largest);
  tokens_ += tile.rows;
  histogram_.merge(histogram_of(tile));
  kernels::parallel_for(tile.cols, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = 0; t < tile.rows; ++t) {
      const float* row = tile.row(t);
      for (std::int64_t j = begin; j < end; ++j) {
        const auto input = static_cast<std::size_t>(j);
        const double x = row[j];
        sums_of_squares_[input] += x * x;
        sums_of_magnitudes_[input] += std::abs(x);
        min_[input] = std::min(min_[input], row[j]);
        max_[input] = std::max(max_[input], row[j]);
      }
    }
  });
  if (hessian_.size() > 0) kernels::add_gram(tile, hessian_.view());
}

void ActivationStatistics::merge(const ActivationStatistics& other) {
  EXPECT(other.inputs() == inputs() && other.hessian_.size() == hessian_.size(), other.inputs(), " inputs into ",
         inputs());
  for (std::size_t j = 0; j < min_.size(); ++j) {
    sums_of_squares_[j] += other.sums_of_squares_[j];
    sums_of_magnitudes_[j] += other.sums_of_magnitudes_[j];
    min_[j] = std::min(min_[j], other.min_[j]);
    max_[j] = std::max(max_[j], other.max_[j]);
  }
  for (std::int64_t i = 0; i < hessian_.size(); ++i) hessian_.data()[i] += other.hessian_.data()[i];
  window_maxima_.insert(window_maxima_.end(), other.window_maxima_.begin(), other.window_maxima_.end());
  histogram_.merge(other.histogram_);
  tokens_ += other.tokens_;
}

std::vector<float> ActivationStatistics::mean_magnitudes() const {
  std::vector<float> means(min_.size(), 0.0f);
  for (std::size_t j = 0; tokens_ > 0 && j < means.size(); ++j) {
    means[j] = static_cast<float>(sums_of_magnitudes_[j] / static_cast<double>(tokens_));
  }
  return means;
}

std::vector<float> ActivationStatistics::largest_magnitudes() const {
  std::vector<float> largest(min_.size(), 0.0f);
  for (std::size_t j = 0; tokens_ > 0 && j < largest.size(); ++j) {
    largest[j] = std::max(std::abs(min_[j]), std::abs(max_[j]));
  }
  return largest;
}

std::vector<float> ActivationStatistics::diagonal() const {
  return {sums_of_squares_.begin(), sums_of_squares_.end()};
}

}  // namespace pare::framework
