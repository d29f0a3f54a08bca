// SPDX-License-Identifier: Apache-2.0
//
// The kernels between the linear layers, in the demo model's shapes. Attention and the head are set against
// oneDNN's f32 speed, the others against a copy.
#include <cmath>

#include "kernels/bench/report.hpp"
#include "kernels/transformer/attention.hpp"
#include "kernels/transformer/embedding.hpp"
#include "kernels/transformer/head.hpp"
#include "kernels/transformer/rms_norm.hpp"
#include "kernels/transformer/rope.hpp"
#include "kernels/transformer/swiglu.hpp"

namespace pare::bench {
namespace {

using namespace pare::kernels;

constexpr std::int64_t hidden = 256;
constexpr std::int64_t intermediate = 768;
constexpr std::int64_t vocabulary = 1024;

void attention(benchmark::State& state) {
  const std::int64_t tokens = state.range(0);
  const std::int64_t window = state.range(1);
  const std::int64_t head_dim = state.range(2);
  const AttentionShape shape{4, 2, head_dim};
  const Matrix<float> q = random_matrix(tokens, 4 * head_dim, 1);
  const Matrix<float> k = random_matrix(tokens, 2 * head_dim, 2);
  const Matrix<float> v = random_matrix(tokens, 2 * head_dim, 3);
  Matrix<float> out(tokens, 4 * head_dim);
  for (auto _ : state) causal_attention(q.view(), k.view(), v.view(), shape, window, out.view());
  report_flop(state, 2.0 * static_cast<double>(tokens * (window + 1) * 4 * head_dim), peaks().gemm_f32);
}

void decode(benchmark::State& state) {
  constexpr std::int64_t length = 256;
  const AttentionShape shape{4, 2, 64};
  const Matrix<float> q = random_matrix(state.range(0), hidden, 1);
  const Matrix<float> cache = random_matrix(state.range(0), length * 128, 2);
  Matrix<float> out(state.range(0), hidden);
  for (auto _ : state) decode_attention(q.view(), cache.view(), cache.view(), shape, length, out.view());
  report_flop(state, 4.0 * static_cast<double>(state.range(0) * length * hidden), peaks().gemm_f32);
}

struct HeadData {
  HeadData(std::int64_t tokens, std::int64_t k)
      : weight(random_matrix(vocabulary, hidden, 1, 0.1f)),
        x(random_matrix(tokens, hidden, 2)),
        head(weight.view(), Precision::f32),
        ids(tokens, k),
        logs(tokens, k),
        targets(static_cast<std::size_t>(tokens), 5),
        divergence(targets.size()),
        likelihood(targets.size()) {
    head.top_log_probabilities(x.view(), ids.view(), logs.view());
  }

  Matrix<float> weight, x;
  LanguageHead head;
  Matrix<std::uint32_t> ids;
  Matrix<float> logs;
  std::vector<std::uint32_t> targets;
  std::vector<float> divergence, likelihood;
};

void report_head(benchmark::State& state) {
  report_flop(state, 2.0 * static_cast<double>(state.range(0) * hidden * vocabulary), peaks().gemm_f32);
}

void head_score(benchmark::State& state) {
  HeadData data(state.range(0), state.range(1));
  for (auto _ : state) {
    data.head.score(data.x.view(), data.ids.view(), data.logs.view(), data.targets, data.divergence, data.likelihood);
  }
  report_head(state);
}

void head_top(benchmark::State& state) {
  HeadData data(state.range(0), state.range(1));
  for (auto _ : state) data.head.top_log_probabilities(data.x.view(), data.ids.view(), data.logs.view());
  report_head(state);
}

void norm(benchmark::State& state) {
  const Matrix<float> x = random_matrix(state.range(0), hidden, 1);
  const std::vector<float> weight(hidden, 1.0f);
  Matrix<float> out(x.rows(), x.cols());
  for (auto _ : state) rms_norm(x.view(), weight, 1e-5f, out.view());
  report_bytes(state, 8.0 * static_cast<double>(x.size()), peaks().copy_cached);
}

void rope(benchmark::State& state) {
  std::vector<double> frequencies(32);
  for (std::size_t i = 0; i < 32; ++i) frequencies[i] = std::pow(10000.0, -static_cast<double>(i) / 32.0);
  const RopeTable table(frequencies, 256);
  std::vector<std::int32_t> positions(static_cast<std::size_t>(state.range(0)));
  for (std::size_t t = 0; t < positions.size(); ++t) positions[t] = static_cast<std::int32_t>(t % 256);
  Matrix<float> x = random_matrix(state.range(0), hidden, 1);
  for (auto _ : state) apply_rope(table, positions, 4, x.view());
  report_bytes(state, 8.0 * static_cast<double>(x.size()), peaks().copy_cached);
}

void gated(benchmark::State& state) {
  Matrix<float> gate = random_matrix(state.range(0), intermediate, 1);
  const Matrix<float> up = random_matrix(state.range(0), intermediate, 2);
  Matrix<float> out(gate.rows(), gate.cols());
  for (auto _ : state) swiglu(gate.view(), up.view(), out.view());
  report_bytes(state, 12.0 * static_cast<double>(out.size()), peaks().copy_memory);
}

void embedding(benchmark::State& state) {
  const Matrix<float> table = random_matrix(vocabulary, hidden, 1);
  std::vector<std::uint32_t> ids(static_cast<std::size_t>(state.range(0)));
  for (std::size_t t = 0; t < ids.size(); ++t) ids[t] = static_cast<std::uint32_t>(t * 7919 % vocabulary);
  Matrix<float> out(state.range(0), hidden);
  for (auto _ : state) embed(table.view(), ids, out.view());
  report_bytes(state, 8.0 * static_cast<double>(out.size()), peaks().copy_cached);
}

BENCHMARK(attention)
    ->ArgNames({"tokens", "window", "head_dim"})
    ->Args({2048, 256, 64})
    ->Args({8192, 256, 64})
    ->Args({2048, 256, 16})
    ->Args({2048, 256, 128})
    ->Args({4096, 2048, 64});
BENCHMARK(decode)->ArgName("sequences")->Arg(8);
BENCHMARK(head_score)->ArgNames({"tokens", "k"})->Args({2048, 64})->Args({2048, 512})->Args({2048, 1024});
BENCHMARK(head_top)->ArgNames({"tokens", "k"})->Args({2048, 64})->Args({2048, 512})->Args({2048, 1024});
BENCHMARK(norm)->ArgName("tokens")->Arg(2048);
BENCHMARK(rope)->ArgName("tokens")->Arg(2048);
BENCHMARK(gated)->ArgName("tokens")->Arg(2048);
BENCHMARK(embedding)->ArgName("tokens")->Arg(2048);

}  // namespace
}  // namespace pare::bench

int main(int argc, char** argv) {
  return pare::bench::run_benchmarks(argc, argv);
}
