// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <type_traits>

#include "kernels/core/contract.hpp"

namespace pare::kernels {

/// MatrixView's twin in the memory of a GPU: a row-major matrix that somebody else owns, element (r, c) at data[r *
/// stride + c]. A type of its own, so that host code cannot follow the pointer by mistake and the GPU half of a kernel is
/// an overload of the CPU half.
template <class T>
struct DeviceView {
  T* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t stride = 0;  ///< elements from one row to the next, >= cols

  DeviceView() = default;
  DeviceView(T* data_, std::int64_t rows_, std::int64_t cols_) : DeviceView(data_, rows_, cols_, cols_) {}
  DeviceView(T* data_, std::int64_t rows_, std::int64_t cols_, std::int64_t stride_)
      : data(data_), rows(rows_), cols(cols_), stride(stride_) {
    EXPECT(rows >= 0 && cols >= 0 && stride >= cols, rows, " x ", cols, " stride ", stride);
  }

  bool contiguous() const { return stride == cols; }
  std::int64_t size() const { return rows * cols; }

  /// Rows [begin, begin + count).
  DeviceView rows_from(std::int64_t begin, std::int64_t count) const {
    EXPECT(begin >= 0 && count >= 0 && begin + count <= rows, begin, "+", count, " of ", rows);
    return {data + begin * stride, count, cols, stride};
  }

  /// Columns [begin, begin + count) of every row.
  DeviceView cols_from(std::int64_t begin, std::int64_t count) const {
    EXPECT(begin >= 0 && count >= 0 && begin + count <= cols, begin, "+", count, " of ", cols);
    return {data + begin, rows, count, stride};
  }

  operator DeviceView<const T>() const requires(!std::is_const_v<T>) { return {data, rows, cols, stride}; }
};

/// std::span's twin in the memory of a GPU.
template <class T>
struct DeviceSpan {
  T* data = nullptr;
  std::int64_t size = 0;

  bool empty() const { return size == 0; }
  operator DeviceSpan<const T>() const requires(!std::is_const_v<T>) { return {data, size}; }
};

}  // namespace pare::kernels
