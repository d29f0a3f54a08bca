// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "framework/compression/inverse_hessian.hpp"
#include "kernels/core/device_matrix.hpp"
#include "kernels/core/stream.hpp"
#include "kernels/second_order/device_algebra.hpp"

namespace pare::framework {

/// A GPU and its algebra, for one thread.
struct CompressionGpu {
  explicit CompressionGpu(int gpu) : stream(gpu), algebra(stream) {}

  kernels::Stream stream;
  kernels::DeviceAlgebra algebra;
};

/// InverseHessian with its factor on a GPU.
struct DeviceInverse : SweepInputs {
  kernels::DeviceMatrix<double> factor;
};

/// invert_hessian on a GPU: at most 20 K^2 bytes there, of which 8 K^2 stay. Throws InputError as invert_hessian does,
/// DeviceError, and DeviceMemoryError where the GPU lacks memory.
DeviceInverse invert_on_device(kernels::MatrixView<const float> hessian, SweepOrder order, CompressionGpu& gpu,
                               double damping = default_damping);

}  // namespace pare::framework
