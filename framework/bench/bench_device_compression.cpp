// SPDX-License-Identifier: Apache-2.0
//
//   bench_device_compression [side] [threads]
//
// Seconds that the second-order methods take on the GPU and on the CPU for one layer [side, side] (4096) with 4 * side
// tokens of calibration, copies included; and, measured shape by shape on the GPU, what they take to quantize all layers
// of a Llama 3 of 8 billion weights to w4-g128-gptq, with the errors of their outputs. Weights are read, and restored
// from what was packed, besides, which is not counted.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "framework/compression/compression_arithmetic.hpp"
#include "framework/compression/output_error.hpp"
#include "kernels/core/device.hpp"
#include "kernels/core/parallel.hpp"
#include "kernels/core/philox.hpp"
#include "kernels/gemm/gram.hpp"

namespace {

using namespace pare;
using namespace pare::framework;
using kernels::Matrix;

double seconds(const std::function<void()>& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Matrix<float> random_matrix(std::int64_t rows, std::int64_t cols, std::uint64_t seed) {
  Matrix<float> matrix(rows, cols);
  kernels::parallel_for(rows, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin * cols; i < end * cols; ++i)
      matrix.data()[i] = static_cast<float>(kernels::uniform_number(seed, 0, static_cast<std::uint64_t>(i)) - 0.5);
  });
  return matrix;
}

/// X^T X of random tokens.
Matrix<float> random_hessian(std::int64_t tokens, std::int64_t inputs) {
  Matrix<float> hessian(inputs, inputs);
  std::fill_n(hessian.data(), hessian.size(), 0.0f);
  kernels::add_gram(random_matrix(tokens, inputs, 2).view(), hessian.view());
  return hessian;
}

class LayerBench {
 public:
  LayerBench(CompressionArithmetic& arithmetic, const Matrix<float>& weight, const Matrix<float>& hessian)
      : arithmetic_(arithmetic), weight_(weight), hessian_(hessian) {}

  double inverse(SweepOrder order) {
    return seconds([&] { sweeps_ = arithmetic_.prepare_sweeps(hessian_.view(), order); });
  }

  double gptq(bool clip) {
    const kernels::Grid grid{4, 128, false};
    packed_.resize(static_cast<std::size_t>(kernels::packed_layout(grid, weight_.rows(), weight_.cols()).total_bytes));
    return seconds([&] { sweeps_->quantize_gptq(weight_.view(), grid, {.clip = clip}, packed_); });
  }

  /// With the steps that the first option of a layer needs: the Hessian, what the weights count, what the option costs.
  double first_output_error() {
    return seconds([&] {
      error_ = arithmetic_.prepare_output_error(hessian_.view());
      (*error_)(weight_.view());
      (*error_)(weight_.view());
    });
  }

  double output_error() {
    return seconds([&] { value_ = (*error_)(weight_.view()); });
  }

  double error_unlike(const LayerBench& other) const { return std::abs(value_ / other.value_ - 1); }

  /// Bytes of the last gptq that another one does not share.
  std::int64_t bytes_unlike(const LayerBench& other) const {
    std::int64_t unlike = 0;
    for (std::size_t i = 0; i < packed_.size(); ++i) unlike += packed_[i] != other.packed_[i];
    return unlike;
  }

  double sparsegpt(const kernels::SparsityPattern& pattern) {
    const kernels::SparseLayout layout = kernels::sparse_layout(pattern, std::nullopt, weight_.rows(), weight_.cols());
    std::vector<std::byte> packed(static_cast<std::size_t>(layout.total_bytes));
    return seconds([&] { sweeps_->prune_sparsegpt(weight_.view(), layout, {}, packed); });
  }

 private:
  CompressionArithmetic& arithmetic_;
  const Matrix<float>& weight_;
  const Matrix<float>& hessian_;
  std::unique_ptr<LayerSweeps> sweeps_;
  std::vector<std::byte> packed_;
  std::unique_ptr<OutputError> error_;
  double value_ = 0;
};

void compare(std::int64_t side, CompressionArithmetic& gpu, CompressionArithmetic& cpu) {
  const Matrix<float> hessian = random_hessian(4 * side, side);
  const Matrix<float> weight = random_matrix(side, side, 1);
  const auto report = [](const char* name, double there, double here) {
    fmt::print("  {:<34} {:8.3f} {:8.3f} {:7.1f}\n", name, there, here, here / there);
  };
  fmt::print("  {:<34} {:>8} {:>8} {:>7}\n", fmt::format("one layer of {0} x {0}", side), "GPU s", "CPU s", "ratio");
  LayerBench there(gpu, weight, hessian), here(cpu, weight, hessian);
  report("inverse, order of activations", there.inverse(SweepOrder::activation), here.inverse(SweepOrder::activation));
  report("w4-g128-gptq-act, the sweep", there.gptq(false), here.gptq(false));
  report("inverse", there.inverse(SweepOrder::natural), here.inverse(SweepOrder::natural));
  report("w4-g128-gptq, the sweep", there.gptq(false), here.gptq(false));
  fmt::print("  {} bytes of codes and grids differ\n", there.bytes_unlike(here));
  report("w4-g128-gptq-mse, the sweep", there.gptq(true), here.gptq(true));
  fmt::print("  {} bytes of codes and grids differ\n", there.bytes_unlike(here));
  const kernels::SparsityPattern two_of_four{.kept = 2, .of = 4}, half{.ratio = 0.5};
  report("2:4-sparsegpt, the sweep", there.sparsegpt(two_of_four), here.sparsegpt(two_of_four));
  report("50%-sparsegpt, the sweep", there.sparsegpt(half), here.sparsegpt(half));
  report("output error, the first option", there.first_output_error(), here.first_output_error());
  report("output error, a further one", there.output_error(), here.output_error());
  fmt::print("  the error differs by {:.1e} of itself\n", there.error_unlike(here));
}

/// All seven linears of a layer, each with an inverse of its own, as sites that nothing ties have.
void project(CompressionArithmetic& gpu) {
  struct Shape {
    const char* name;
    std::int64_t outputs, inputs, count;
  };
  constexpr std::int64_t layers = 32;
  double total = 0;
  fmt::print("Llama 3 8B, w4-g128-gptq on the GPU        inverse s  sweep s  error s   sites\n");
  for (const Shape& shape : {Shape{"q_proj, o_proj", 4096, 4096, 2}, Shape{"k_proj, v_proj", 1024, 4096, 2},
                             Shape{"gate_proj, up_proj", 14336, 4096, 2}, Shape{"down_proj", 4096, 14336, 1}}) {
    const Matrix<float> weight = random_matrix(shape.outputs, shape.inputs, 1);
    const Matrix<float> hessian = random_hessian(2048, shape.inputs);  // which has no influence on the time
    LayerBench bench(gpu, weight, hessian);
    const double inverse = bench.inverse(SweepOrder::natural), sweep = bench.gptq(false),
                 error = bench.first_output_error();
    total += static_cast<double>(layers * shape.count) * (inverse + sweep + error);
    fmt::print("  {:<38} {:10.3f} {:8.3f} {:8.3f} {:7}\n", shape.name, inverse, sweep, error, layers * shape.count);
  }
  fmt::print("  all {} sites: {:.0f} s\n", layers * 7, total);
}

}  // namespace

int main(int argc, char** argv) {
  const std::int64_t side = argc > 1 ? std::atoll(argv[1]) : 4096;
  const int threads = argc > 2 ? std::atoi(argv[2]) : static_cast<int>(std::thread::hardware_concurrency());
  if (kernels::device_count() == 0) {
    fmt::print("{}\n", kernels::why_no_device());
    return 1;
  }
  kernels::set_kernel_threads(threads);
  const auto gpu = make_compression_arithmetic(0), cpu = make_compression_arithmetic(std::nullopt);
  fmt::print("{} against {} threads of the CPU\n", kernels::describe_device(0).name, threads);
  compare(256, *gpu, *cpu);  // warms up
  compare(side, *gpu, *cpu);
  project(*gpu);
}
