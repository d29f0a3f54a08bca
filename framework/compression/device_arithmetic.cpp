// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "framework/compression/compression_arithmetic.hpp"
#include "framework/compression/device_inverse.hpp"
#include "framework/compression/device_sweep.hpp"
#include "framework/compression/sweep_inputs.hpp"
#include "framework/log/log.hpp"
#include "kernels/core/device_matrix.hpp"
#include "kernels/core/parallel.hpp"
#include "kernels/quantize/packed_row.hpp"
#include "kernels/second_order/row_dots.hpp"

namespace pare::framework {
namespace {

using kernels::DeviceMatrix;
using kernels::DeviceView;
using kernels::GroupGrid;
using kernels::Matrix;
using kernels::MatrixView;

void log_lack_of_memory(const char* what, std::int64_t rows, std::int64_t cols, const DeviceMemoryError& error) {
  log_line(LogLevel::warning, fmt::format("the GPU lacks memory for the {} of {} x {}, the CPU computes it: {}", what,
                                          rows, cols, error.what()));
}

/// Whether binary16 holds all scales.
bool are_finite(const Matrix<GroupGrid>& grids) {
  constexpr std::uint16_t infinity = 0x7c00u;
  return std::all_of(grids.data(), grids.data() + grids.size(),
                     [](const GroupGrid& grid) { return grid.scale.bits < infinity; });
}

/// What the GPU cannot do, for lack of memory or because a scale is infinite, is left to the CPU, which then also finds
/// the words for what is wrong with the weights.
class DeviceSweeps final : public LayerSweeps {
 public:
  DeviceSweeps(CompressionGpu& gpu, DeviceInverse inverse) : gpu_(gpu), inverse_(std::move(inverse)) {}

  void quantize_gptq(MatrixView<const float> weight, const kernels::Grid& grid, const GptqSettings& settings,
                     std::span<std::byte> packed) const override {
    try {
      if (try_gptq(weight, grid, settings, packed)) return;
    } catch (const DeviceMemoryError& error) {
      log_lack_of_memory("GPTQ sweep", weight.rows, weight.cols, error);
    }
    on_cpu()->quantize_gptq(weight, grid, settings, packed);
  }

  SparseWeight prune_sparsegpt(MatrixView<const float> weight, const kernels::SparseLayout& layout,
                               const SparseGptSettings& settings, std::span<std::byte> packed) const override {
    try {
      if (std::optional<SparseWeight> result = try_sparsegpt(weight, layout, settings, packed))
        return std::move(*result);
    } catch (const DeviceMemoryError& error) {
      log_lack_of_memory("SparseGPT sweep", weight.rows, weight.cols, error);
    }
    return on_cpu()->prune_sparsegpt(weight, layout, settings, packed);
  }

 private:
  std::unique_ptr<LayerSweeps> on_cpu() const {
    return detail::host_sweeps({{inverse_}, on_host(inverse_.factor, gpu_.stream)});
  }

  bool try_gptq(MatrixView<const float> weight, const kernels::Grid& grid, const GptqSettings& settings,
                std::span<std::byte> packed) const {
    const kernels::PackedLayout layout = detail::check_gptq(weight, inverse_, grid, settings, packed);
    const Matrix<float> live = live_weights(weight, inverse_);
    const bool natural = inverse_.natural();
    DeviceSweep sweep(live.view(), inverse_, gpu_);
    SweepPlan plan{.cols = weight.cols, .block = settings.block};
    if (grid.tensor) {
      sweep.round_to(grid, tensor_grid(live.view(), inverse_, grid, settings.clip));
    } else {
      sweep.round_to(grid, settings.clip ? sweep_importance(inverse_) : std::vector<float>(), !natural);
      if (natural) plan.group_size = grid.group_size == 0 ? weight.cols : grid.group_size;
    }
    sweep_layer(plan, sweep);
    const Matrix<std::uint8_t> codes = sweep.codes();
    const Matrix<GroupGrid> grids = sweep.grids();
    if (!are_finite(grids)) return false;
    kernels::parallel_for(weight.rows, 16, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        const std::span<const GroupGrid> of_row(grids.row(layout.grid_row(r)), static_cast<std::size_t>(grids.cols()));
        kernels::write_row(grid, layout, r, of_row, codes.row(r), packed);
      }
    });
    return true;
  }

  std::optional<SparseWeight> try_sparsegpt(MatrixView<const float> weight, const kernels::SparseLayout& layout,
                                            const SparseGptSettings& settings, std::span<std::byte> packed) const {
    detail::check_sparsegpt(weight, inverse_, layout, settings);
    const SweepPlan plan{.cols = weight.cols,
                         .block = settings.block,
                         .group_size = layout.grid ? layout.group_size() : 0,
                         .neighbours = layout.pattern.of,
                         .unstructured = layout.pattern.of == 0};
    if (!plan.is_possible()) return std::nullopt;
    DeviceSweep sweep(live_weights(weight, inverse_).view(), inverse_, gpu_);
    sweep.prune(layout.pattern);
    if (layout.grid) sweep.round_to(*layout.grid, std::vector<float>(), false);
    sweep_layer(plan, sweep);
    SparseWeight result{Matrix<float>(weight.rows, weight.cols), sweep.keep()};
    const Matrix<double> stored = sweep.weights();
    kernels::parallel_for(weight.rows, 16, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin * weight.cols; i < end * weight.cols; ++i)
        result.weight.data()[i] = static_cast<float>(stored.data()[i]);
    });
    if (!layout.grid) {
      kernels::pack_sparse(layout, result.keep.view(), result.weight.view(), packed);
      return result;
    }
    const Matrix<GroupGrid> grids = sweep.grids();
    if (!are_finite(grids)) return std::nullopt;
    kernels::pack_sparse_codes(layout, result.keep.view(), sweep.codes().view(), grids.view(), packed);
    return result;
  }

  CompressionGpu& gpu_;
  DeviceInverse inverse_;
};

/// Once the GPU lacked memory for a change, this one and all further ones are left to the CPU, so that the log has one
/// line of it and not one for every option.
class DeviceOutputError final : public OutputError {
 public:
  DeviceOutputError(MatrixView<const float> hessian, CompressionGpu& gpu)
      : OutputError(detail::diagonal_of(hessian)), gpu_(gpu), hessian_(on_device(hessian, gpu.stream)) {}

  double operator()(MatrixView<const float> difference) const override {
    check(difference);
    if (on_cpu_) return (*on_cpu_)(difference);
    try {
      return on_gpu(difference);
    } catch (const DeviceMemoryError& error) {
      log_lack_of_memory("output error", difference.rows, difference.cols, error);
    }
    on_cpu_.emplace(on_host(hessian_, gpu_.stream).view());
    hessian_ = {};
    return (*on_cpu_)(difference);
  }

 private:
  double on_gpu(MatrixView<const float> difference) const {
    constexpr std::int64_t block_rows = 4096;  // an output layer has 128,256 rows and more
    const std::int64_t most_rows = std::min(difference.rows, block_rows);
    DeviceMatrix<float> changes(most_rows, difference.cols), products(most_rows, difference.cols);
    DeviceMatrix<double> errors(1, difference.rows);
    for (std::int64_t first = 0; first < difference.rows; first += block_rows) {
      const std::int64_t rows = std::min(block_rows, difference.rows - first);
      const DeviceView<float> change = changes.view().rows_from(0, rows), product = products.view().rows_from(0, rows);
      copy_to_device<float>(difference.rows_from(first, rows), change, gpu_.stream);
      gpu_.algebra.multiply(change, hessian_.view(), product);
      dot_rows(product, change, errors.view().cols_from(first, rows), gpu_.stream);
    }
    const Matrix<double> row_errors = on_host(errors, gpu_.stream);
    return total({row_errors.data(), static_cast<std::size_t>(row_errors.size())});
  }

  CompressionGpu& gpu_;
  mutable DeviceMatrix<float> hessian_;
  mutable std::optional<HostOutputError> on_cpu_;
};

class DeviceArithmetic final : public CompressionArithmetic {
 public:
  explicit DeviceArithmetic(int gpu) : gpu_(gpu) {}

  std::unique_ptr<LayerSweeps> prepare_sweeps(MatrixView<const float> hessian, SweepOrder order) override {
    try {
      return std::make_unique<DeviceSweeps>(gpu_, invert_on_device(hessian, order, gpu_));
    } catch (const DeviceMemoryError& error) {
      log_lack_of_memory("inverse Hessian", hessian.rows, hessian.cols, error);
    }
    return detail::host_sweeps(invert_hessian(hessian, order));
  }

  std::unique_ptr<OutputError> prepare_output_error(MatrixView<const float> hessian) override {
    gpu_.stream.make_current();
    try {
      return std::make_unique<DeviceOutputError>(hessian, gpu_);
    } catch (const DeviceMemoryError& error) {
      log_lack_of_memory("Hessian", hessian.rows, hessian.cols, error);
    }
    return std::make_unique<HostOutputError>(hessian);
  }

 private:
  CompressionGpu gpu_;
};

}  // namespace

std::unique_ptr<CompressionArithmetic> detail::make_device_arithmetic(int gpu) {
  try {
    return std::make_unique<DeviceArithmetic>(gpu);
  } catch (const DeviceMemoryError& error) {
    log_line(LogLevel::warning, fmt::format("the GPU lacks memory for compression, the CPU does it: {}", error.what()));
  }
  return make_compression_arithmetic(std::nullopt);
}

}  // namespace pare::framework
