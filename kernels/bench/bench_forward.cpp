// SPDX-License-Identifier: Apache-2.0
//
// One forward pass and its score: 6 layers, hidden 256, 4 heads of 64 over 2 key-value heads, MLP 768,
// vocabulary 1024, 8192 tokens in windows of 256, and the divergence from a teacher's 512 most likely words.
// Prints where the time goes and the share of the speed that oneDNN reaches on a 1024 x 1024 x 1024 product
// in the same run.
//
//   OMP_NUM_THREADS=1 bench_forward [f32|bf16|int8] [tokens per chunk]
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "kernels/bench/peak.hpp"
#include "kernels/core/parallel.hpp"
#include "kernels/quantize/expand.hpp"
#include "kernels/quantize/round_to_nearest.hpp"
#include "kernels/transformer/attention.hpp"
#include "kernels/transformer/embedding.hpp"
#include "kernels/transformer/head.hpp"
#include "kernels/transformer/rms_norm.hpp"
#include "kernels/transformer/rope.hpp"
#include "kernels/transformer/swiglu.hpp"

namespace pare::bench {
namespace {

using namespace pare::kernels;

constexpr std::int64_t tokens = 8192;
constexpr std::int64_t window = 256;
constexpr std::int64_t hidden = 256;
constexpr std::int64_t kv_width = 128;
constexpr std::int64_t intermediate = 768;
constexpr std::int64_t vocabulary = 1024;
constexpr std::int64_t teacher_words = 512;
constexpr int layers = 6;
constexpr AttentionShape shape{4, 2, 64};

LinearWeights make_linear(std::int64_t outputs, std::int64_t inputs, Precision precision, unsigned seed) {
  const Matrix<float> weight = random_matrix(outputs, inputs, seed, 0.06f);
  if (precision != Precision::int8) return LinearWeights::from_float(weight.view(), precision);
  const Grid grid{8, 0, true};
  std::vector<std::byte> packed(static_cast<std::size_t>(packed_layout(grid, outputs, inputs).total_bytes));
  quantize_round_to_nearest(weight.view(), grid, packed);
  Matrix<std::int8_t> codes(outputs, inputs);
  std::vector<float> scales(static_cast<std::size_t>(outputs));
  expand_int8({grid, outputs, inputs, packed}, codes.view(), scales);
  return LinearWeights::from_int8(codes.view(), scales);
}

struct Layer {
  Layer(Precision p, unsigned seed)
      : q(make_linear(hidden, hidden, p, seed)),
        k(make_linear(kv_width, hidden, p, seed + 1)),
        v(make_linear(kv_width, hidden, p, seed + 2)),
        o(make_linear(hidden, hidden, p, seed + 3)),
        gate(make_linear(intermediate, hidden, p, seed + 4)),
        up(make_linear(intermediate, hidden, p, seed + 5)),
        down(make_linear(hidden, intermediate, p, seed + 6)) {}

  LinearWeights q, k, v, o, gate, up, down;
};

/// Seconds by name of step.
class Clock {
 public:
  template <class Step>
  void time(const char* name, const Step& step) {
    const double start = seconds();
    step();
    spent_[name] += seconds() - start;
  }

  const std::map<std::string, double>& spent() const { return spent_; }
  double total() const {
    double sum = 0.0;
    for (const auto& [name, time] : spent_) sum += time;
    return sum;
  }

 private:
  std::map<std::string, double> spent_;
};

class Forward {
 public:
  Forward(Precision precision, std::int64_t chunk)
      : chunk_(chunk),
        table_(random_matrix(vocabulary, hidden, 1)),
        head_(table_.view(), Precision::f32),
        norm_(static_cast<std::size_t>(hidden), 1.0f),
        rope_(frequencies(), window),
        positions_(static_cast<std::size_t>(chunk)),
        ids_(tokens),
        x_(chunk, hidden),
        normed_(chunk, hidden),
        q_(chunk, hidden),
        k_(chunk, kv_width),
        v_(chunk, kv_width),
        mixed_(chunk, hidden),
        gate_(chunk, intermediate),
        up_(chunk, intermediate),
        teacher_ids_(tokens, teacher_words),
        teacher_logs_(tokens, teacher_words),
        divergence_(tokens),
        likelihood_(tokens) {
    for (int l = 0; l < layers; ++l) layers_.emplace_back(precision, 10u * static_cast<unsigned>(l) + 2u);
    for (std::size_t t = 0; t < positions_.size(); ++t) positions_[t] = static_cast<std::int32_t>(t % window);
    for (std::size_t t = 0; t < ids_.size(); ++t) ids_[t] = static_cast<std::uint32_t>(t * 7919 % vocabulary);
    const Matrix<float> hidden_of_teacher = random_matrix(tokens, hidden, 99, 0.2f);
    teacher_seconds_ = fastest(
        1, [&] { head_.top_log_probabilities(hidden_of_teacher.view(), teacher_ids_.view(), teacher_logs_.view()); });
  }

  double teacher_seconds() const { return teacher_seconds_; }

  Clock run() {
    Clock clock;
    for (std::int64_t t = 0; t < tokens; t += chunk_) run_chunk(clock, t);
    return clock;
  }

 private:
  static std::vector<double> frequencies() {
    std::vector<double> values;
    for (int i = 0; i < 32; ++i) values.push_back(std::pow(10000.0, -i / 32.0));
    return values;
  }

  void run_chunk(Clock& clock, std::int64_t first) {
    const auto begin = static_cast<std::size_t>(first);
    const auto count = static_cast<std::size_t>(chunk_);
    const std::span<const std::uint32_t> ids = std::span(ids_).subspan(begin, count);
    clock.time("embedding", [&] { embed(table_.view(), ids, x_.view()); });
    for (const Layer& layer : layers_) {
      clock.time("norms", [&] { rms_norm(x_.view(), norm_, 1e-5f, normed_.view()); });
      clock.time("linears", [&] {
        layer.q.apply(normed_.view(), {}, q_.view(), false);
        layer.k.apply(normed_.view(), {}, k_.view(), false);
        layer.v.apply(normed_.view(), {}, v_.view(), false);
      });
      clock.time("rope", [&] {
        apply_rope(rope_, positions_, shape.heads, q_.view());
        apply_rope(rope_, positions_, shape.kv_heads, k_.view());
      });
      clock.time("attention", [&] { causal_attention(q_.view(), k_.view(), v_.view(), shape, window, mixed_.view()); });
      clock.time("linears", [&] { layer.o.apply(mixed_.view(), {}, x_.view(), true); });
      clock.time("norms", [&] { rms_norm(x_.view(), norm_, 1e-5f, normed_.view()); });
      clock.time("linears", [&] {
        layer.gate.apply(normed_.view(), {}, gate_.view(), false);
        layer.up.apply(normed_.view(), {}, up_.view(), false);
      });
      clock.time("swiglu", [&] { swiglu(gate_.view(), up_.view(), gate_.view()); });
      clock.time("linears", [&] { layer.down.apply(gate_.view(), {}, x_.view(), true); });
    }
    clock.time("norms", [&] { rms_norm(x_.view(), norm_, 1e-5f, normed_.view()); });
    clock.time("head and score", [&] {
      head_.score(normed_.view(), teacher_ids_.view().rows_from(first, chunk_),
                  teacher_logs_.view().rows_from(first, chunk_), ids, std::span(divergence_).subspan(begin, count),
                  std::span(likelihood_).subspan(begin, count));
    });
  }

  std::int64_t chunk_;
  Matrix<float> table_;
  LanguageHead head_;
  std::vector<float> norm_;
  RopeTable rope_;
  std::vector<Layer> layers_;
  std::vector<std::int32_t> positions_;
  std::vector<std::uint32_t> ids_;
  Matrix<float> x_, normed_, q_, k_, v_, mixed_, gate_, up_;
  Matrix<std::uint32_t> teacher_ids_;
  Matrix<float> teacher_logs_;
  std::vector<float> divergence_;
  std::vector<float> likelihood_;
  double teacher_seconds_ = 0.0;
};

int run(const std::string& precision_name, std::int64_t chunk) {
  const Precision precision = precision_name == "int8"   ? Precision::int8
                              : precision_name == "bf16" ? Precision::bf16
                                                         : Precision::f32;
  // Multiply-adds: a token attends to (window + 1) / 2 keys on average, once for the scores and once for the
  // values.
  const double linear_flop =
      2.0 * tokens * layers * (2.0 * hidden * hidden + 2.0 * hidden * kv_width + 3.0 * hidden * intermediate);
  const double attention_flop = 2.0 * tokens * layers * 2.0 * hidden * (window + 1) / 2.0;
  const double head_flop = 2.0 * tokens * hidden * vocabulary;
  const double flop = linear_flop + attention_flop + head_flop;

  const double fma = fma_peak();
  const double gemm = gemm_peak(Precision::f32);
  Forward forward(precision, chunk);
  forward.run();
  Clock best = forward.run();
  for (int i = 0; i < 8; ++i) {
    Clock next = forward.run();
    if (next.total() < best.total()) best = std::move(next);
  }
  const double gemm_after = gemm_peak(Precision::f32);
  const double gemm_best = std::max(gemm, gemm_after);

  std::printf("%s linears, %ld tokens a chunk, %d thread(s)\n", precision_name.c_str(), static_cast<long>(chunk),
              omp_get_max_threads());
  std::printf("peak of one core in registers %.1f GFLOP/s, oneDNN f32 1024^3 %.1f before, %.1f after\n", fma * 1e-9,
              gemm * 1e-9, gemm_after * 1e-9);
  for (const auto& [name, time] : best.spent()) {
    std::printf("  %-16s %8.2f ms %5.1f %%", name.c_str(), time * 1e3, 100.0 * time / best.total());
    if (name == "linears") std::printf("  %6.1f GFLOP/s", linear_flop / time * 1e-9);
    if (name == "attention") std::printf("  %6.1f GFLOP/s", attention_flop / time * 1e-9);
    if (name == "head and score") std::printf("  %6.1f GFLOP/s", head_flop / time * 1e-9);
    std::printf("\n");
  }
  std::printf("forward %.1f ms, %.2f GFLOP, %.1f GFLOP/s = %.1f %% of oneDNN f32; teacher's top %ld: %.1f ms\n",
              best.total() * 1e3, flop * 1e-9, flop / best.total() * 1e-9, 100.0 * flop / best.total() / gemm_best,
              static_cast<long>(teacher_words), forward.teacher_seconds() * 1e3);
  return 0;
}

}  // namespace
}  // namespace pare::bench

int main(int argc, char** argv) {
  return pare::bench::run(argc > 1 ? argv[1] : "f32", argc > 2 ? std::atoll(argv[2]) : 2048);
}
