// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "framework/calibration/range_calibrator.hpp"
#include "kernels/quantize/block_format.hpp"
#include "kernels/quantize/grid.hpp"

namespace pare::framework {

/// Which weights of a linear are zero. `kept` of every `of` neighbouring inputs of a row stay (N:M), or, when `of` is
/// 0, `percent` of all weights go.
struct Sparsity {
  enum class Method { random, magnitude, projection, wanda, sparsegpt };

  Method method = Method::magnitude;
  int kept = 0;
  int of = 0;
  int percent = 0;
  bool dense = false;  ///< zeros are stored like any weight: no bytes are saved, for engines without sparse storage

  bool operator==(const Sparsity&) const = default;
};

/// One way to compress one site. It has one spelling, the same in YAML, tables, bank and run file: `drop`, or up to
/// three parts joined by '+'. configs/README.md explains them all.
///
///   structure   keep-<percent>%[-magnitude|-wanda]                 heads of an attention, channels of an mlp
///   sparsity    <n>:<m>-<method>[-dense] | <percent>%-<method>[-dense]
///               method: random, magnitude, projection, wanda, sparsegpt
///   weights     w16                                                left out when another part is there
///               w<bits>-<g<size>|channel|tensor>[-sym][-gptq|-gptq-act|-awq][-mse]
///               w<bits>a8[-tensor][-gptq|-gptq-act][-mse][-smooth][-static[-<range>]]
///               <block format>[-imatrix]
struct Option {
  enum class Weights { original, grid, blocks };
  enum class Rounding { nearest, gptq, gptq_ordered, awq };
  enum class Saliency { hessian, wanda, magnitude };

  bool drop = false;       ///< the sub-layer passes its input on
  int keep_percent = 100;  ///< of head groups or channels
  Saliency saliency = Saliency::hessian;
  std::optional<Sparsity> sparsity;
  Weights weights = Weights::original;
  kernels::Grid grid;  ///< Weights::grid
  Rounding rounding = Rounding::nearest;
  bool clip = false;  ///< nearest, gptq: groups are clipped where that lowers the squared error
  kernels::BlockFormat block = kernels::BlockFormat::q8_0;  ///< Weights::blocks
  bool importance = false;                                  ///< Weights::blocks: errors weighted by the inputs
  int activation_bits = 16;                                 ///< 8: the integer GEMM
  bool smooth = false;                                      ///< activation_bits 8
  std::optional<RangeMethod> static_range;                  ///< activation_bits 8; nothing: a scale for every token

  /// The checkpoint's own weights: nothing is stored in a bank.
  bool keeps_checkpoint() const;
  /// What it takes away from a whole sub-layer, as name() spells it: "drop", "keep-75%", "keep-50%-wanda"; empty:
  /// nothing. All layers of the sub-layer must agree on it; how they store what stays is their own affair.
  std::string structure() const;
  bool is_structured() const { return drop || keep_percent < 100; }
  /// Scales the inputs of a linear, so that linears that read the same input must agree.
  bool scales_inputs() const { return smooth || rounding == Rounding::awq; }
  /// Needs what calibration learns about the inputs of the linear.
  bool needs_calibration() const;

  std::string name() const;
  bool operator==(const Option&) const = default;
};

/// Throws InputError for anything that is not an option; the text shows the grammar and, where there is one, the near
/// spelling.
Option parse_option(std::string_view text);

}  // namespace pare::framework
