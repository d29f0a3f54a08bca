// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "kernels/core/device_view.hpp"
#include "kernels/core/dtype.hpp"
#include "kernels/core/stream.hpp"

namespace pare::kernels {

/// Which kernels a Bf16Gemm uses.
enum class Bf16Route {
  best,      ///< ours on compute capability 9.0, cuBLASLt's elsewhere
  cublaslt,  ///< cuBLASLt's everywhere: tests and benchmarks
};

/// x * weight^T, bfloat16 operands, sums of binary32.
///
/// Bit equality: a row of the output depends on that row of x and on the weights only, not on how many other rows there
/// are; the prefix trie relies on it. On Hopper by construction: a sum's products are added in the order of the inputs,
/// whatever the tile. Elsewhere cuBLASLt computes, which chooses an algorithm by shape and promises nothing across shapes;
/// so ONE algorithm is chosen for every (N, K, type of the output, bias, accumulate), on first use, for 2048 rows and among
/// those that add an output's products within one block (no split of K); every number of rows runs with it. Chosen by the
/// library's rules, without measuring: the same on every card of a kind under one version of cuBLASLt. Few rows are slower
/// than with an algorithm of their own.
///
/// Owns the library's handle, a workspace and the algorithms chosen; the first use of a shape must not be inside the capture
/// of a graph. Movable; calls of one object come from one thread at a time and do not run at the same time on several
/// streams. Throws InputError for shapes and strides, DeviceError when cuBLASLt refuses.
class Bf16Gemm {
 public:
  explicit Bf16Gemm(const Stream& stream, Bf16Route route = Bf16Route::best);
  ~Bf16Gemm();
  Bf16Gemm(Bf16Gemm&&) noexcept;
  Bf16Gemm& operator=(Bf16Gemm&&) noexcept;

  /// out [M, N] = x [M, K] * weight [N, K]^T (+ bias [N]) (+ out when `accumulate`). bias may be empty. All begin at
  /// multiples of 16 bytes and have strides that are multiples of 16 bytes. Enqueued on `stream`, which is of the GPU of
  /// the constructor's.
  ///
  /// The output is rounded once from binary32 on Hopper. cuBLASLt may round what it has before it adds the bias, and again
  /// before it adds `out`: with u = 2^-8 for bfloat16 (2^-24 for float), beyond the error of the sums, a result is within
  /// u * (|x w| + |x w + bias| + |x w + bias + out|), to the first order.
  void multiply(DeviceView<const BFloat16> x, DeviceView<const BFloat16> weight, DeviceSpan<const BFloat16> bias,
                DeviceView<BFloat16> out, bool accumulate, const Stream& stream) const;
  void multiply(DeviceView<const BFloat16> x, DeviceView<const BFloat16> weight, DeviceSpan<const float> bias,
                DeviceView<float> out, bool accumulate, const Stream& stream) const;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace pare::kernels
