// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/linear_timer.hpp"

#include <fmt/core.h>
#include <omp.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <utility>
#include <vector>

#include "kernels/core/matrix.hpp"
#include "kernels/core/philox.hpp"

namespace pare::framework {
namespace {

using Clock = std::chrono::steady_clock;
using kernels::LinearWeights;
using kernels::Matrix;
using kernels::Precision;

constexpr int fewest_passes = 5;
constexpr int most_passes = 40;
constexpr double enough_seconds = 0.2;
constexpr std::int64_t usual_cache_bytes = std::int64_t{32} << 20;
constexpr int most_copies = 64;

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name")) return line.substr(std::min(line.size(), line.find(':') + 2));
  return "CPU";
}

std::int64_t last_cache_bytes() {
  const long bytes = ::sysconf(_SC_LEVEL3_CACHE_SIZE);
  return bytes > 0 ? bytes : usual_cache_bytes;
}

/// Values in [-1, 1).
void fill(Matrix<float>& matrix, std::uint32_t seed) {
  for (std::int64_t r = 0; r < matrix.rows(); ++r)
    for (std::int64_t c = 0; c < matrix.cols(); ++c) {
      const auto word =
          kernels::philox4x32({static_cast<std::uint32_t>(c), static_cast<std::uint32_t>(r), 0, 0}, {seed, 0})[0];
      matrix.row(r)[c] = static_cast<float>(static_cast<std::int32_t>(word)) * 0x1p-31f;
    }
}

class CpuLinearTimer : public LinearTimer {
 public:
  explicit CpuLinearTimer(Precision precision) : precision_(precision) {}

  std::string device() const override {
    return fmt::format("{}, {} threads, {}", processor_name(), omp_get_max_threads(), word_of(precision_));
  }

  std::string arithmetic(const Option& option) const override { return word_of(precision_of(option)); }

  Time time(const LayerShape& shape, const Option& option, Phase, std::int64_t tokens) override {
    prepare(shape, precision_of(option));
    Matrix<float> x(tokens, shape.inputs);
    Matrix<float> out(tokens, shape.outputs);
    fill(x, 2);
    const auto pass = [&](std::size_t number) {
      copies_[number % copies_.size()].apply(x.view(), {}, out.view(), false);
    };
    pass(0);  // oneDNN compiles its kernel for this number of rows
    std::vector<double> seconds;
    double sum = 0;
    while (std::ssize(seconds) < fewest_passes || (sum < enough_seconds && std::ssize(seconds) < most_passes)) {
      const Clock::time_point start = Clock::now();
      pass(seconds.size() + 1);
      seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
      sum += seconds.back();
    }
    std::sort(seconds.begin(), seconds.end());
    return {seconds[seconds.size() / 2], seconds.front(), seconds.back()};
  }

 private:
  static std::string word_of(Precision precision) {
    return precision == Precision::f32 ? "f32" : precision == Precision::bf16 ? "bf16" : "int8";
  }

  Precision precision_of(const Option& option) const {
    return option.activation_bits == 8 ? Precision::int8 : precision_;
  }

  static LinearWeights make(const LayerShape& shape, Precision precision) {
    if (precision == Precision::int8) {
      Matrix<std::int8_t> codes(shape.outputs, shape.inputs);
      for (std::int64_t r = 0; r < shape.outputs; ++r)
        for (std::int64_t c = 0; c < shape.inputs; ++c)
          codes.row(r)[c] = static_cast<std::int8_t>((r * 31 + c * 17) % 255 - 127);
      return LinearWeights::from_int8(codes.view(),
                                      std::vector<float>(static_cast<std::size_t>(shape.outputs), 0x1p-7f));
    }
    Matrix<float> weights(shape.outputs, shape.inputs);
    fill(weights, 1);
    return LinearWeights::from_float(weights.view(), precision);
  }

  /// Layers are asked for several times in a row, with different numbers of tokens.
  void prepare(const LayerShape& shape, Precision precision) {
    if (!copies_.empty() && copies_.front().outputs() == shape.outputs && copies_.front().inputs() == shape.inputs &&
        prepared_ == precision)
      return;
    copies_.clear();
    copies_.push_back(make(shape, precision));
    prepared_ = precision;
    const std::int64_t bytes = std::max<std::int64_t>(1, copies_.front().memory_bytes());
    const std::int64_t wanted = std::clamp<std::int64_t>(3 * last_cache_bytes() / bytes + 1, 2, most_copies);
    while (std::ssize(copies_) < wanted) copies_.push_back(make(shape, precision));
  }

  Precision precision_;
  Precision prepared_ = Precision::f32;
  std::vector<LinearWeights> copies_;
};

}  // namespace

std::unique_ptr<LinearTimer> cpu_linear_timer(Precision precision) {
  return std::make_unique<CpuLinearTimer>(precision);
}

}  // namespace pare::framework
