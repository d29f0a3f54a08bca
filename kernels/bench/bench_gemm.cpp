// SPDX-License-Identifier: Apache-2.0
//
// Linear layers of the demo model's shapes and one large one, in the three precisions: LinearWeights::apply,
// quantization of the activations included.
#include "kernels/bench/report.hpp"

namespace pare::bench {
namespace {

using namespace pare::kernels;

LinearWeights make_weights(std::int64_t outputs, std::int64_t inputs, Precision precision) {
  const Matrix<float> weight = random_matrix(outputs, inputs, 1);
  if (precision != Precision::int8) return LinearWeights::from_float(weight.view(), precision);
  Matrix<std::int8_t> codes(outputs, inputs);
  for (std::int64_t i = 0; i < codes.size(); ++i) codes.data()[i] = static_cast<std::int8_t>(i * 37 % 255 - 127);
  return LinearWeights::from_int8(codes.view(), std::vector<float>(static_cast<std::size_t>(outputs), 0.01f));
}

void apply(benchmark::State& state, Precision precision) {
  const std::int64_t rows = state.range(0);
  const std::int64_t outputs = state.range(1);
  const std::int64_t inputs = state.range(2);
  const LinearWeights weights = make_weights(outputs, inputs, precision);
  const Matrix<float> x = random_matrix(rows, inputs, 2);
  Matrix<float> out(rows, outputs);
  for (auto _ : state) weights.apply(x.view(), {}, out.view(), false);
  report_flop(state, 2.0 * static_cast<double>(rows * outputs * inputs), peaks().gemm(precision));
}

/// What a candidate pays before its first token: the copy of the weights into the layout of the GEMM.
void rearrange(benchmark::State& state, Precision precision) {
  const Matrix<float> weight = random_matrix(state.range(0), state.range(1), 1);
  for (auto _ : state) benchmark::DoNotOptimize(LinearWeights::from_float(weight.view(), precision).outputs());
  report_bytes(state, static_cast<double>(weight.size()) * (precision == Precision::f32 ? 8.0 : 6.0),
               peaks().copy_memory);
}

void shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"tokens", "outputs", "inputs"});
  for (const std::int64_t tokens : {2048, 4096, 8192}) {
    for (const auto& [outputs, inputs] : {std::pair{256, 256}, {128, 256}, {768, 256}, {256, 768}, {1024, 256}}) {
      benchmark->Args({tokens, outputs, inputs});
    }
  }
  benchmark->Args({2048, 4096, 4096})->Args({1, 768, 256});
}

BENCHMARK_CAPTURE(apply, f32, Precision::f32)->Apply(shapes);
BENCHMARK_CAPTURE(apply, bf16, Precision::bf16)->Apply(shapes);
BENCHMARK_CAPTURE(apply, int8, Precision::int8)->Apply(shapes);
BENCHMARK_CAPTURE(rearrange, f32, Precision::f32)->Args({768, 256})->Args({4096, 4096});
BENCHMARK_CAPTURE(rearrange, bf16, Precision::bf16)->Args({768, 256})->Args({4096, 4096});

}  // namespace
}  // namespace pare::bench

int main(int argc, char** argv) {
  return pare::bench::run_benchmarks(argc, argv);
}
