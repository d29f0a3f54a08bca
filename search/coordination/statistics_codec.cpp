// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/statistics_codec.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>
#include <vector>

#include "kernels/core/contract.hpp"

namespace pare::search {

using framework::ActivationStatistics;
using framework::Histogram;

void put_statistics(ByteWriter& out, const ActivationStatistics::State& state) {
  out.array(std::span(state.hessian.data(), static_cast<std::size_t>(state.hessian.size())));
  out.array(std::span(state.sums_of_squares));
  out.array(std::span(state.sums_of_magnitudes));
  out.array(std::span(state.min));
  out.array(std::span(state.max));
  out.array(std::span(state.window_maxima));
  out.array(std::span(state.histogram.counts()));
  out.number(state.histogram.start_range());
  out.number(state.histogram.range());
  out.number(state.histogram.min());
  out.number(state.histogram.max());
  out.number(state.tokens);
}

ActivationStatistics get_statistics(ByteReader& in) {
  ActivationStatistics::State state;
  const auto hessian = in.array<float>();
  state.sums_of_squares = in.array<double>();
  state.sums_of_magnitudes = in.array<double>();
  state.min = in.array<float>();
  state.max = in.array<float>();
  state.window_maxima = in.array<float>();
  const auto counts = in.array<std::int64_t>();
  const auto start = in.number<double>(), range = in.number<double>();
  const auto least = in.number<float>(), most = in.number<float>();
  state.tokens = in.number<std::int64_t>();
  const auto inputs = static_cast<std::int64_t>(state.min.size());
  VALIDATE(static_cast<std::int64_t>(hessian.size()) == inputs * inputs && counts.size() == Histogram::bins,
           "message is damaged: statistics of ", inputs, " inputs with a Hessian of ", hessian.size());
  state.hessian.reshape(inputs, inputs);
  std::copy(hessian.begin(), hessian.end(), state.hessian.data());
  std::array<std::int64_t, Histogram::bins> bins{};
  std::copy(counts.begin(), counts.end(), bins.begin());
  state.histogram = Histogram(start, range, bins, least, most);
  return ActivationStatistics(std::move(state));
}

}  // namespace pare::search
