// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "kernels/quantize/grid.hpp"

namespace pare::framework {

/// One way to compress one site. Its spelling is the same everywhere: YAML, tables, bank, run file.
///
///   w16                        the checkpoint's own weights
///   w<bits>-g<group>[-sym]     weights on an integer grid, bits 2..8, one scale a group of that many inputs;
///   w<bits>-channel[-sym]      activations stay as they are. Asymmetric (a zero point a group) unless -sym.
///                              channel: one group a row
///   w<bits>a8                  weights on a symmetric channel grid, activations quantized per token to int8:
///                              the integer GEMM
struct Option {
  enum class Method { keep, round_to_nearest };

  Method method = Method::keep;
  int weight_bits = 16;
  int activation_bits = 16;
  kernels::Grid grid;  ///< unused by keep

  std::string name() const;
  bool operator==(const Option&) const = default;
};

/// Throws InputError for anything that is not an option; the text shows the grammar and, where there is one, the near
/// spelling.
Option parse_option(std::string_view text);

}  // namespace pare::framework
