// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/compression_arithmetic.hpp"

#include <utility>

namespace pare::framework {
namespace {

class HostSweeps final : public LayerSweeps {
 public:
  explicit HostSweeps(InverseHessian inverse) : inverse_(std::move(inverse)) {}

  void quantize_gptq(kernels::MatrixView<const float> weight, const kernels::Grid& grid, const GptqSettings& settings,
                     std::span<std::byte> packed) const override {
    framework::quantize_gptq(weight, inverse_, grid, settings, packed);
  }

  SparseWeight prune_sparsegpt(kernels::MatrixView<const float> weight, const kernels::SparseLayout& layout,
                               const SparseGptSettings& settings, std::span<std::byte> packed) const override {
    return framework::prune_sparsegpt(weight, inverse_, layout, settings, packed);
  }

 private:
  InverseHessian inverse_;
};

class HostArithmetic final : public CompressionArithmetic {
 public:
  std::unique_ptr<LayerSweeps> prepare_sweeps(kernels::MatrixView<const float> hessian, SweepOrder order) override {
    return detail::host_sweeps(invert_hessian(hessian, order));
  }

  std::unique_ptr<OutputError> prepare_output_error(kernels::MatrixView<const float> hessian) override {
    return std::make_unique<HostOutputError>(hessian);
  }
};

}  // namespace

std::unique_ptr<LayerSweeps> detail::host_sweeps(InverseHessian inverse) {
  return std::make_unique<HostSweeps>(std::move(inverse));
}

std::unique_ptr<CompressionArithmetic> make_compression_arithmetic(std::optional<int> gpu) {
  if (gpu) return detail::make_device_arithmetic(*gpu);
  return std::make_unique<HostArithmetic>();
}

}  // namespace pare::framework
