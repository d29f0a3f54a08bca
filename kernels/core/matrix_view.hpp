// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <type_traits>

#include "kernels/core/contract.hpp"

namespace pare::kernels {

/// A row-major matrix that somebody else owns: element (r, c) lies at data[r * stride + c]. Copying copies
/// the view only.
template <class T>
struct MatrixView {
  T* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t stride = 0;  ///< elements from one row to the next, >= cols

  MatrixView() = default;
  MatrixView(T* data_, std::int64_t rows_, std::int64_t cols_) : MatrixView(data_, rows_, cols_, cols_) {}
  MatrixView(T* data_, std::int64_t rows_, std::int64_t cols_, std::int64_t stride_)
      : data(data_), rows(rows_), cols(cols_), stride(stride_) {
    EXPECT(rows >= 0 && cols >= 0 && stride >= cols, rows, " x ", cols, " stride ", stride);
  }

  T* row(std::int64_t r) const { return data + r * stride; }
  bool contiguous() const { return stride == cols; }

  /// Rows [begin, begin + count).
  MatrixView rows_from(std::int64_t begin, std::int64_t count) const {
    EXPECT(begin >= 0 && count >= 0 && begin + count <= rows, begin, "+", count, " of ", rows);
    return {data + begin * stride, count, cols, stride};
  }

  /// Columns [begin, begin + count) of every row.
  MatrixView cols_from(std::int64_t begin, std::int64_t count) const {
    EXPECT(begin >= 0 && count >= 0 && begin + count <= cols, begin, "+", count, " of ", cols);
    return {data + begin, rows, count, stride};
  }

  operator MatrixView<const T>() const requires(!std::is_const_v<T>) { return {data, rows, cols, stride}; }
};

}  // namespace pare::kernels
