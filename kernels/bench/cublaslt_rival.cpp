// SPDX-License-Identifier: Apache-2.0
#include "kernels/bench/cublaslt_rival.hpp"

#include <array>
#include <type_traits>

#include <cublasLt.h>

#include "kernels/core/contract.hpp"
#include "kernels/core/gpu_timer.hpp"

namespace pare::bench {
namespace {

void require(cublasStatus_t status, const char* call) {
  if (status != CUBLAS_STATUS_SUCCESS) {
    throw DeviceError(pare::detail::concatenate(cublasLtGetStatusString(status), " (from ", call, ")"), false);
  }
}

#define CUBLAS_CALL(call) require(call, #call)

struct Types {
  cublasComputeType_t compute;
  cudaDataType_t scale;
  cudaDataType_t in;
  cudaDataType_t out;
};

constexpr Types int8_types{CUBLAS_COMPUTE_32I, CUDA_R_32I, CUDA_R_8I, CUDA_R_32I};
constexpr Types bf16_types{CUBLAS_COMPUTE_32F, CUDA_R_32F, CUDA_R_16BF, CUDA_R_16BF};
constexpr std::size_t workspace_bytes = std::size_t{64} << 20;
constexpr int most_algorithms = 8;

/// cuBLASLt is column-major: out^T [n, m] = weight [n, k] * x^T [k, m], both operands k-major.
struct Problem {
  Problem(const Types& types, std::int64_t m, std::int64_t n, std::int64_t k) {
    CUBLAS_CALL(cublasLtMatmulDescCreate(&description, types.compute, types.scale));
    const cublasOperation_t transposed = CUBLAS_OP_T;
    CUBLAS_CALL(
        cublasLtMatmulDescSetAttribute(description, CUBLASLT_MATMUL_DESC_TRANSA, &transposed, sizeof(transposed)));
    CUBLAS_CALL(
        cublasLtMatrixLayoutCreate(&weight, types.in, static_cast<std::uint64_t>(k), static_cast<std::uint64_t>(n), k));
    CUBLAS_CALL(
        cublasLtMatrixLayoutCreate(&x, types.in, static_cast<std::uint64_t>(k), static_cast<std::uint64_t>(m), k));
    CUBLAS_CALL(
        cublasLtMatrixLayoutCreate(&out, types.out, static_cast<std::uint64_t>(n), static_cast<std::uint64_t>(m), n));
  }
  ~Problem() {
    cublasLtMatrixLayoutDestroy(out);
    cublasLtMatrixLayoutDestroy(x);
    cublasLtMatrixLayoutDestroy(weight);
    cublasLtMatmulDescDestroy(description);
  }
  Problem(const Problem&) = delete;
  Problem& operator=(const Problem&) = delete;

  cublasLtMatmulDesc_t description = nullptr;
  cublasLtMatrixLayout_t weight = nullptr;
  cublasLtMatrixLayout_t x = nullptr;
  cublasLtMatrixLayout_t out = nullptr;
};

}  // namespace

struct CublasLtRival::Implementation {
  explicit Implementation(const kernels::Stream& stream_)
      : stream(stream_), workspace(1, static_cast<std::int64_t>(workspace_bytes)) {
    CUBLAS_CALL(cublasLtCreate(&handle));
  }
  ~Implementation() { cublasLtDestroy(handle); }

  template <class In, class Out>
  std::function<void(int)> fastest(const Types& types, std::int64_t m, std::int64_t n, std::int64_t k, const In* x,
                                   const In* weight, Out* out, int sets) {
    const auto problem = std::make_shared<Problem>(types, m, n, k);
    cublasLtMatmulPreference_t preference = nullptr;
    CUBLAS_CALL(cublasLtMatmulPreferenceCreate(&preference));
    CUBLAS_CALL(cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                                     &workspace_bytes, sizeof(workspace_bytes)));
    std::array<cublasLtMatmulHeuristicResult_t, most_algorithms> found{};
    int count = 0;
    const cublasStatus_t status =
        cublasLtMatmulAlgoGetHeuristic(handle, problem->description, problem->weight, problem->x, problem->out,
                                       problem->out, preference, most_algorithms, found.data(), &count);
    cublasLtMatmulPreferenceDestroy(preference);
    if (status != CUBLAS_STATUS_SUCCESS) return {};
    std::function<void(int)> best;
    double shortest = 0.0;
    for (int i = 0; i < count; ++i) {
      const cublasLtMatmulAlgo_t algorithm = found[static_cast<std::size_t>(i)].algo;
      const auto run = [this, problem, algorithm, m, n, k, x, weight, out](int set) {
        using Scale = std::conditional_t<std::is_same_v<Out, std::int32_t>, std::int32_t, float>;
        const Scale one = 1, zero = 0;
        Out* const to = out + set * m * n;
        CUBLAS_CALL(cublasLtMatmul(handle, problem->description, &one, weight + set * n * k, problem->weight,
                                   x + set * m * k, problem->x, &zero, to, problem->out, to, problem->out, &algorithm,
                                   workspace.data(), workspace_bytes, stream.handle()));
      };
      const double seconds = kernels::time_on_gpu(stream, sets, run).median;
      if (best && seconds >= shortest) continue;
      best = run;
      shortest = seconds;
    }
    return best;
  }

  const kernels::Stream& stream;
  kernels::DeviceMatrix<std::byte> workspace;
  cublasLtHandle_t handle = nullptr;
};

CublasLtRival::CublasLtRival(const kernels::Stream& stream)
    : implementation_(std::make_unique<Implementation>(stream)) {}
CublasLtRival::~CublasLtRival() = default;

std::function<void(int)> CublasLtRival::int8(std::int64_t m, std::int64_t n, std::int64_t k, const std::int8_t* x,
                                             const std::int8_t* weight, std::int32_t* out, int sets) {
  return implementation_->fastest(int8_types, m, n, k, x, weight, out, sets);
}

std::function<void(int)> CublasLtRival::bf16(std::int64_t m, std::int64_t n, std::int64_t k, const kernels::BFloat16* x,
                                             const kernels::BFloat16* weight, kernels::BFloat16* out, int sets) {
  return implementation_->fastest(bf16_types, m, n, k, x, weight, out, sets);
}

}  // namespace pare::bench
