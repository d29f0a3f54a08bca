// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/layer_input.hpp"

#include "kernels/core/contract.hpp"

namespace pare::framework {

const LayerSweeps& LayerInput::sweeps(SweepOrder order) {
  std::unique_ptr<LayerSweeps>& kept = order == SweepOrder::natural ? natural_ : by_activation_;
  if (!kept) {
    try {
      kept = arithmetic_->prepare_sweeps(statistics_.hessian(), order);
    } catch (const InputError& error) {
      throw InputError(name_ + ": " + error.what());
    }
  }
  return *kept;
}

const OutputError& LayerInput::output_error() {
  if (!output_error_) output_error_ = arithmetic_->prepare_output_error(statistics_.hessian());
  return *output_error_;
}

LayerInput LayerInput::divided(std::span<const float> divisors) const {
  const ActivationStatistics::State& whole = statistics_.state();
  const std::int64_t inputs = statistics_.inputs();
  EXPECT(static_cast<std::int64_t>(divisors.size()) == inputs);
  ActivationStatistics::State state{.hessian = {},
                                    .sums_of_squares = whole.sums_of_squares,
                                    .sums_of_magnitudes = whole.sums_of_magnitudes,
                                    .min = whole.min,
                                    .max = whole.max,
                                    .window_maxima = {},
                                    .histogram = Histogram(),
                                    .tokens = whole.tokens};
  state.hessian.reshape(inputs, inputs);
  for (std::int64_t i = 0; i < inputs; ++i) {
    const auto channel = static_cast<std::size_t>(i);
    const double d = divisors[channel];
    for (std::int64_t j = 0; j < inputs; ++j) {
      state.hessian.row(i)[j] =
          static_cast<float>(whole.hessian.row(i)[j] / (d * divisors[static_cast<std::size_t>(j)]));
    }
    state.sums_of_squares[channel] /= d * d;
    state.sums_of_magnitudes[channel] /= d;
    state.min[channel] = static_cast<float>(state.min[channel] / d);
    state.max[channel] = static_cast<float>(state.max[channel] / d);
  }
  return {name_, ActivationStatistics(std::move(state)), *arithmetic_};
}

}  // namespace pare::framework
