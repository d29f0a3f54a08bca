// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "kernels/core/device_view.hpp"
#include "kernels/core/stream.hpp"

namespace pare::kernels {

namespace detail {

void copy_bytes_on_device(const void* from, void* to, std::size_t bytes, const Stream& stream);

}  // namespace detail

/// Enqueues a copy from one place of a GPU to another. EXPECTs equal shapes without gaps between rows.
template <class T>
void copy_on_device(DeviceView<const T> from, DeviceView<T> to, const Stream& stream) {
  EXPECT(from.rows == to.rows && from.cols == to.cols && from.contiguous() && to.contiguous(), from.rows, " x ",
         from.cols, " to ", to.rows, " x ", to.cols);
  detail::copy_bytes_on_device(from.data, to.data, static_cast<std::size_t>(from.size()) * sizeof(T), stream);
}

}  // namespace pare::kernels
