// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "kernels/core/device.hpp"
#include "kernels/core/device_matrix.hpp"
#include "kernels/core/stream.hpp"

namespace pare::test {

/// A test that needs a GPU: skipped with the reason where there is none. `stream` is a stream of GPU 0.
class CudaTest : public testing::Test {
 protected:
  void SetUp() override {
    if (kernels::device_count() == 0) GTEST_SKIP() << kernels::why_no_device();
    stream_ = std::make_unique<kernels::Stream>(0);
  }

  const kernels::Stream& stream() const { return *stream_; }

  /// A matrix on the GPU whose bytes are all 0xff: NaN as a float, -1 as an integer.
  template <class T>
  kernels::DeviceMatrix<T> poisoned_on_device(std::int64_t rows, std::int64_t cols) const {
    kernels::DeviceMatrix<T> matrix(rows, cols);
    kernels::fill_bytes(matrix, 0xff, stream());
    return matrix;
  }

 private:
  std::unique_ptr<kernels::Stream> stream_;
};

}  // namespace pare::test
