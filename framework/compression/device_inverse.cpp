// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/device_inverse.hpp"

#include <span>
#include <vector>

#include "kernels/second_order/rearrange.hpp"

namespace pare::framework {
namespace {

using kernels::DeviceMatrix;

/// L^-1 of the damped Hessian in the reverse of the sweep's order, as invert_hessian takes it.
DeviceMatrix<double> inverse_factor(kernels::MatrixView<const float> hessian, SweepInputs& inputs, double damping,
                                    CompressionGpu& gpu) {
  const std::vector<std::int64_t> reversed(inputs.order.rbegin(), inputs.order.rend());
  const DeviceMatrix<float> source = on_device(hessian, gpu.stream);
  const DeviceMatrix<std::int64_t> columns = on_device(std::span<const std::int64_t>(reversed), gpu.stream);
  const double mean = mean_diagonal(hessian);
  DeviceMatrix<double> lower(hessian.rows, hessian.rows);
  for (inputs.damping = damping;; inputs.damping = next_damping(inputs.damping, hessian.rows)) {
    gather_damped(source.view(), columns.view(), inputs.damping * mean, lower.view(), gpu.stream);
    if (gpu.algebra.factor_cholesky(lower.view())) break;
  }
  gpu.algebra.invert_lower(lower.view());
  return lower;
}

}  // namespace

DeviceInverse invert_on_device(kernels::MatrixView<const float> hessian, SweepOrder order, CompressionGpu& gpu,
                               double damping) {
  DeviceInverse result{{order_inputs(hessian, order)}, {}};
  const std::int64_t n = hessian.rows;
  gpu.stream.make_current();
  const DeviceMatrix<double> lower = inverse_factor(hessian, result, damping, gpu);
  result.factor = DeviceMatrix<double>(n, n);
  reverse_lower(lower.view(), result.factor.view(), gpu.stream);
  const kernels::DeviceView<const double> diagonal(result.factor.data(), n, 1, n + 1);
  result.diagonal.resize(static_cast<std::size_t>(n));
  copy_to_host(diagonal, kernels::MatrixView<double>(result.diagonal.data(), n, 1), gpu.stream);
  gpu.stream.synchronize();
  return result;
}

}  // namespace pare::framework
