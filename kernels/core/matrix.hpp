// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

#include "kernels/core/matrix_view.hpp"

namespace pare::kernels {

/// A row-major matrix in host memory that owns its elements: 64-byte aligned, not initialised, movable, not
/// copyable. `reshape` keeps the allocation when it is large enough, so that work buffers are allocated once.
template <class T>
class Matrix {
 public:
  Matrix() = default;
  Matrix(std::int64_t rows, std::int64_t cols) { reshape(rows, cols); }

  /// Changes the shape; the old elements are lost. Throws std::bad_alloc.
  void reshape(std::int64_t rows, std::int64_t cols) {
    EXPECT(rows >= 0 && cols >= 0, rows, " x ", cols);
    const std::int64_t elements = rows * cols;
    if (elements > capacity_) {
      constexpr std::size_t alignment = 64;
      const std::size_t bytes =
          (static_cast<std::size_t>(elements) * sizeof(T) + alignment - 1) / alignment * alignment;
      data_.reset(static_cast<T*>(std::aligned_alloc(alignment, bytes)));
      if (!data_) throw std::bad_alloc();
      capacity_ = elements;
    }
    rows_ = rows;
    cols_ = cols;
  }

  std::int64_t rows() const { return rows_; }
  std::int64_t cols() const { return cols_; }
  std::int64_t size() const { return rows_ * cols_; }
  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  T* row(std::int64_t r) { return data_.get() + r * cols_; }
  const T* row(std::int64_t r) const { return data_.get() + r * cols_; }
  MatrixView<T> view() { return {data_.get(), rows_, cols_}; }
  MatrixView<const T> view() const { return {data_.get(), rows_, cols_}; }

 private:
  struct Free {
    void operator()(T* pointer) const { std::free(pointer); }
  };

  std::unique_ptr<T, Free> data_;
  std::int64_t capacity_ = 0;
  std::int64_t rows_ = 0;
  std::int64_t cols_ = 0;
};

}  // namespace pare::kernels
