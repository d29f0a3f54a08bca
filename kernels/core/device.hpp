// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace pare::kernels {

/// What is known about one GPU before anything runs on it.
struct DeviceInfo {
  std::string name;
  std::string
      address;  ///< on the PCI bus, "0000:17:00.0": tells two GPUs of a node apart, whatever a process calls them
  int compute_capability = 0;  ///< 10 * major + minor: 90 for an H100
  int multiprocessors = 0;
  std::int64_t memory_bytes = 0;
  std::int64_t l2_bytes = 0;
  std::int64_t shared_bytes_per_block = 0;  ///< the most a block may ask for
};

/// Whether this build has CUDA kernels at all.
bool cuda_is_built();

/// GPUs that this process may use (CUDA_VISIBLE_DEVICES respected); 0 without CUDA, without a driver and without a
/// GPU. Never throws.
int device_count();

/// Why device_count() is 0, as one line for messages and skipped tests.
std::string why_no_device();

/// Throws InputError when there is no such GPU: the text says how many there are.
DeviceInfo describe_device(int device);

class Stream;
/// Memory of the stream's GPU that nobody has taken yet, in bytes. Throws DeviceError.
std::int64_t free_device_memory(const Stream& stream);

}  // namespace pare::kernels
