// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "kernels/bench/gpu_timer.hpp"
#include "kernels/core/device_matrix.hpp"
#include "kernels/core/dtype.hpp"

namespace pare::bench {

/// cuBLASLt at the product that gemm_int8 computes, without its scales: int8 to int32 sums, or bfloat16 to bfloat16. Takes
/// the fastest of the eight algorithms that its heuristic likes best.
class CublasLtRival {
 public:
  explicit CublasLtRival(const kernels::Stream& stream);
  ~CublasLtRival();
  CublasLtRival(const CublasLtRival&) = delete;
  CublasLtRival& operator=(const CublasLtRival&) = delete;

  /// Time of out [m, n] = x [m, k] * weight [n, k]^T over `sets` consecutive matrices behind each pointer. The median is 0
  /// when cuBLASLt has no algorithm.
  GpuTime int8(std::int64_t m, std::int64_t n, std::int64_t k, const std::int8_t* x, const std::int8_t* weight,
               std::int32_t* out, int sets);
  GpuTime bf16(std::int64_t m, std::int64_t n, std::int64_t k, const kernels::BFloat16* x,
               const kernels::BFloat16* weight, kernels::BFloat16* out, int sets);

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace pare::bench
