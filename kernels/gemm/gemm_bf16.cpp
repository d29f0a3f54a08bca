// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/gemm_bf16.hpp"

#include <array>
#include <compare>
#include <map>

#include <cublasLt.h>

#include "kernels/core/device_matrix.hpp"
#include "kernels/core/error.hpp"
#include "kernels/gemm/gemm_bf16_launch.hpp"

#define CUBLAS_CALL(call)                                                                    \
  do {                                                                                       \
    if (const cublasStatus_t cublas_status = (call); cublas_status != CUBLAS_STATUS_SUCCESS) \
      throw_cublas_error(cublas_status, #call, __LINE__);                                    \
  } while (false)

namespace pare::kernels {
namespace {

/// The rows for which algorithms are chosen: enough to fill a card.
constexpr std::int64_t chosen_rows = 2048;
/// What an algorithm may use besides, for other purposes than the parts of sums: those stay within a block.
constexpr std::int64_t workspace_bytes = std::int64_t{4} << 20;
constexpr int hopper = 90;
constexpr std::int64_t alignment_bytes = 16;
constexpr std::int64_t bf16_unit = alignment_bytes / static_cast<std::int64_t>(sizeof(BFloat16));
constexpr int candidates = 16;

[[noreturn]] void throw_cublas_error(cublasStatus_t status, const char* call, int line) {
  throw DeviceError(pare::detail::concatenate(cublasLtGetStatusString(status), " (", cublasLtGetStatusName(status),
                                              " from ", call, " at ", __FILE__, ":", line, ")"),
                    false);
}

template <class Out>
constexpr cudaDataType_t type_of = sizeof(Out) == sizeof(float) ? CUDA_R_32F : CUDA_R_16BF;

/// What one algorithm serves: any number of rows of this.
struct Family {
  std::int64_t outputs;
  std::int64_t inputs;
  cudaDataType_t out_type;
  bool bias;
  bool accumulate;

  auto operator<=>(const Family&) const = default;
};

/// cuBLASLt's matrices are column-major: ours, read so, are transposed. out^T [N, M] = weight [N, K] * x^T [K, M].
class Description {
 public:
  Description(const Family& family, std::int64_t rows, std::int64_t x_stride, std::int64_t weight_stride,
              std::int64_t out_stride, const void* bias) {
    CUBLAS_CALL(cublasLtMatmulDescInit(&product, CUBLAS_COMPUTE_32F, CUDA_R_32F));
    const cublasOperation_t transposed = CUBLAS_OP_T;
    set(CUBLASLT_MATMUL_DESC_TRANSA, transposed);
    if (family.bias) {
      const cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_BIAS;
      set(CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue);
      set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
    }
    const auto outputs = static_cast<std::uint64_t>(family.outputs);
    const auto inputs = static_cast<std::uint64_t>(family.inputs);
    const auto columns = static_cast<std::uint64_t>(rows);
    CUBLAS_CALL(cublasLtMatrixLayoutInit(&weight, CUDA_R_16BF, inputs, outputs, weight_stride));
    CUBLAS_CALL(cublasLtMatrixLayoutInit(&x, CUDA_R_16BF, inputs, columns, x_stride));
    CUBLAS_CALL(cublasLtMatrixLayoutInit(&out, family.out_type, outputs, columns, out_stride));
  }

  cublasLtMatmulDescOpaque_t product;
  cublasLtMatrixLayoutOpaque_t weight;
  cublasLtMatrixLayoutOpaque_t x;
  cublasLtMatrixLayoutOpaque_t out;

 private:
  template <class T>
  void set(cublasLtMatmulDescAttributes_t attribute, const T& value) {
    CUBLAS_CALL(cublasLtMatmulDescSetAttribute(&product, attribute, &value, sizeof(value)));
  }
};

class Preference {
 public:
  Preference() { CUBLAS_CALL(cublasLtMatmulPreferenceInit(&preference)); }

  template <class T>
  void set(cublasLtMatmulPreferenceAttributes_t attribute, const T& value) {
    CUBLAS_CALL(cublasLtMatmulPreferenceSetAttribute(&preference, attribute, &value, sizeof(value)));
  }

  cublasLtMatmulPreferenceOpaque_t preference;
};

/// Whether an output's products are added within one block.
bool keeps_sums_whole(const cublasLtMatmulAlgo_t& algorithm) {
  std::int32_t splits = 0;
  std::uint32_t reduction = 0;
  std::size_t written = 0;
  CUBLAS_CALL(cublasLtMatmulAlgoConfigGetAttribute(&algorithm, CUBLASLT_ALGO_CONFIG_SPLITK_NUM, &splits, sizeof(splits),
                                                   &written));
  CUBLAS_CALL(cublasLtMatmulAlgoConfigGetAttribute(&algorithm, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME, &reduction,
                                                   sizeof(reduction), &written));
  return splits <= 1 && reduction == CUBLASLT_REDUCTION_SCHEME_NONE;
}

std::int64_t rounded_up(std::int64_t value, std::int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

template <class T>
void require_16_bytes(const T* data, const char* name) {
  VALIDATE(reinterpret_cast<std::uintptr_t>(data) % alignment_bytes == 0, "the bfloat16 product needs operands at ",
           "multiples of ", alignment_bytes, " bytes, ", name, " begins at ", static_cast<const void*>(data));
}

template <class T>
void require_16_bytes(const DeviceView<T>& view, const char* name) {
  require_16_bytes(view.data, name);
  constexpr std::int64_t unit = alignment_bytes / static_cast<std::int64_t>(sizeof(T));
  VALIDATE(view.stride % unit == 0, "the rows of ", name, " are ", view.stride,
           " elements apart, the bfloat16 product ", "needs a multiple of ", unit);
}

}  // namespace

struct Bf16Gemm::Implementation {
  Implementation(const Stream& stream, Bf16Route route)
      : ours(route == Bf16Route::best && stream.compute_capability() == hopper) {
    stream.make_current();
    if (ours) return;
    CUBLAS_CALL(cublasLtCreate(&handle));
  }
  ~Implementation() {
    if (handle != nullptr) static_cast<void>(cublasLtDestroy(handle));
  }
  Implementation(const Implementation&) = delete;
  Implementation& operator=(const Implementation&) = delete;

  /// The library's first choice among what is allowed, for rows without gaps but those of alignment.
  cublasLtMatmulAlgo_t choose(const Family& family, const void* bias) const {
    const std::int64_t inputs_stride = rounded_up(family.inputs, bf16_unit);
    const std::int64_t outputs_stride = rounded_up(family.outputs, bf16_unit);
    Description with(family, chosen_rows, inputs_stride, inputs_stride, outputs_stride, bias);
    Preference preference;
    preference.set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, static_cast<std::uint64_t>(workspace_bytes));
    preference.set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, static_cast<std::uint32_t>(alignment_bytes));
    preference.set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, static_cast<std::uint32_t>(alignment_bytes));
    preference.set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, static_cast<std::uint32_t>(alignment_bytes));
    preference.set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, static_cast<std::uint32_t>(alignment_bytes));
    preference.set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
                   static_cast<std::uint32_t>(CUBLASLT_REDUCTION_SCHEME_NONE));
    std::array<cublasLtMatmulHeuristicResult_t, candidates> results{};
    int found = 0;
    CUBLAS_CALL(cublasLtMatmulAlgoGetHeuristic(handle, &with.product, &with.weight, &with.x, &with.out, &with.out,
                                               &preference.preference, candidates, results.data(), &found));
    for (int i = 0; i < found; ++i) {
      const cublasLtMatmulHeuristicResult_t& result = results[static_cast<std::size_t>(i)];
      if (result.state != CUBLAS_STATUS_SUCCESS) continue;
      if (keeps_sums_whole(result.algo)) return result.algo;
    }
    throw DeviceError(
        pare::detail::concatenate("cuBLASLt has no algorithm that adds the products of a sum in one block for ",
                                  family.outputs, " outputs and ", family.inputs, " inputs (it offered ", found, ")"),
        false);
  }

  const cublasLtMatmulAlgo_t& algorithm(const Family& family, const void* bias) {
    const auto known = algorithms.find(family);
    return known != algorithms.end() ? known->second : algorithms.emplace(family, choose(family, bias)).first->second;
  }

  template <class Out>
  void multiply(DeviceView<const BFloat16> x, DeviceView<const BFloat16> weight, DeviceSpan<const Out> bias,
                DeviceView<Out> out, bool accumulate, const Stream& stream) {
    VALIDATE(x.cols == weight.cols && x.cols > 0, "activations have ", x.cols, " inputs, weights have ", weight.cols,
             ", they must have the same number and at least 1");
    VALIDATE(out.rows == x.rows && out.cols == weight.rows, "the output of ", x.rows, " rows and ", weight.rows,
             " outputs is ", out.rows, " x ", out.cols);
    VALIDATE(bias.empty() || bias.size == weight.rows, "the bias has ", bias.size, " values for ", weight.rows,
             " outputs");
    require_16_bytes(x, "x");
    require_16_bytes(weight, "weight");
    require_16_bytes(out, "out");
    require_16_bytes(bias.data, "bias");
    if (out.size() == 0) return;
    if (ours) {
      detail::launch_gemm_bf16_hopper(x, weight, bias, out, accumulate, 0, stream);
    } else {
      multiply_by_cublaslt(x, weight, bias, out, accumulate, stream);
    }
  }

  template <class Out>
  void multiply_by_cublaslt(DeviceView<const BFloat16> x, DeviceView<const BFloat16> weight, DeviceSpan<const Out> bias,
                            DeviceView<Out> out, bool accumulate, const Stream& stream) {
    const Family family{weight.rows, x.cols, type_of<Out>, !bias.empty(), accumulate};
    const cublasLtMatmulAlgo_t& chosen = algorithm(family, bias.data);
    Description call(family, x.rows, x.stride, weight.stride, out.stride, bias.data);
    cublasLtMatmulHeuristicResult_t checked{};
    const cublasStatus_t status =
        cublasLtMatmulAlgoCheck(handle, &call.product, &call.weight, &call.x, &call.out, &call.out, &chosen, &checked);
    if (status != CUBLAS_STATUS_SUCCESS || checked.workspaceSize > static_cast<std::size_t>(workspace_bytes)) {
      throw DeviceError(
          pare::detail::concatenate("cuBLASLt's algorithm of ", chosen_rows, " rows cannot run ", x.rows, " rows of ",
                                    weight.rows, " outputs and ", x.cols, " inputs (", cublasLtGetStatusString(status),
                                    ", workspace ", checked.workspaceSize, " of ", workspace_bytes, " bytes)"),
          false);
    }
    if (workspace.size() == 0) workspace = DeviceMatrix<std::byte>(1, workspace_bytes);
    const float one = 1.0f, old = accumulate ? 1.0f : 0.0f;
    CUBLAS_CALL(cublasLtMatmul(handle, &call.product, &one, weight.data, &call.weight, x.data, &call.x, &old, out.data,
                               &call.out, out.data, &call.out, &chosen, workspace.data(),
                               static_cast<std::size_t>(workspace_bytes), stream.handle()));
  }

  bool ours;
  cublasLtHandle_t handle = nullptr;
  DeviceMatrix<std::byte> workspace;
  std::map<Family, cublasLtMatmulAlgo_t> algorithms;
};

Bf16Gemm::Bf16Gemm(const Stream& stream, Bf16Route route)
    : implementation_(std::make_unique<Implementation>(stream, route)) {}
Bf16Gemm::~Bf16Gemm() = default;
Bf16Gemm::Bf16Gemm(Bf16Gemm&&) noexcept = default;
Bf16Gemm& Bf16Gemm::operator=(Bf16Gemm&&) noexcept = default;

void Bf16Gemm::multiply(DeviceView<const BFloat16> x, DeviceView<const BFloat16> weight,
                        DeviceSpan<const BFloat16> bias, DeviceView<BFloat16> out, bool accumulate,
                        const Stream& stream) const {
  implementation_->multiply(x, weight, bias, out, accumulate, stream);
}

void Bf16Gemm::multiply(DeviceView<const BFloat16> x, DeviceView<const BFloat16> weight, DeviceSpan<const float> bias,
                        DeviceView<float> out, bool accumulate, const Stream& stream) const {
  implementation_->multiply(x, weight, bias, out, accumulate, stream);
}

}  // namespace pare::kernels
