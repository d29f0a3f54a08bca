// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "kernels/core/matrix_view.hpp"
#include "kernels/quantize/quantize_tokens.hpp"

namespace pare::kernels {

/// The arithmetic of a linear layer.
///   f32   activations and weights in binary32
///   bf16  both rounded to bfloat16, accumulated in binary32
///   int8  activations quantized per token (or with one scale for all), weights int8 with one scale an output,
///         accumulated in int32
/// A CPU without bfloat16 products rounds both to bfloat16 and multiplies them in binary32; one without VNNI
/// sums int8 products in a plain loop: the same numbers, up to the order of binary32 sums, slower.
enum class Precision { f32, bf16, int8 };

/// Weights of one linear layer, rearranged once for the GEMM of the machine and used for any number of
/// inputs. Movable. `apply` is const and may be called from several threads at once.
///
/// Bit equality: a row of the output depends on that row of the input and on the weights only, not on how
/// many other rows there are, nor on the number of threads. Tested; the prefix trie relies on it.
class LinearWeights {
 public:
  LinearWeights();
  ~LinearWeights();
  LinearWeights(LinearWeights&&) noexcept;
  LinearWeights& operator=(LinearWeights&&) noexcept;

  /// weight [outputs, inputs]; f32 or bf16 arithmetic. Values are copied.
  static LinearWeights from_float(MatrixView<const float> weight, Precision precision);

  /// codes [outputs, inputs] in [-127, 127] or [-128, 127] and one scale an output; int8 arithmetic. Values
  /// are copied. `input` says how apply quantizes x. Throws InputError when 32-bit sums may overflow (more than 65536
  /// inputs) and where check_int8_input does.
  static LinearWeights from_int8(MatrixView<const std::int8_t> codes, std::span<const float> scales,
                                 Int8Input input = {});

  std::int64_t outputs() const;
  std::int64_t inputs() const;
  std::int64_t memory_bytes() const;

  /// out[M, outputs] = x[M, inputs] * weight^T (+ bias) (+ out when `accumulate`). bias may be empty, else
  /// `outputs` values. x and out may be strided. int8: x is divided and
  /// quantized here, as quantize_tokens_int8 does it.
  void apply(MatrixView<const float> x, std::span<const float> bias, MatrixView<float> out, bool accumulate) const;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

/// out = x * weight^T (+ bias) (+ out) in double precision, rounded once: the definition the fast paths are
/// tested against.
void linear_reference(MatrixView<const float> x, MatrixView<const float> weight, std::span<const float> bias,
                      MatrixView<float> out, bool accumulate);

}  // namespace pare::kernels
