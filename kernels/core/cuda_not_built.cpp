// SPDX-License-Identifier: Apache-2.0
#include "kernels/core/contract.hpp"
#include "kernels/core/device.hpp"
#include "kernels/core/device_copy.hpp"
#include "kernels/core/device_matrix.hpp"
#include "kernels/core/pinned_memory.hpp"
#include "kernels/core/stream.hpp"

/// All answers of a build without CUDA. Nothing can be on a GPU there, because a Stream cannot be made.

namespace pare::kernels {

bool cuda_is_built() {
  return false;
}

int device_count() {
  return 0;
}

std::string why_no_device() {
  return "this build has no CUDA kernels (configure with -DPARE_CUDA=ON)";
}

DeviceInfo describe_device(int device) {
  throw InputError(pare::detail::concatenate("GPU ", device, " cannot be used: ", why_no_device()));
}

Stream::Stream(int device) : device_(device) {
  throw InputError(pare::detail::concatenate("GPU ", device, " cannot be used: ", why_no_device()));
}

Stream::~Stream() = default;

void Stream::make_current() const {
  throw InternalError(why_no_device());
}

std::int64_t free_device_memory(const Stream&) {
  throw InternalError(why_no_device());
}

void Stream::synchronize() const {
  throw InternalError(why_no_device());
}

PinnedMemory::PinnedMemory(std::span<std::byte>) {
  throw InternalError(why_no_device());
}

PinnedMemory::~PinnedMemory() = default;

namespace detail {

void* allocate_on_device(std::size_t) {
  throw InternalError(why_no_device());
}

void free_on_device(void*) noexcept {}

void copy_rows_to_device(const void*, std::size_t, void*, std::size_t, std::size_t, std::size_t, const Stream&) {
  throw InternalError(why_no_device());
}

void copy_rows_to_host(const void*, std::size_t, void*, std::size_t, std::size_t, std::size_t, const Stream&) {
  throw InternalError(why_no_device());
}

void copy_bytes_on_device(const void*, void*, std::size_t, const Stream&) {
  throw InternalError(why_no_device());
}

void fill_bytes(void*, unsigned char, std::size_t, const Stream&) {
  throw InternalError(why_no_device());
}

}  // namespace detail
}  // namespace pare::kernels
