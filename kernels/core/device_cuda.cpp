// SPDX-License-Identifier: Apache-2.0
#include <array>

#include <cuda_runtime_api.h>

#include "kernels/core/contract.hpp"
#include "kernels/core/cuda_check.cuh"
#include "kernels/core/device.hpp"
#include "kernels/core/device_copy.hpp"
#include "kernels/core/device_matrix.hpp"
#include "kernels/core/pinned_memory.hpp"
#include "kernels/core/stream.hpp"

namespace pare::kernels {
namespace {

/// Errors that CUDA documents as leaving the process in an inconsistent state.
bool is_sticky(cudaError_t error) {
  switch (error) {
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure:
    case cudaErrorECCUncorrectable:
      return true;
    default:
      return false;
  }
}

int attribute(cudaDeviceAttr which, int device) {
  int value = 0;
  CUDA_CALL(cudaDeviceGetAttribute(&value, which, device));
  return value;
}

int capability(int device) {
  return 10 * attribute(cudaDevAttrComputeCapabilityMajor, device) +
         attribute(cudaDevAttrComputeCapabilityMinor, device);
}

void require_device(int device) {
  const int count = device_count();
  VALIDATE(count > 0, "GPU ", device, " cannot be used: ", why_no_device());
  VALIDATE(device >= 0 && device < count, "there is no GPU ", device, ", this process sees ", count,
           " (CUDA_VISIBLE_DEVICES chooses which): use 0 to ", count - 1);
}

}  // namespace

void detail::throw_cuda_error(cudaError_t error, const char* call, const char* file, int line) {
  static_cast<void>(cudaGetLastError());
  const std::string text = pare::detail::concatenate(cudaGetErrorString(error), " (", cudaGetErrorName(error), " from ",
                                                     call, " at ", file, ":", line, ")");
  if (error == cudaErrorMemoryAllocation) throw DeviceMemoryError(text);
  throw DeviceError(text, is_sticky(error));
}

bool cuda_is_built() {
  return true;
}

int device_count() {
  int count = 0;
  if (cudaGetDeviceCount(&count) == cudaSuccess) return count;
  static_cast<void>(cudaGetLastError());
  return 0;
}

std::string why_no_device() {
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaSuccess) return count > 0 ? "" : "CUDA sees no GPU";
  static_cast<void>(cudaGetLastError());
  return pare::detail::concatenate("CUDA sees no GPU: ", cudaGetErrorString(error));
}

DeviceInfo describe_device(int device) {
  require_device(device);
  cudaDeviceProp properties{};
  CUDA_CALL(cudaGetDeviceProperties(&properties, device));
  DeviceInfo info;
  info.name = properties.name;
  std::array<char, 32> address{};
  CUDA_CALL(cudaDeviceGetPCIBusId(address.data(), static_cast<int>(address.size()), device));
  info.address = address.data();
  info.compute_capability = 10 * properties.major + properties.minor;
  info.multiprocessors = properties.multiProcessorCount;
  info.memory_bytes = static_cast<std::int64_t>(properties.totalGlobalMem);
  info.l2_bytes = properties.l2CacheSize;
  info.shared_bytes_per_block = static_cast<std::int64_t>(properties.sharedMemPerBlockOptin);
  return info;
}

Stream::Stream(int device) : device_(device) {
  require_device(device);
  make_current();
  multiprocessors_ = attribute(cudaDevAttrMultiProcessorCount, device);
  compute_capability_ = capability(device);
  CUDA_CALL(cudaStreamCreateWithFlags(&handle_, cudaStreamNonBlocking));
}

Stream::~Stream() {
  // Nothing can be reported here: what failed on the stream has been reported by synchronize.
  static_cast<void>(cudaStreamDestroy(handle_));
}

void Stream::make_current() const {
  CUDA_CALL(cudaSetDevice(device_));
}

std::int64_t free_device_memory(const Stream& stream) {
  std::size_t free = 0, total = 0;
  stream.make_current();
  CUDA_CALL(cudaMemGetInfo(&free, &total));
  return static_cast<std::int64_t>(free);
}

void Stream::synchronize() const {
  CUDA_CALL(cudaStreamSynchronize(handle_));
}

PinnedMemory::PinnedMemory(std::span<std::byte> memory) {
  if (cudaHostRegister(memory.data(), memory.size(), cudaHostRegisterPortable) == cudaSuccess)
    data_ = memory.data();
  else
    static_cast<void>(cudaGetLastError());
}

PinnedMemory::~PinnedMemory() {
  if (data_ != nullptr) static_cast<void>(cudaHostUnregister(data_));
}

namespace detail {

void* allocate_on_device(std::size_t bytes) {
  void* pointer = nullptr;
  if (bytes > 0) CUDA_CALL(cudaMalloc(&pointer, bytes));
  return pointer;
}

void free_on_device(void* pointer) noexcept {
  static_cast<void>(cudaFree(pointer));
}

void copy_rows_to_device(const void* from, std::size_t from_stride, void* to, std::size_t to_stride,
                         std::size_t row_bytes, std::size_t rows, const Stream& stream) {
  if (row_bytes == 0 || rows == 0) return;
  CUDA_CALL(
      cudaMemcpy2DAsync(to, to_stride, from, from_stride, row_bytes, rows, cudaMemcpyHostToDevice, stream.handle()));
}

void copy_rows_to_host(const void* from, std::size_t from_stride, void* to, std::size_t to_stride,
                       std::size_t row_bytes, std::size_t rows, const Stream& stream) {
  if (row_bytes == 0 || rows == 0) return;
  CUDA_CALL(
      cudaMemcpy2DAsync(to, to_stride, from, from_stride, row_bytes, rows, cudaMemcpyDeviceToHost, stream.handle()));
}

void copy_bytes_on_device(const void* from, void* to, std::size_t bytes, const Stream& stream) {
  if (bytes > 0) CUDA_CALL(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream.handle()));
}

void fill_bytes(void* to, unsigned char value, std::size_t bytes, const Stream& stream) {
  if (bytes > 0) CUDA_CALL(cudaMemsetAsync(to, value, bytes, stream.handle()));
}

}  // namespace detail
}  // namespace pare::kernels
