// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "kernels/core/device_matrix.hpp"
#include "kernels/core/dtype.hpp"

namespace pare::bench {

/// cuBLASLt at the product that gemm_int8 computes, without its scales: int8 to int32 sums, or bfloat16 to bfloat16, by the
/// fastest of the eight algorithms that its heuristic likes best. `stream` outlives the rival.
class CublasLtRival {
 public:
  explicit CublasLtRival(const kernels::Stream& stream);
  ~CublasLtRival();
  CublasLtRival(const CublasLtRival&) = delete;
  CublasLtRival& operator=(const CublasLtRival&) = delete;

  /// What enqueues out [m, n] = x [m, k] * weight [n, k]^T for the i-th of `sets` consecutive matrices behind each pointer;
  /// empty when cuBLASLt has no algorithm. Times the algorithms; the result lives as long as the rival.
  std::function<void(int)> int8(std::int64_t m, std::int64_t n, std::int64_t k, const std::int8_t* x,
                                const std::int8_t* weight, std::int32_t* out, int sets);
  std::function<void(int)> bf16(std::int64_t m, std::int64_t n, std::int64_t k, const kernels::BFloat16* x,
                                const kernels::BFloat16* weight, kernels::BFloat16* out, int sets);

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace pare::bench
