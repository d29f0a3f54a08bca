// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>

#include "kernels/core/device_view.hpp"
#include "kernels/core/matrix.hpp"
#include "kernels/core/stream.hpp"

namespace pare::kernels {

namespace detail {

/// 256-byte aligned memory of the current GPU; null for 0 bytes. Throws DeviceMemoryError.
void* allocate_on_device(std::size_t bytes);
void free_on_device(void* pointer) noexcept;

/// Enqueue a copy of `rows` rows of `row_bytes` bytes; strides in bytes. Pageable host memory makes them wait.
void copy_rows_to_device(const void* from, std::size_t from_stride, void* to, std::size_t to_stride,
                         std::size_t row_bytes, std::size_t rows, const Stream& stream);
void copy_rows_to_host(const void* from, std::size_t from_stride, void* to, std::size_t to_stride,
                       std::size_t row_bytes, std::size_t rows, const Stream& stream);
void fill_bytes(void* to, unsigned char value, std::size_t bytes, const Stream& stream);

struct FreeOnDevice {
  void operator()(void* pointer) const noexcept { free_on_device(pointer); }
};

}  // namespace detail

/// Matrix's twin in the memory of the GPU that was current when it was made: owns its elements, not initialised, movable,
/// not copyable. Must outlive the work enqueued on it. Throws DeviceMemoryError.
template <class T>
class DeviceMatrix {
 public:
  DeviceMatrix() = default;
  DeviceMatrix(std::int64_t rows, std::int64_t cols) : rows_(rows), cols_(cols) {
    EXPECT(rows >= 0 && cols >= 0, rows, " x ", cols);
    data_.reset(static_cast<T*>(detail::allocate_on_device(static_cast<std::size_t>(rows * cols) * sizeof(T))));
  }

  std::int64_t rows() const { return rows_; }
  std::int64_t cols() const { return cols_; }
  std::int64_t size() const { return rows_ * cols_; }
  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  DeviceView<T> view() { return {data_.get(), rows_, cols_}; }
  DeviceView<const T> view() const { return {data_.get(), rows_, cols_}; }
  DeviceSpan<T> span() { return {data_.get(), size()}; }
  DeviceSpan<const T> span() const { return {data_.get(), size()}; }

 private:
  std::unique_ptr<T, detail::FreeOnDevice> data_;
  std::int64_t rows_ = 0;
  std::int64_t cols_ = 0;
};

/// Enqueues a copy; both sides must stay until it is done.
template <class T>
void copy_to_device(MatrixView<const T> from, DeviceView<T> to, const Stream& stream) {
  EXPECT(from.rows == to.rows && from.cols == to.cols, from.rows, " x ", from.cols, " to ", to.rows, " x ", to.cols);
  detail::copy_rows_to_device(from.data, static_cast<std::size_t>(from.stride) * sizeof(T), to.data,
                              static_cast<std::size_t>(to.stride) * sizeof(T),
                              static_cast<std::size_t>(from.cols) * sizeof(T), static_cast<std::size_t>(from.rows),
                              stream);
}

template <class T>
void copy_to_host(DeviceView<const T> from, MatrixView<T> to, const Stream& stream) {
  EXPECT(from.rows == to.rows && from.cols == to.cols, from.rows, " x ", from.cols, " to ", to.rows, " x ", to.cols);
  detail::copy_rows_to_host(from.data, static_cast<std::size_t>(from.stride) * sizeof(T), to.data,
                            static_cast<std::size_t>(to.stride) * sizeof(T),
                            static_cast<std::size_t>(from.cols) * sizeof(T), static_cast<std::size_t>(from.rows),
                            stream);
}

/// Sets every byte.
template <class T>
void fill_bytes(DeviceMatrix<T>& matrix, unsigned char value, const Stream& stream) {
  detail::fill_bytes(matrix.data(), value, static_cast<std::size_t>(matrix.size()) * sizeof(T), stream);
}

/// A copy of a host matrix on the GPU; waits for it.
template <class T>
DeviceMatrix<std::remove_const_t<T>> on_device(MatrixView<T> from, const Stream& stream) {
  DeviceMatrix<std::remove_const_t<T>> matrix(from.rows, from.cols);
  copy_to_device<std::remove_const_t<T>>(from, matrix.view(), stream);
  stream.synchronize();
  return matrix;
}

/// The same of a row of values: [1, values].
template <class T>
DeviceMatrix<std::remove_const_t<T>> on_device(std::span<T> values, const Stream& stream) {
  return on_device(MatrixView<T>(values.data(), 1, static_cast<std::int64_t>(values.size())), stream);
}

/// A copy of a GPU matrix on the host; waits for everything on the stream.
template <class T>
Matrix<T> on_host(DeviceView<const T> from, const Stream& stream) {
  Matrix<T> matrix(from.rows, from.cols);
  copy_to_host<T>(from, matrix.view(), stream);
  stream.synchronize();
  return matrix;
}

template <class T>
Matrix<T> on_host(const DeviceMatrix<T>& from, const Stream& stream) {
  return on_host<T>(from.view(), stream);
}

}  // namespace pare::kernels
