// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "kernels/core/device_view.hpp"
#include "kernels/core/dtype.hpp"
#include "kernels/core/stream.hpp"

namespace pare::kernels {

/// x * weight^T through cuBLASLt, bfloat16 operands, sums of binary32.
///
/// Bit equality: a row of the output depends on that row of x and on the weights only, not on how many other rows there
/// are. cuBLASLt chooses an algorithm by shape and promises nothing across shapes; so ONE algorithm is chosen for every
/// (N, K, type of the output, bias, accumulate), on first use, for 2048 rows and among those that add an output's products
/// within one block (no split of K); every number of rows runs with it. Tested; the prefix trie relies
/// on it. Chosen by the library's rules, without measuring: the same on every card of a kind under one version of cuBLASLt.
///
/// Few rows are slower than with an algorithm of their own. Owns the library's handle and the algorithms chosen. Movable; calls of one object come from one thread at a time. The
/// first use of a shape must not be inside the capture of a graph. Throws InputError for shapes and strides, DeviceError
/// when cuBLASLt refuses.
class Bf16Gemm {
 public:
  explicit Bf16Gemm(const Stream& stream);
  ~Bf16Gemm();
  Bf16Gemm(Bf16Gemm&&) noexcept;
  Bf16Gemm& operator=(Bf16Gemm&&) noexcept;

  /// out [M, N] = x [M, K] * weight [N, K]^T (+ bias [N]) (+ out when `accumulate`), rounded once. bias may be empty. All
  /// begin at multiples of 16 bytes and have strides that are multiples of 16 bytes. Enqueued on `stream`, which is of
  /// the GPU of the constructor's.
  void multiply(DeviceView<const BFloat16> x, DeviceView<const BFloat16> weight, DeviceSpan<const BFloat16> bias,
                DeviceView<BFloat16> out, bool accumulate, const Stream& stream) const;
  void multiply(DeviceView<const BFloat16> x, DeviceView<const BFloat16> weight, DeviceSpan<const float> bias,
                DeviceView<float> out, bool accumulate, const Stream& stream) const;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace pare::kernels
