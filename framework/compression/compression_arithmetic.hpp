// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include "framework/compression/gptq.hpp"
#include "framework/compression/inverse_hessian.hpp"
#include "framework/compression/output_error.hpp"
#include "framework/compression/sparsegpt.hpp"

namespace pare::framework {

/// The inverse Hessian of a layer's input, ready for sweeps. Serves one thread.
class LayerSweeps {
 public:
  virtual ~LayerSweeps() = default;

  /// As the functions of these names do, on the CPU bit for bit.
  virtual void quantize_gptq(kernels::MatrixView<const float> weight, const kernels::Grid& grid,
                             const GptqSettings& settings, std::span<std::byte> packed) const = 0;
  virtual SparseWeight prune_sparsegpt(kernels::MatrixView<const float> weight, const kernels::SparseLayout& layout,
                                       const SparseGptSettings& settings, std::span<std::byte> packed) const = 0;
};

/// Where a worker does the arithmetic with Hessians: on the CPU, or on its GPU. There, the steps of the second-order
/// methods are done in the same order and in binary64; sums inside a product are not taken in the same order, so that
/// weights differ by some 1e-13 of their size before they are seen as binary32 and rounded. One in 1e6 of them is then
/// another binary32 number, and one in 1e6 of those crosses the middle of two points: where that happens, a row goes
/// another way from there on, and errs as much. Output errors differ by at most twice the bound of OutputError. On GPUs
/// of one kind results are the same bits. What the GPU lacks memory for is done on the CPU, and a line of the log says so.
/// Serves one thread.
class CompressionArithmetic {
 public:
  virtual ~CompressionArithmetic() = default;

  /// Throws InputError as invert_hessian does.
  virtual std::unique_ptr<LayerSweeps> prepare_sweeps(kernels::MatrixView<const float> hessian, SweepOrder order) = 0;

  /// hessian [inputs, inputs], symmetric, which is copied.
  virtual std::unique_ptr<OutputError> prepare_output_error(kernels::MatrixView<const float> hessian) = 0;
};

/// gpu: CUDA's number; nothing: the CPU. Throws DeviceError.
std::unique_ptr<CompressionArithmetic> make_compression_arithmetic(std::optional<int> gpu);

namespace detail {

std::unique_ptr<LayerSweeps> host_sweeps(InverseHessian inverse);

/// Throws InternalError in a build without CUDA.
std::unique_ptr<CompressionArithmetic> make_device_arithmetic(int gpu);

}  // namespace detail
}  // namespace pare::framework
