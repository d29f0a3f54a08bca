// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/linear.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "kernels/core/dtype.hpp"
#include "kernels/core/matrix.hpp"
#include "kernels/core/parallel.hpp"
#include "kernels/gemm/int8_product.hpp"
#include "kernels/gemm/onednn_matmul.hpp"
#include "kernels/quantize/quantize_tokens.hpp"

namespace pare::kernels {
namespace {

using Type = dnnl::memory::data_type;
using detail::OneDnnMatmul;

/// |sum of u8 * s8 products| stays below 2^31 up to here: 65536 * 255 * 128 < 2^31.
constexpr std::int64_t most_int8_inputs = 65536;

/// Rows of a tile: full tiles, or less when that gives every thread something to do.
std::int64_t tile_rows(std::int64_t rows) {
  const std::int64_t threads = omp_in_parallel() ? 1 : omp_get_max_threads();
  const std::int64_t share = (rows + threads - 1) / threads;
  return std::clamp<std::int64_t>((share + 15) / 16 * 16, 16, detail::full_tile_rows);
}

/// Calls body(first_row, row_count) for every tile, in parallel.
template <class Body>
void for_each_tile(std::int64_t rows, const Body& body) {
  const std::int64_t tile = tile_rows(rows);
  parallel_for(rows, tile, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t first = begin; first < end; first += tile) body(first, std::min(tile, end - first));
  });
}

void round_to_bfloat16(const float* x, std::int64_t count, BFloat16* out) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) out[i] = to_bfloat16(x[i]);
}

void round_to_bfloat16(const float* x, std::int64_t count, float* out) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) out[i] = to_float(to_bfloat16(x[i]));
}

template <class T>
void copy_rows(MatrixView<const T> from, MatrixView<T> to) {
  for (std::int64_t r = 0; r < from.rows; ++r) std::copy_n(from.row(r), from.cols, to.row(r));
}

/// Calls write(contiguous) where the rows of `out` are to appear, by way of a copy when they are strided.
template <class Write>
void write_contiguous(MatrixView<float> out, bool accumulate, const Write& write) {
  if (out.contiguous()) return write(out.data);
  thread_local Matrix<float> buffer;
  buffer.reshape(out.rows, out.cols);
  if (accumulate) copy_rows<float>(out, buffer.view());
  write(buffer.data());
  copy_rows<float>(buffer.view(), out);
}

}  // namespace

/// The weights as the GEMM wants them, and what int8 needs besides.
struct LinearWeights::Implementation {
  std::int64_t outputs() const { return matmul ? matmul->outputs() : portable_codes.rows(); }
  std::int64_t inputs() const { return matmul ? matmul->inputs() : portable_codes.cols(); }
  std::int64_t memory_bytes() const;

  void apply_f32(MatrixView<const float> x, const float* bias, MatrixView<float> out, bool accumulate) const;
  template <class T>
  void apply_rounded(MatrixView<const float> x, const float* bias, MatrixView<float> out, bool accumulate) const;
  void apply_int8(MatrixView<const float> x, const float* bias, MatrixView<float> out, bool accumulate) const;

  Precision precision = Precision::f32;
  Type x_type = Type::f32;
  std::unique_ptr<OneDnnMatmul> matmul;    ///< null for int8 on a CPU without VNNI
  Matrix<std::int8_t> portable_codes;      ///< the weights, when matmul is null
  std::vector<float> scales;               ///< int8: of each output
  std::vector<std::int32_t> compensation;  ///< int8: 128 * the sum of the codes of each output
  Int8Input input;                         ///< int8: how x is quantized
};

void LinearWeights::Implementation::apply_f32(MatrixView<const float> x, const float* bias, MatrixView<float> out,
                                              bool accumulate) const {
  for_each_tile(x.rows, [&](std::int64_t first, std::int64_t count) {
    MatrixView<const float> rows = x.rows_from(first, count);
    thread_local Matrix<float> buffer;
    if (!x.contiguous()) {
      buffer.reshape(count, x.cols);
      copy_rows<float>(rows, buffer.view());
      rows = buffer.view();
    }
    write_contiguous(out.rows_from(first, count), accumulate, [&](float* y) {
      matmul->run({count, bias != nullptr, accumulate}, rows.data, bias, y);
    });
  });
}

template <class T>
void LinearWeights::Implementation::apply_rounded(MatrixView<const float> x, const float* bias, MatrixView<float> out,
                                                  bool accumulate) const {
  for_each_tile(x.rows, [&](std::int64_t first, std::int64_t count) {
    thread_local Matrix<T> rounded;
    rounded.reshape(count, x.cols);
    for (std::int64_t t = 0; t < count; ++t) round_to_bfloat16(x.row(first + t), x.cols, rounded.row(t));
    write_contiguous(out.rows_from(first, count), accumulate, [&](float* y) {
      matmul->run({count, bias != nullptr, accumulate}, rounded.data(), bias, y);
    });
  });
}

/// The CPU multiplies unsigned by signed bytes, so 128 is added to the codes of x and 128 * sum(codes of w)
/// taken off the sums. Both are exact in 32 bits; the first rounding is the conversion of a sum to binary32.
void LinearWeights::Implementation::apply_int8(MatrixView<const float> x, const float* bias, MatrixView<float> out,
                                               bool accumulate) const {
  for_each_tile(x.rows, [&](std::int64_t first, std::int64_t count) {
    thread_local Matrix<std::int8_t> codes;
    thread_local Matrix<std::int32_t> sums;
    thread_local std::vector<float> x_scales;
    codes.reshape(count, x.cols);
    sums.reshape(count, out.cols);
    x_scales.resize(static_cast<std::size_t>(count));
    quantize_tokens_int8(x.rows_from(first, count), input, codes.view(), x_scales);
    if (matmul) {
      auto* shifted = reinterpret_cast<std::uint8_t*>(codes.data());
#pragma omp simd
      for (std::int64_t i = 0; i < codes.size(); ++i) shifted[i] = static_cast<std::uint8_t>(shifted[i] + 128u);
      matmul->run({count, false, false}, shifted, nullptr, sums.data());
    } else {
      detail::int8_product(codes.view(), portable_codes.view(), sums.view());
    }
    for (std::int64_t t = 0; t < count; ++t) {
      const float x_scale = x_scales[static_cast<std::size_t>(t)];
      const std::int32_t* sum = sums.row(t);
      const float* scale = scales.data();
      const std::int32_t* shift = compensation.data();
      float* y = out.row(first + t);
      if (accumulate) {
#pragma omp simd
        for (std::int64_t n = 0; n < out.cols; ++n)
          y[n] += static_cast<float>(sum[n] - shift[n]) * (x_scale * scale[n]);
      } else {
#pragma omp simd
        for (std::int64_t n = 0; n < out.cols; ++n) y[n] = static_cast<float>(sum[n] - shift[n]) * (x_scale * scale[n]);
      }
      if (bias != nullptr) {
#pragma omp simd
        for (std::int64_t n = 0; n < out.cols; ++n) y[n] += bias[n];
      }
    }
  });
}

LinearWeights::LinearWeights() = default;
LinearWeights::~LinearWeights() = default;
LinearWeights::LinearWeights(LinearWeights&&) noexcept = default;
LinearWeights& LinearWeights::operator=(LinearWeights&&) noexcept = default;

LinearWeights LinearWeights::from_float(MatrixView<const float> weight, Precision precision) {
  EXPECT(weight.rows > 0 && weight.cols > 0, weight.rows, " x ", weight.cols);
  EXPECT(precision != Precision::int8, "int8 weights come from codes: use from_int8");
  const bool native = precision == Precision::bf16 && detail::has_bfloat16();
  Matrix<float> rounded;
  if (precision == Precision::bf16 && !native) {
    rounded.reshape(weight.rows, weight.cols);
    for (std::int64_t n = 0; n < weight.rows; ++n) round_to_bfloat16(weight.row(n), weight.cols, rounded.row(n));
    weight = rounded.view();
  }
  LinearWeights linear;
  linear.implementation_ = std::make_unique<Implementation>();
  auto& implementation = *linear.implementation_;
  implementation.precision = precision;
  implementation.x_type = native ? Type::bf16 : Type::f32;
  implementation.matmul =
      std::make_unique<OneDnnMatmul>(weight.data, Type::f32, weight.stride, weight.rows, weight.cols,
                                     implementation.x_type, implementation.x_type, Type::f32);
  return linear;
}

LinearWeights LinearWeights::from_int8(MatrixView<const std::int8_t> codes, std::span<const float> scales,
                                       Int8Input input) {
  EXPECT(codes.rows > 0 && codes.cols > 0, codes.rows, " x ", codes.cols);
  EXPECT(static_cast<std::int64_t>(scales.size()) == codes.rows, scales.size(), " scales for ", codes.rows, " outputs");
  VALIDATE(codes.cols <= most_int8_inputs, "an int8 layer with ", codes.cols,
           " inputs may overflow its 32-bit sums, use at most ", most_int8_inputs);
  check_int8_input(input, codes.cols);
  LinearWeights linear;
  linear.implementation_ = std::make_unique<Implementation>();
  auto& implementation = *linear.implementation_;
  implementation.precision = Precision::int8;
  implementation.x_type = Type::u8;
  implementation.input = std::move(input);
  implementation.scales.assign(scales.begin(), scales.end());
  implementation.compensation.resize(static_cast<std::size_t>(codes.rows));
  if (!detail::has_exact_int8()) {
    implementation.portable_codes.reshape(codes.rows, codes.cols);
    copy_rows<std::int8_t>(codes, implementation.portable_codes.view());
    return linear;
  }
  implementation.matmul = std::make_unique<OneDnnMatmul>(codes.data, Type::s8, codes.stride, codes.rows, codes.cols,
                                                         Type::u8, Type::s8, Type::s32);
  for (std::int64_t n = 0; n < codes.rows; ++n) {
    std::int32_t sum = 0;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t k = 0; k < codes.cols; ++k) sum += codes.row(n)[k];
    implementation.compensation[static_cast<std::size_t>(n)] = 128 * sum;
  }
  return linear;
}

std::int64_t LinearWeights::outputs() const {
  return implementation_ ? implementation_->outputs() : 0;
}

std::int64_t LinearWeights::inputs() const {
  return implementation_ ? implementation_->inputs() : 0;
}

std::int64_t LinearWeights::memory_bytes() const {
  return implementation_ ? implementation_->memory_bytes() : 0;
}

std::int64_t LinearWeights::Implementation::memory_bytes() const {
  const auto extra =
      (scales.size() + input.divisors.size()) * sizeof(float) + compensation.size() * sizeof(std::int32_t);
  return (matmul ? matmul->memory_bytes() : portable_codes.size()) + static_cast<std::int64_t>(extra);
}

void LinearWeights::apply(MatrixView<const float> x, std::span<const float> bias, MatrixView<float> out,
                          bool accumulate) const {
  EXPECT(implementation_ != nullptr, "apply on empty weights");
  EXPECT(x.cols == inputs() && out.cols == outputs() && out.rows == x.rows, "x ", x.rows, " x ", x.cols, ", out ",
         out.rows, " x ", out.cols, " for weights ", outputs(), " x ", inputs());
  EXPECT(bias.empty() || static_cast<std::int64_t>(bias.size()) == outputs(), bias.size(), " biases for ", outputs(),
         " outputs");
  const float* bias_data = bias.empty() ? nullptr : bias.data();
  switch (implementation_->precision) {
    case Precision::f32:
      return implementation_->apply_f32(x, bias_data, out, accumulate);
    case Precision::int8:
      return implementation_->apply_int8(x, bias_data, out, accumulate);
    case Precision::bf16:
      if (implementation_->x_type == Type::bf16)
        return implementation_->apply_rounded<BFloat16>(x, bias_data, out, accumulate);
      return implementation_->apply_rounded<float>(x, bias_data, out, accumulate);
  }
}

}  // namespace pare::kernels
