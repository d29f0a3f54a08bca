// SPDX-License-Identifier: Apache-2.0
//
//   bench_evaluation MODEL_DIRECTORY [threads]
//
// Figures of one evaluator on a real checkpoint, with random tokens (the arithmetic does not depend on them):
//   1. one candidate on 8,192 tokens: share of the GEMM rate that the same threads reach on a 1024^3 product
//   2. a round of single changes through the prefix trie against every candidate alone: stage runs and time
//   3. peak memory of the process against the model and its packed bank
#include <fmt/core.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "framework/bank/build_site.hpp"
#include "framework/bank/layer_bank.hpp"
#include "framework/bench/seconds.hpp"
#include "framework/evaluation/evaluator.hpp"
#include "kernels/core/parallel.hpp"
#include "kernels/core/philox.hpp"
#include "kernels/gemm/linear.hpp"

namespace {

using namespace pare;
using namespace pare::framework;
namespace fs = std::filesystem;

constexpr std::int64_t window_length = 256;
constexpr std::int64_t window_count = 32;

template <class Body>
double median_seconds(int repetitions, const Body& body) {
  std::vector<double> times;
  for (int r = 0; r < repetitions; ++r) times.push_back(seconds(body));
  std::nth_element(times.begin(), times.begin() + repetitions / 2, times.end());
  return times[static_cast<std::size_t>(repetitions / 2)];
}

kernels::Matrix<float> random_matrix(std::int64_t rows, std::int64_t cols, std::uint64_t seed) {
  kernels::Matrix<float> matrix(rows, cols);
  for (std::int64_t i = 0; i < matrix.size(); ++i) {
    matrix.data()[i] = static_cast<float>(kernels::uniform_number(seed, 0, static_cast<std::uint64_t>(i)) - 0.5);
  }
  return matrix;
}

/// Rate of a 1024^3 product in GFLOP/s.
double gemm_peak(kernels::Precision precision) {
  constexpr std::int64_t n = 1024;
  const auto x = random_matrix(n, n, 1);
  const auto weights = kernels::LinearWeights::from_float(random_matrix(n, n, 2).view(), precision);
  kernels::Matrix<float> out(n, n);
  const double time = median_seconds(41, [&] { weights.apply(x.view(), {}, out.view(), false); });
  return 2.0 * n * n * n / time / 1e9;
}

TokenWindows random_windows(std::int64_t vocabulary) {
  TokenWindows windows{window_length, {}};
  for (std::int64_t t = 0; t < window_length * window_count; ++t) {
    windows.tokens.push_back(static_cast<std::uint32_t>(kernels::uniform_number(3, 0, static_cast<std::uint64_t>(t)) *
                                                        static_cast<double>(vocabulary)));
  }
  return windows;
}

/// Multiplications and additions of the linears, the head and the attention of one token.
double operations_per_token(const Model& model) {
  const ModelConfig& config = model.config();
  double weights = static_cast<double>(config.vocabulary * config.hidden);
  for (const Stage& stage : model.stages())
    for (const Linear& linear : stage.linears) weights += static_cast<double>(linear.outputs * linear.inputs);
  const auto attention = static_cast<double>(2 * config.layers * config.heads * config.head_dim * window_length);
  return 2 * weights + attention;
}

/// Every site changed to every other option, from the middle option everywhere.
std::vector<OptionIndices> single_changes(const std::vector<Site>& sites) {
  OptionIndices base;
  for (const Site& site : sites) base.push_back(static_cast<std::uint8_t>(site.options.size() / 2));
  std::vector<OptionIndices> candidates;
  for (std::size_t s = 0; s < sites.size(); ++s) {
    for (std::size_t o = 0; o < sites[s].options.size(); ++o) {
      if (o == base[s]) continue;
      candidates.push_back(base);
      candidates.back()[s] = static_cast<std::uint8_t>(o);
    }
  }
  return candidates;
}

void run(const fs::path& directory, int threads) {
  kernels::set_kernel_threads(threads);
  const Model model(directory);
  std::vector<Option> options;
  for (const char* name : {"w2-g32", "w3-g32", "w4-g32", "w5-g32", "w6-g32", "w8-g32"})
    options.push_back(parse_option(name));
  const std::vector<Site> sites = make_sites(model, {{"*", options}}, {});
  const BankPlan plan(model, sites);
  const fs::path scratch = fs::temp_directory_path() / ("pare-bench-" + std::to_string(getpid()));
  fs::create_directories(scratch);
  BankWriter writer(scratch / "bank.h5", plan);
  for (std::size_t s = 0; s < sites.size(); ++s) writer.add(s, build_site(plan, s, nullptr));
  writer.commit();
  const LayerBank bank(scratch / "bank.h5", plan);
  const TokenWindows windows = random_windows(model.config().vocabulary);
  WindowSets sets{windows, {window_length, {windows.tokens.begin(), windows.tokens.begin() + window_length}}};

  for (const auto precision : {kernels::Precision::f32, kernels::Precision::bf16}) {
    const char* name = precision == kernels::Precision::f32 ? "f32" : "bf16";
    Evaluator evaluator(model, sites, &bank, window_length, {.precision = precision});
    const TeacherPlan teacher_plan = make_teacher_plan(model, sets, 512, precision);
    TeacherWriter teacher_writer(scratch / "teacher.h5", teacher_plan);
    teacher_writer.add(0, evaluator.teach(windows, 0, window_count, teacher_plan.top_k));
    teacher_writer.add(window_count, evaluator.teach(sets.holdout, 0, 1, teacher_plan.top_k));
    teacher_writer.commit();
    const Teacher teacher(scratch / "teacher.h5", teacher_plan);

    const auto candidates = single_changes(sites);
    const auto evaluate = [&](std::span<const OptionIndices> batch) {
      return evaluator.evaluate(batch, windows, 0, window_count, teacher, 0).runs;
    };
    evaluate(std::span(candidates).first(1));
    const double peak = gemm_peak(precision);
    const double one = median_seconds(9, [&] { evaluate(std::span(candidates).first(1)); });
    const double tokens = static_cast<double>(window_length * window_count);
    const double rate = operations_per_token(model) * tokens / one / 1e9;
    fmt::print(
        "{}: one candidate, {:.0f} tokens, {} thread(s): {:.0f} ms, {:.0f} ktokens/s, {:.0f} GFLOP/s = {:.0f} % of the "
        "GEMM peak {:.0f}\n",
        name, tokens, threads, 1e3 * one, tokens / one / 1e3, rate, 100 * rate / peak, peak);

    PrefixTrie::Runs runs;
    const double shared = seconds([&] { runs = evaluate(candidates); });
    const double separate = seconds([&] {
      for (const OptionIndices& candidate : candidates) evaluate({&candidate, 1});
    });
    fmt::print(
        "{}: {} single changes: {} stage runs instead of {} ({:.2f}x fewer), {:.2f} s instead of {:.2f} s ({:.2f}x)\n",
        name, candidates.size(), runs.made, runs.separate,
        static_cast<double>(runs.separate) / static_cast<double>(runs.made), shared, separate, separate / shared);
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  fmt::print("peak memory {:.1f} MB; model {:.1f} MB, packed bank {:.1f} MB\n",
             static_cast<double>(usage.ru_maxrss) / 1e3, static_cast<double>(model.total_bytes()) / 1e6,
             static_cast<double>(plan.total_bytes()) / 1e6);
  fs::remove_all(scratch);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: bench_evaluation MODEL_DIRECTORY [threads]\n");
    return 2;
  }
  run(argv[1], argc > 2 ? std::atoi(argv[2]) : 1);
  return 0;
}
