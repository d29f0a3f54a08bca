// SPDX-License-Identifier: Apache-2.0
#include "framework/bench/kernel_times.hpp"

#include <cuda_runtime_api.h>
#include <cupti.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace pare::framework {
namespace {

// CUPTI's callbacks know nothing of who asked.
std::map<std::string, double> seconds_of;

/// The first whose part occurs in a kernel's name.
constexpr std::array<std::pair<std::string_view, std::string_view>, 15> families{{
    {"gemm_int8", "int8 products"},
    {"gemm_bf16", "bf16 products"},
    {"gated_productIi", "int8 products"},
    {"gated_productIf", "bf16 products"},
    {"expand", "expansion"},
    {"divide_columns", "expansion"},
    {"causal", "attention"},
    {"head", "head"},
    {"losses", "head"},
    {"select", "head"},
    {"score", "head"},
    {"swiglu", "SwiGLU"},
    {"rms_norm", "norms"},
    {"rope", "rotary embedding"},
    {"quantize", "quantization"},
}};

std::string family_of(std::string_view kernel) {
  for (const auto& [part, family] : families)
    if (kernel.find(part) != std::string_view::npos) return std::string(family);
  return "other kernels";
}

void CUPTIAPI give_buffer(std::uint8_t** buffer, std::size_t* size, std::size_t* most_records) {
  *size = std::size_t{4} << 20;
  *buffer = static_cast<std::uint8_t*>(std::aligned_alloc(8, *size));
  *most_records = 0;
}

void CUPTIAPI take_buffer(CUcontext, std::uint32_t, std::uint8_t* buffer, std::size_t, std::size_t valid) {
  CUpti_Activity* record = nullptr;
  while (cuptiActivityGetNextRecord(buffer, valid, &record) == CUPTI_SUCCESS) {
    if (record->kind == CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL) {
      const auto& kernel = *reinterpret_cast<const CUpti_ActivityKernel10*>(record);
      seconds_of[family_of(kernel.name)] += static_cast<double>(kernel.end - kernel.start) * 1e-9;
    } else if (record->kind == CUPTI_ACTIVITY_KIND_MEMCPY) {
      const auto& copy = *reinterpret_cast<const CUpti_ActivityMemcpy6*>(record);
      const bool on_device = copy.copyKind == CUPTI_ACTIVITY_MEMCPY_KIND_DTOD;
      seconds_of[on_device ? "copies of states" : "copies from and to the host"] +=
          static_cast<double>(copy.end - copy.start) * 1e-9;
    }
  }
  std::free(buffer);
}

}  // namespace

std::map<std::string, double> kernel_times(const std::function<void()>& body) {
  constexpr std::array kinds{CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL, CUPTI_ACTIVITY_KIND_MEMCPY};
  cudaDeviceSynchronize();
  if (cuptiActivityRegisterCallbacks(give_buffer, take_buffer) != CUPTI_SUCCESS) return {};
  for (const CUpti_ActivityKind kind : kinds) cuptiActivityEnable(kind);
  body();
  cudaDeviceSynchronize();
  for (const CUpti_ActivityKind kind : kinds) cuptiActivityDisable(kind);
  cuptiActivityFlushAll(0);
  return std::exchange(seconds_of, {});
}

}  // namespace pare::framework
