// SPDX-License-Identifier: Apache-2.0
//
// Packing, expansion and per-token quantization. GB/s counts what is read and written; the share is of a copy
// of the same size class.
#include "kernels/bench/report.hpp"
#include "kernels/quantize/expand.hpp"
#include "kernels/quantize/quantize_tokens.hpp"
#include "kernels/quantize/round_to_nearest.hpp"

namespace pare::bench {
namespace {

using namespace pare::kernels;

struct Packed {
  Packed(const Grid& grid_, std::int64_t rows_, std::int64_t cols_)
      : grid(grid_),
        rows(rows_),
        cols(cols_),
        bytes(static_cast<std::size_t>(packed_layout(grid, rows, cols).total_bytes)) {
    quantize_round_to_nearest(random_matrix(rows, cols, 1).view(), grid, bytes);
  }

  PackedView view() const { return {grid, rows, cols, bytes}; }

  Grid grid;
  std::int64_t rows, cols;
  std::vector<std::byte> bytes;
};

void report(benchmark::State& state, std::int64_t weights, double bytes_a_weight) {
  const double peak = weights * 4 > (std::int64_t{8} << 20) ? peaks().copy_memory : peaks().copy_cached;
  report_bytes(state, bytes_a_weight * static_cast<double>(weights), peak);
  state.counters["Gweights/s"] =
      benchmark::Counter(1e-9 * static_cast<double>(weights * state.iterations()), benchmark::Counter::kIsRate);
}

template <class T>
void expand_to(benchmark::State& state) {
  const auto bits = static_cast<int>(state.range(0));
  const Packed packed({bits, 32, false}, state.range(1), state.range(2));
  Matrix<T> out(packed.rows, packed.cols);
  for (auto _ : state) expand(packed.view(), out.view());
  report(state, out.size(), sizeof(T) + static_cast<double>(packed.bytes.size()) / static_cast<double>(out.size()));
}

void expand_codes(benchmark::State& state) {
  const auto bits = static_cast<int>(state.range(0));
  const Packed packed({bits, 0, true}, state.range(1), state.range(2));
  Matrix<std::int8_t> out(packed.rows, packed.cols);
  std::vector<float> scales(static_cast<std::size_t>(packed.rows));
  for (auto _ : state) expand_int8(packed.view(), out.view(), scales);
  report(state, out.size(), 1.0 + static_cast<double>(packed.bytes.size()) / static_cast<double>(out.size()));
}

void round_to_nearest(benchmark::State& state) {
  const Grid grid{static_cast<int>(state.range(0)), 32, false};
  const Matrix<float> weight = random_matrix(state.range(1), state.range(2), 1);
  std::vector<std::byte> packed(
      static_cast<std::size_t>(packed_layout(grid, weight.rows(), weight.cols()).total_bytes));
  for (auto _ : state) quantize_round_to_nearest(weight.view(), grid, packed);
  report(state, weight.size(), 4.0 + static_cast<double>(packed.size()) / static_cast<double>(weight.size()));
}

void quantize_tokens(benchmark::State& state) {
  const Matrix<float> x = random_matrix(state.range(0), state.range(1), 1);
  Matrix<std::int8_t> codes(x.rows(), x.cols());
  std::vector<float> scales(static_cast<std::size_t>(x.rows()));
  for (auto _ : state) quantize_tokens_int8(x.view(), codes.view(), scales);
  report(state, x.size(), 5.0);
}

void shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"bits", "rows", "cols"});
  for (const std::int64_t bits : {2, 3, 4, 5, 6, 8}) benchmark->Args({bits, 768, 256});
  benchmark->Args({4, 256, 768})->Args({4, 64, 172})->Args({4, 4096, 4096});
}

BENCHMARK_TEMPLATE(expand_to, float)->Apply(shapes);
BENCHMARK_TEMPLATE(expand_to, BFloat16)->Apply(shapes);
BENCHMARK(expand_codes)->Apply(shapes);
BENCHMARK(round_to_nearest)->Apply(shapes);
BENCHMARK(quantize_tokens)->ArgNames({"tokens", "cols"})->Args({2048, 256})->Args({2048, 768});

}  // namespace
}  // namespace pare::bench

int main(int argc, char** argv) {
  return pare::bench::run_benchmarks(argc, argv);
}
