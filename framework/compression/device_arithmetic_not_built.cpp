// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/compression_arithmetic.hpp"
#include "kernels/core/device.hpp"
#include "kernels/core/error.hpp"

/// The answer of a build without CUDA, where no device is a GPU.

namespace pare::framework::detail {

std::unique_ptr<CompressionArithmetic> make_device_arithmetic(int) {
  throw InternalError(kernels::why_no_device());
}

}  // namespace pare::framework::detail
