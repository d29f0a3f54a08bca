// SPDX-License-Identifier: Apache-2.0
#include "kernels/second_order/device_algebra.hpp"

#include <vector>

#include <cublas_v2.h>
#include <cusolverDn.h>

#include "kernels/core/device_matrix.hpp"

#define LIBRARY_CALL(call) check((call), #call, __LINE__)

namespace pare::kernels {
namespace {

[[noreturn]] void fail(bool lacks_memory, const std::string& status, const char* call, int line) {
  const std::string text = pare::detail::concatenate(status, " from ", call, " at ", __FILE__, ":", line);
  if (lacks_memory) throw DeviceMemoryError(text);
  throw DeviceError(text, false);
}

void check(cublasStatus_t status, const char* call, int line) {
  if (status != CUBLAS_STATUS_SUCCESS)
    fail(status == CUBLAS_STATUS_ALLOC_FAILED, cublasGetStatusName(status), call, line);
}

void check(cusolverStatus_t status, const char* call, int line) {
  if (status != CUSOLVER_STATUS_SUCCESS)
    fail(status == CUSOLVER_STATUS_ALLOC_FAILED, pare::detail::concatenate("cuSOLVER status ", int{status}), call,
         line);
}

int as_int(std::int64_t size) {
  return static_cast<int>(size);
}

/// The libraries are column-major: what is a lower triangle here is an upper one of the transpose there.
constexpr cublasFillMode_t lower_here = CUBLAS_FILL_MODE_UPPER;

/// Of c from a b.
template <class T>
void check_shapes(DeviceView<const T> a, DeviceView<const T> b, DeviceView<T> c) {
  EXPECT(a.rows == c.rows && b.cols == c.cols && a.cols == b.rows, a.rows, " x ", a.cols, " times ", b.rows, " x ",
         b.cols);
}

}  // namespace

DeviceAlgebra::DeviceAlgebra(const Stream& stream) : stream_(stream) {
  stream.make_current();
  cublasHandle_t blas = nullptr;
  LIBRARY_CALL(cublasCreate(&blas));
  blas_.reset(blas);
  LIBRARY_CALL(cublasSetStream(blas, stream.handle()));
  cusolverDnHandle_t solver = nullptr;
  LIBRARY_CALL(cusolverDnCreate(&solver));
  solver_.reset(solver);
  LIBRARY_CALL(cusolverDnSetStream(solver, stream.handle()));
}

void DeviceAlgebra::Destroy::operator()(cublasContext* handle) const noexcept {
  static_cast<void>(cublasDestroy(handle));
}

void DeviceAlgebra::Destroy::operator()(cusolverDnContext* handle) const noexcept {
  static_cast<void>(cusolverDnDestroy(handle));
}

bool DeviceAlgebra::factor_cholesky(DeviceView<double> a) {
  EXPECT(a.rows == a.cols, a.rows, " x ", a.cols);
  const int n = as_int(a.rows), stride = as_int(a.stride);
  int work_size = 0;
  LIBRARY_CALL(cusolverDnDpotrf_bufferSize(solver_.get(), lower_here, n, a.data, stride, &work_size));
  DeviceMatrix<double> work(1, work_size);
  DeviceMatrix<int> bad_pivot(1, 1);
  LIBRARY_CALL(
      cusolverDnDpotrf(solver_.get(), lower_here, n, a.data, stride, work.data(), work_size, bad_pivot.data()));
  return on_host(bad_pivot, stream_).data()[0] == 0;
}

void DeviceAlgebra::invert_lower(DeviceView<double> lower) {
  EXPECT(lower.rows == lower.cols, lower.rows, " x ", lower.cols);
  std::size_t device_bytes = 0, host_bytes = 0;
  LIBRARY_CALL(cusolverDnXtrtri_bufferSize(solver_.get(), lower_here, CUBLAS_DIAG_NON_UNIT, lower.rows, CUDA_R_64F,
                                           lower.data, lower.stride, &device_bytes, &host_bytes));
  DeviceMatrix<std::byte> device_work(1, static_cast<std::int64_t>(device_bytes));
  std::vector<std::byte> host_work(host_bytes);
  DeviceMatrix<int> zero_pivot(1, 1);
  LIBRARY_CALL(cusolverDnXtrtri(solver_.get(), lower_here, CUBLAS_DIAG_NON_UNIT, lower.rows, CUDA_R_64F, lower.data,
                                lower.stride, device_work.data(), device_bytes, host_work.data(), host_bytes,
                                zero_pivot.data()));
  stream_.synchronize();
}

void DeviceAlgebra::subtract_product(DeviceView<const double> a, DeviceView<const double> b, DeviceView<double> c) {
  check_shapes(a, b, c);
  if (c.size() == 0) return;
  const double minus_one = -1.0, one = 1.0;
  LIBRARY_CALL(cublasDgemm(blas_.get(), CUBLAS_OP_N, CUBLAS_OP_N, as_int(c.cols), as_int(c.rows), as_int(a.cols),
                           &minus_one, b.data, as_int(b.stride), a.data, as_int(a.stride), &one, c.data,
                           as_int(c.stride)));
}

void DeviceAlgebra::multiply(DeviceView<const float> a, DeviceView<const float> b, DeviceView<float> c) {
  check_shapes(a, b, c);
  if (c.size() == 0) return;
  const float one = 1.0f, zero = 0.0f;
  LIBRARY_CALL(cublasSgemm(blas_.get(), CUBLAS_OP_N, CUBLAS_OP_N, as_int(c.cols), as_int(c.rows), as_int(a.cols), &one,
                           b.data, as_int(b.stride), a.data, as_int(a.stride), &zero, c.data, as_int(c.stride)));
}

}  // namespace pare::kernels
