// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/option_table.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>

#include "framework/compression/layer_storage.hpp"
#include "framework/compression/option.hpp"

namespace pare::framework {
namespace {

struct Family {
  std::string_view spelling;
  std::string_view example;  ///< an option of the family
  std::string_view what;
  std::string_view when;
};

constexpr std::array families{
    Family{"w16", "w16", "stays as it is in the checkpoint", "layers that must not lose anything"},
    Family{"w<2..8>-g<size>", "w4-g128", "integer grid, rounded to nearest: scale (binary16) and zero point per group",
           "4 bits and more, or no calibration wanted"},
    Family{"...-channel", "w8-channel", "one group a row; `w8` alone means this", "8 bits"},
    Family{"...-tensor", "w8-tensor", "one group for the whole layer", "engines without scales for rows"},
    Family{"...-sym", "w4-g128-sym", "no zero points", "engines that want symmetric weights"},
    Family{"...-mse", "w3-g32-mse", "ranges clipped where that lowers the squared error", "as rounding, 2 to 4 bits"},
    Family{"...-gptq", "w3-g32-gptq", "GPTQ: later weights make up for the rounding of earlier ones",
           "4 bits and more"},
    Family{"...-gptq-mse", "w2-g32-gptq-mse", "GPTQ with clipped ranges", "2 and 3 bits; the best of the grids"},
    Family{"...-gptq-act", "w3-g32-gptq-act", "the same, most active inputs first", "2 and 3 bits; slower"},
    Family{"...-awq", "w3-g32-awq", "AWQ: active inputs get a finer grid, by scales and clips",
           "2 and 3 bits, where engines want plain rounding"},
    Family{"w<2..8>a8", "w8a8", "int8 activations (a scale a token), symmetric channel weights, integer GEMM",
           "compute-bound serving; also `-mse`, `-gptq`"},
    Family{"w<2..8>a8...-smooth", "w8a8-smooth", "SmoothQuant: outliers of activations move to the weights",
           "activations with outlying channels"},
    Family{"w<2..8>a8...-static", "w8a8-static",
           "one activation scale for all tokens; `-static-percentile`, `-mse`, `-entropy`, `-moving-average`",
           "engines without per-token scales"},
    Family{"q4_0, q5_0, q8_0, iq4_nl", "q4_0", "GGUF blocks of 32", "llama.cpp, widths that 256 does not divide"},
    Family{"q2_k ... q6_k", "q3_k", "GGUF blocks of 256 with scales of sub-blocks",
           "llama.cpp; very good below 4 bits"},
    Family{"<block format>-imatrix", "q2_k-imatrix", "errors weighted by the mean square of the inputs",
           "always, when there is calibration text"},
    Family{"<n>:<m>-<method>", "2:4-sparsegpt", "n of m neighbouring inputs stay, as bfloat16 with indices",
           "sparse tensor cores"},
    Family{"<percent>%-<method>", "50%-wanda", "that many weights go, stored as bit mask and bfloat16",
           "research; memory-bound CPUs"},
    Family{"<sparsity>+w<2..8>-g<size>", "2:4-sparsegpt+w4-g32", "what stays is on a grid, sparsegpt in one sweep",
           "sparse and quantized"},
    Family{"<sparsity>-dense[+...]", "50%-sparsegpt-dense+w4-g32", "zeros are stored like any weight",
           "engines without sparse storage"},
    Family{"keep-<percent>%[+...]", "keep-75%+w4-g32",
           "head groups or channels go, what stays is re-fitted and smaller", "latency; also `-wanda`, `-magnitude`"},
    Family{"drop", "drop", "the attention or mlp passes its input on", "depth"},
};

std::string bits_of(std::string_view example) {
  const Option option = parse_option(example);
  if (option.drop) return "0";
  if (option.keep_percent < 100) return "of what stays";
  constexpr std::int64_t side = 4096;
  const double bits = 8.0 * static_cast<double>(body_bytes(option, {side, side})) / (double{side} * side);
  return fmt::format("{:.3f}", bits);
}

}  // namespace

std::string option_table() {
  std::string table =
      "| option | example | what becomes of a layer | bits a weight | calibrated | good for |\n"
      "| --- | --- | --- | --- | --- | --- |\n";
  for (const Family& family : families) {
    std::string spelling(family.spelling);
    for (std::size_t bar = spelling.find('|'); bar != std::string::npos; bar = spelling.find('|', bar + 2))
      spelling.insert(bar, "\\");
    table += fmt::format("| `{}` | `{}` | {} | {} | {} | {} |\n", spelling, parse_option(family.example).name(),
                         family.what, bits_of(family.example),
                         parse_option(family.example).needs_calibration() ? "yes" : "no", family.when);
  }
  return table;
}

}  // namespace pare::framework
