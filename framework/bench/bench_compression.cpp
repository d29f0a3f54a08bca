// SPDX-License-Identifier: Apache-2.0
//
//   bench_compression [side] [threads]
//
// Seconds that each method takes for one layer [side, side] (4096), and what that makes for a model of 8 billion
// weights with 2 ranks. Operations count as the methods' papers do: GPTQ side^3 for the sweep and 2/3 side^3 for the
// inverse Hessian; they run in binary64, so half of the rate of a binary32 product is the most they can reach.
#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "framework/bench/seconds.hpp"
#include "framework/compression/awq_scales.hpp"
#include "framework/compression/gptq.hpp"
#include "framework/compression/output_error.hpp"
#include "framework/compression/sparsegpt.hpp"
#include "kernels/core/parallel.hpp"
#include "kernels/core/philox.hpp"
#include "kernels/gemm/gram.hpp"
#include "kernels/gemm/linear.hpp"
#include "kernels/quantize/clipped_grid.hpp"
#include "kernels/quantize/quantize_blocks.hpp"
#include "kernels/quantize/round_to_nearest.hpp"

namespace {

using namespace pare;
using namespace pare::framework;

kernels::Matrix<float> random_matrix(std::int64_t rows, std::int64_t cols, std::uint64_t seed) {
  kernels::Matrix<float> matrix(rows, cols);
  for (std::int64_t i = 0; i < matrix.size(); ++i)
    matrix.data()[i] = static_cast<float>(kernels::uniform_number(seed, 0, static_cast<std::uint64_t>(i)) - 0.5);
  return matrix;
}

/// GFLOP/s of a binary32 product on all threads.
double product_rate() {
  constexpr std::int64_t side = 2048;
  const auto x = random_matrix(side, side, 3);
  const auto weights = kernels::LinearWeights::from_float(random_matrix(side, side, 4).view(), kernels::Precision::f32);
  kernels::Matrix<float> out(side, side);
  double least = 1e9;
  for (int r = 0; r < 5; ++r) least = std::min(least, seconds([&] { weights.apply(x.view(), {}, out.view(), false); }));
  return 2.0 * side * side * side / least / 1e9;
}

}  // namespace

int main(int argc, char** argv) {
  const std::int64_t side = argc > 1 ? std::atoll(argv[1]) : 4096;
  const int threads = argc > 2 ? std::atoi(argv[2]) : 2;
  kernels::set_kernel_threads(threads);
  const double cube = static_cast<double>(side) * static_cast<double>(side) * static_cast<double>(side);
  const double rate = product_rate();
  fmt::print("one layer of {0} x {0}, {1} thread(s); binary32 products {2:.0f} GFLOP/s\n", side, threads, rate);

  const kernels::Matrix<float> weight = random_matrix(side, side, 1);
  const kernels::Matrix<float> x = random_matrix(2 * side, side, 2);
  kernels::Matrix<float> hessian(side, side);
  std::fill_n(hessian.data(), hessian.size(), 0.0f);
  const auto report = [&](const char* name, double time, double operations) {
    fmt::print("  {:<28} {:8.2f} s", name, time);
    if (operations > 0) fmt::print("   {:5.1f} % of the products", 100 * operations / time / 1e9 / rate);
    fmt::print("\n");
    return time;
  };
  report("Hessian of 2 x side tokens", seconds([&] { kernels::add_gram(x.view(), hessian.view()); }), 0);

  const kernels::Grid grid{4, 128, false};
  std::vector<std::byte> packed(static_cast<std::size_t>(kernels::packed_layout(grid, side, side).total_bytes));
  report("w4-g128", seconds([&] { kernels::quantize_round_to_nearest(weight.view(), grid, packed); }), 0);
  report("w4-g128-mse", seconds([&] { kernels::quantize_clipped(weight.view(), {}, grid, packed); }), 0);
  InverseHessian inverse;
  const double inverting =
      report("inverse Hessian", seconds([&] { inverse = invert_hessian(hessian.view()); }), 2.0 / 3.0 * cube);
  const double sweeping = report("w4-g128-gptq, the sweep",
                                 seconds([&] { quantize_gptq(weight.view(), inverse, grid, {}, packed); }), cube);
  report("w4-g128-gptq-mse, the sweep",
         seconds([&] { quantize_gptq(weight.view(), inverse, grid, {.clip = true}, packed); }), cube);
  const kernels::SparseLayout layout = kernels::sparse_layout({.kept = 2, .of = 4}, std::nullopt, side, side);
  std::vector<std::byte> sparse(static_cast<std::size_t>(layout.total_bytes));
  report("2:4-sparsegpt, the sweep", seconds([&] { prune_sparsegpt(weight.view(), inverse, layout, {}, sparse); }),
         cube);
  std::vector<std::byte> blocks(
      static_cast<std::size_t>(kernels::blocks_bytes(kernels::BlockFormat::q4_k, side, side)));
  report("q4_k", seconds([&] { kernels::quantize_blocks(kernels::BlockFormat::q4_k, weight.view(), {}, blocks); }), 0);
  const std::vector<float> magnitudes(static_cast<std::size_t>(side), 1.0f);
  const kernels::MatrixView<const float> one[] = {weight.view()};
  report("w4-g128-awq", seconds([&] {
           const HostOutputError error(hessian.view());
           search_awq_scales(magnitudes, one, grid, error, true);
         }),
         0);

  // Weights count linearly in the sweep, an inverse serves about three layers that share it or their options.
  constexpr double model_weights = 8e9;
  const double layers = model_weights / (static_cast<double>(side) * static_cast<double>(side));
  fmt::print("GPTQ of 8 billion weights on 2 ranks like this: {:.0f} minutes an option\n",
             layers * (sweeping + inverting / 3) / 2 / 60);
}
