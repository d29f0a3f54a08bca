// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "framework/evaluation/device_layout.hpp"
#include "kernels/core/device_matrix.hpp"
#include "kernels/core/stream.hpp"

namespace pare::framework {

/// One block of device memory whose places are dealt out once, as DeviceLayout deals them. The stream must outlive it.
/// Used by one thread.
class DeviceArena {
 public:
  /// Zeros. Throws DeviceMemoryError.
  DeviceArena(std::int64_t bytes, const kernels::Stream& stream) : stream_(stream), block_(1, bytes) {
    kernels::fill_bytes(block_, 0, stream);
  }

  /// EXPECTs that there is room.
  std::byte* take(std::int64_t bytes) {
    const std::int64_t at = layout_.take(bytes);
    EXPECT(layout_.bytes() <= (block_.size() + 255) / 256 * 256, layout_.bytes(), " of ", block_.size());
    return block_.data() + at;
  }

  /// Copies of values; wait for them.
  template <class T>
  kernels::DeviceSpan<const T> put(std::span<const T> values) {
    const auto count = static_cast<std::int64_t>(values.size());
    const kernels::DeviceView<T> to(reinterpret_cast<T*>(take(count * static_cast<std::int64_t>(sizeof(T)))), 1, count);
    kernels::copy_to_device<T>({values.data(), 1, count}, to, stream_);
    stream_.synchronize();
    return {to.data, count};
  }
  /// The same of a matrix, with rows at multiples of 16 bytes.
  template <class T>
  kernels::DeviceView<const T> put_rows(kernels::MatrixView<const T> values) {
    constexpr auto size = static_cast<std::int64_t>(sizeof(T));
    const std::int64_t stride = padded_stride(values.cols, size);
    const kernels::DeviceView<T> to(reinterpret_cast<T*>(take(values.rows * stride * size)), values.rows, values.cols,
                                    stride);
    kernels::copy_to_device<T>(values, to, stream_);
    stream_.synchronize();
    return to;
  }

 private:
  const kernels::Stream& stream_;
  kernels::DeviceMatrix<std::byte> block_;
  DeviceLayout layout_;
};

}  // namespace pare::framework
