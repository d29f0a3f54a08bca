// SPDX-License-Identifier: Apache-2.0
//
//   bench_device_evaluation [HIDDEN [LAYERS [VOCABULARY]]]      default: 4096 4 128256
//
// Candidates an hour on the GPU, or on the CPU where there is none, for a model with random weights in the proportions of
// Llama 3 8B (which HIDDEN 4096 gives exactly), in windows of 2,048 tokens. A few layers are measured, by the difference
// to a model that drops all of them, and 32 are projected: seconds = head + 32 layers. Beside that the floor of an H100:
// bfloat16 at 790 TFLOP/s, int8 products at 1979 TOPS and at 75 % of that, nothing else; and where the GPU's time goes.
// Then what candidates together save: a round of single changes, by shared prefixes above all (a vocabulary of 4,008 words
// a layer gives the head the share it has in 32 layers), and recipes that differ from the first layer on, by products of
// more tokens and weights that are expanded once.
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "framework/bank/build_site.hpp"
#include "framework/bank/layer_bank.hpp"
#include "framework/bench/kernel_times.hpp"
#include "framework/evaluation/make_evaluator.hpp"
#include "framework/io/atomic_file.hpp"
#include "framework/io/safetensors_writer.hpp"
#include "kernels/core/device.hpp"
#include "kernels/core/dtype.hpp"

namespace {

using namespace pare;
using namespace pare::framework;
namespace fs = std::filesystem;

constexpr std::int64_t window_length = 2048;
constexpr std::int64_t teacher_words = 512;

struct Shape {
  std::int64_t hidden = 4096, layers = 4, vocabulary = 128256;

  std::int64_t intermediate() const { return hidden * 7 / 2; }
  std::int64_t key_value_width() const { return hidden / 4; }
};

/// Numbers without structure in [0, 2^31), one after the other.
std::uint32_t next_number() {
  static std::uint64_t state = 88172645463325252u;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return static_cast<std::uint32_t>(state >> 33);
}

void write_model(const fs::path& directory, const Shape& shape) {
  write_file_atomically(
      directory / "config.json",
      fmt::format(R"({{"model_type": "llama", "hidden_size": {}, "intermediate_size": {}, "num_hidden_layers": {},
                       "num_attention_heads": {}, "num_key_value_heads": {}, "head_dim": 128, "vocab_size": {},
                       "max_position_embeddings": 8192, "hidden_act": "silu", "tie_word_embeddings": true}})",
                  shape.hidden, shape.intermediate(), shape.layers, shape.hidden / 128, shape.key_value_width() / 128,
                  shape.vocabulary));
  std::vector<TensorSpec> tensors{{"model.embed_tokens.weight", StoredType::bf16, {shape.vocabulary, shape.hidden}},
                                  {"model.norm.weight", StoredType::bf16, {shape.hidden}}};
  for (std::int64_t l = 0; l < shape.layers; ++l) {
    const auto add = [&](const char* name, std::vector<std::int64_t> size) {
      tensors.push_back({fmt::format("model.layers.{}.{}.weight", l, name), StoredType::bf16, std::move(size)});
    };
    add("input_layernorm", {shape.hidden});
    add("post_attention_layernorm", {shape.hidden});
    add("self_attn.q_proj", {shape.hidden, shape.hidden});
    add("self_attn.k_proj", {shape.key_value_width(), shape.hidden});
    add("self_attn.v_proj", {shape.key_value_width(), shape.hidden});
    add("self_attn.o_proj", {shape.hidden, shape.hidden});
    add("mlp.gate_proj", {shape.intermediate(), shape.hidden});
    add("mlp.up_proj", {shape.intermediate(), shape.hidden});
    add("mlp.down_proj", {shape.hidden, shape.intermediate()});
  }
  std::sort(tensors.begin(), tensors.end(), comes_before);
  SafetensorsWriter writer(directory / "model.safetensors", tensors);
  std::vector<kernels::BFloat16> values;
  for (const TensorSpec& tensor : tensors) {
    values.resize(static_cast<std::size_t>(tensor.bytes() / 2));
    const bool is_norm = tensor.shape.size() == 1;
    for (kernels::BFloat16& value : values)
      value = kernels::to_bfloat16(is_norm ? 1.0f : (static_cast<float>(next_number()) * 0x1p-31f - 0.5f) * 0.05f);
    writer.write(std::as_bytes(std::span(values)));
  }
  writer.finish();
}

/// Of as many repetitions as begin within two seconds, five at most.
double median_seconds(const std::function<void()>& body) {
  constexpr double enough_seconds = 2;
  std::vector<double> times;
  for (double sum = 0; sum < enough_seconds && times.size() < 5; sum += times.back()) {
    const auto start = std::chrono::steady_clock::now();
    body();
    times.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

TokenWindows random_windows(std::int64_t count, std::int64_t vocabulary) {
  TokenWindows windows{.length = window_length, .tokens = {}};
  for (std::int64_t t = 0; t < count * window_length; ++t)
    windows.tokens.push_back(next_number() % static_cast<std::uint32_t>(vocabulary));
  return windows;
}

class Bench {
 public:
  Bench(const fs::path& scratch, const Shape& shape)
      : scratch_(scratch),
        device_(kernels::device_count() > 0 ? gpu_of_rank({}) : ComputeDevice()),
        model_(scratch),
        sites_(make_sites(model_, {{"*", {parse_option("drop"), parse_option("w4-g128"), parse_option("w8a8")}}}, {})),
        plan_(model_, sites_),
        bank_(write_bank(), plan_),
        layers_(shape.layers) {
    fmt::print("{}, hidden {}, {} layers, {} words, windows of {} tokens\n", device_.name, shape.hidden, shape.layers,
               shape.vocabulary, window_length);
  }

  void measure(std::int64_t tokens) {
    const TokenWindows windows = random_windows(tokens / window_length, model_.config().vocabulary);
    const WindowSets sets{windows, {window_length, {windows.tokens.begin(), windows.tokens.begin() + window_length}}};
    auto evaluator = make_evaluator(device_, model_, sites_, &bank_, window_length, teacher_words,
                                    {.precision = kernels::Precision::bf16, .state_bytes = 0});
    const TeacherPlan answers = make_teacher_plan(model_, sets, teacher_words, kernels::Precision::bf16, device_);
    TeacherWriter writer(scratch_ / "teacher.h5", answers);
    writer.add(0, evaluator->teach(sets.search, 0, sets.search.count(), answers.top_k));
    writer.add(sets.search.count(), evaluator->teach(sets.holdout, 0, 1, answers.top_k));
    writer.commit();
    const Teacher teacher(scratch_ / "teacher.h5", answers);
    const Evaluate evaluate = [&](std::span<const OptionIndices> candidates) {
      return evaluator->evaluate(candidates, windows, 0, windows.count(), teacher, 0).runs;
    };
    measure_alone(tokens, evaluate);
    const OptionIndices base = uniform("w8a8"), other = uniform("w4-g128");
    std::vector<OptionIndices> changes(base.size(), base);
    for (std::size_t s = 0; s < base.size(); ++s) changes[s][s] = other[s];
    measure_together(tokens, "single changes", changes, evaluate);
    if (tokens > window_length) return;  // larger rungs fill the GPU by themselves
    std::vector<OptionIndices> mixed(16, base);
    for (OptionIndices& candidate : mixed)
      for (std::size_t s = 0; s < base.size(); ++s)
        if (next_number() % 2 == 0) candidate[s] = other[s];
    measure_together(tokens, "random recipes", mixed, evaluate);
  }

 private:
  using Evaluate = std::function<PrefixTrie::Runs(std::span<const OptionIndices>)>;

  OptionIndices uniform(const char* name) const {
    OptionIndices candidate;
    for (const Site& site : sites_) {
      const auto found = std::ranges::find(site.options, name, &Option::name);
      candidate.push_back(static_cast<std::uint8_t>(found - site.options.begin()));
    }
    return candidate;
  }

  void measure_alone(std::int64_t tokens, const Evaluate& evaluate) const {
    const auto time = [&](const OptionIndices& candidate) {
      evaluate({&candidate, 1});
      return median_seconds([&] { evaluate({&candidate, 1}); });
    };
    const double head = time(uniform("drop"));
    for (const char* option : {"w4-g128", "w8a8"}) {
      const OptionIndices candidate = uniform(option);
      const double measured = time(candidate);
      const double layer = (measured - head) / static_cast<double>(layers_);
      const double all = head + 32 * layer;
      fmt::print("{:>6} tokens, {:<8} head {:7.2f} ms, a layer {:7.3f} ms; 32 layers: {:8.1f} ms, {:.0f} an hour",
                 tokens, option, 1e3 * head, 1e3 * layer, 1e3 * all, 3600 / all);
      const auto floor = [&](double product_rate) {
        return static_cast<double>(tokens) * (32 * (0.4362e9 / product_rate + 0.0168e9 / 790e12) + 1.051e9 / 790e12);
      };
      if (model_.config().hidden == 4096) {
        const bool is_int8 = std::string(option) == "w8a8";
        fmt::print(", {:.0f} % of the floor", 100 * floor(is_int8 ? 1979e12 : 790e12) / all);
        if (is_int8) fmt::print(", {:.0f} % of that with products at 75 %", 100 * floor(0.75 * 1979e12) / all);
      }
      fmt::print("\n");
      print_kernel_times(measured, kernel_times([&] { evaluate({&candidate, 1}); }));
    }
  }

  void measure_together(std::int64_t tokens, const char* what, const std::vector<OptionIndices>& candidates,
                        const Evaluate& evaluate) const {
    PrefixTrie::Runs runs;
    const double together = median_seconds([&] { runs = evaluate(candidates); });
    const double alone = median_seconds([&] {
      for (const OptionIndices& candidate : candidates) evaluate({&candidate, 1});
    });
    fmt::print("{:>6} tokens, {} {}: {} stage runs instead of {}, {:.3f} s instead of {:.3f} s ({:.2f}x)\n", tokens,
               candidates.size(), what, runs.made, runs.separate, together, alone, alone / together);
    std::fflush(stdout);
  }

  void print_kernel_times(double measured, const std::map<std::string, double>& times) const {
    if (times.empty()) return;
    std::vector<std::pair<std::string, double>> sorted(times.begin(), times.end());
    std::ranges::sort(sorted, std::greater(), &std::pair<std::string, double>::second);
    double busy = 0;
    fmt::print("       ");
    for (const auto& [family, seconds] : sorted) {
      fmt::print(" {} {:.2f} ms ({:.1f} %),", family, 1e3 * seconds, 100 * seconds / measured);
      busy += seconds;
    }
    fmt::print(" nothing {:.1f} %\n", 100 * (measured - busy) / measured);
  }

  fs::path write_bank() const {
    BankWriter writer(scratch_ / "bank.h5", plan_);
    for (std::size_t s = 0; s < sites_.size(); ++s) writer.add(s, build_site(plan_, s, nullptr));
    writer.commit();
    return scratch_ / "bank.h5";
  }

  fs::path scratch_;
  ComputeDevice device_;
  Model model_;
  std::vector<Site> sites_;
  BankPlan plan_;
  LayerBank bank_;
  std::int64_t layers_;
};

}  // namespace

int main(int argc, char** argv) {
  Shape shape;
  if (argc > 1) shape.hidden = std::atol(argv[1]);
  if (argc > 2) shape.layers = std::atol(argv[2]);
  if (argc > 3) shape.vocabulary = std::atol(argv[3]);
  if (shape.hidden <= 0 || shape.hidden % 512 != 0 || shape.layers <= 0 || shape.vocabulary < teacher_words) {
    fmt::print(stderr, "usage: bench_device_evaluation [HIDDEN [LAYERS [VOCABULARY]]], HIDDEN a multiple of 512\n");
    return 2;
  }
  const fs::path scratch = fs::temp_directory_path() / ("pare-bench-" + std::to_string(getpid()));
  fs::create_directories(scratch);
  write_model(scratch, shape);
  {
    Bench bench(scratch, shape);
    const std::vector<std::int64_t> sizes = kernels::device_count() > 0
                                                ? std::vector<std::int64_t>{window_length, 8192, 65536}
                                                : std::vector<std::int64_t>{window_length};
    for (const std::int64_t tokens : sizes) bench.measure(tokens);
  }
  fs::remove_all(scratch);
  return 0;
}
