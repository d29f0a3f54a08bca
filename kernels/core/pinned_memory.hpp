// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <utility>

namespace pare::kernels {

/// Locks host memory of somebody else, so that GPUs copy from and to it by themselves (cudaHostRegister). Where the
/// system or the driver refuses, nothing is locked, and copies wait and go by way of the driver's own buffers. Movable;
/// goes before the memory does. Any thread; needs a GPU.
class PinnedMemory {
 public:
  PinnedMemory() = default;
  explicit PinnedMemory(std::span<std::byte> memory);
  ~PinnedMemory();
  PinnedMemory(PinnedMemory&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
  PinnedMemory& operator=(PinnedMemory&& other) noexcept {
    std::swap(data_, other.data_);
    return *this;
  }

 private:
  std::byte* data_ = nullptr;  ///< null: nothing is locked
};

}  // namespace pare::kernels
