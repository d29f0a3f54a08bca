// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "kernels/core/device_view.hpp"
#include "kernels/core/stream.hpp"

// The libraries' own types, so that this header needs neither.
struct cublasContext;
struct cusolverDnContext;

namespace pare::kernels {

/// Dense algebra on a GPU by cuBLAS and cuSOLVER, row-major, enqueued on one stream. The same bits on every GPU of one
/// kind under the same libraries. Serves one thread; the stream must outlive it.
///
/// Throws DeviceMemoryError where the GPU lacks memory for a workspace, else DeviceError.
class DeviceAlgebra {
 public:
  explicit DeviceAlgebra(const Stream& stream);

  /// A = L L^T of a symmetric positive definite A [n, n]: reads the lower triangle and the diagonal and overwrites them
  /// with L. Returns false, with A spoilt, when a pivot is not positive. Waits for the GPU.
  bool factor_cholesky(DeviceView<double> a);

  /// L <- L^-1 of a lower triangular L [n, n]; what lies above its diagonal is neither read nor changed. Waits.
  void invert_lower(DeviceView<double> lower);

  /// c -= a b in binary64.
  void subtract_product(DeviceView<const double> a, DeviceView<const double> b, DeviceView<double> c);

  /// c = a b in binary32: an error of at most a.cols * 2^-24 * sum over k of |a[i][k] b[k][j]|, to first order,
  /// whatever the order of the sums.
  void multiply(DeviceView<const float> a, DeviceView<const float> b, DeviceView<float> c);

 private:
  struct Destroy {
    void operator()(cublasContext* handle) const noexcept;
    void operator()(cusolverDnContext* handle) const noexcept;
  };

  const Stream& stream_;
  std::unique_ptr<cublasContext, Destroy> blas_;
  std::unique_ptr<cusolverDnContext, Destroy> solver_;
};

}  // namespace pare::kernels
