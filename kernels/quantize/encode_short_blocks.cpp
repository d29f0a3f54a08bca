// SPDX-License-Identifier: Apache-2.0
#include "kernels/core/contract.hpp"
#include "kernels/quantize/encode_block.hpp"
#include "kernels/quantize/level_search.hpp"

/// Blocks of 32 weights with one binary16 scale of either sign.

namespace pare::kernels {
namespace {

template <class Levels>
void encode(const float* x, const float* weight, const Fan& fan, int zero, BlockFields& fields) {
  const Run<4> run(x, weight);
  const ScaleFit best = search_scale<Levels>(run, fan, in_binary16);
  fields.d = stored_scale(best.scale);
  write_codes<Levels>(run, best.scale, zero, fields.codes.data());
}

}  // namespace

void encode_short_block(BlockFormat format, const float* x, const float* weight, BlockFields& fields) {
  switch (format) {
    case BlockFormat::q4_0:
      return encode<EvenLevels<-8, 7>>(x, weight, {0.75f, 1.6f, 18}, 8, fields);
    case BlockFormat::q5_0:
      return encode<EvenLevels<-16, 15>>(x, weight, {0.85f, 1.3f, 18}, 16, fields);
    case BlockFormat::q8_0:
      return encode<EvenLevels<-127, 127>>(x, weight, {0.94f, 1.006f, 32}, 128, fields);
    case BlockFormat::iq4_nl:
      return encode<UnevenLevels>(x, weight, {0.75f, 1.6f, 18}, 0, fields);
    default:
      throw InternalError(pare::detail::concatenate(block_format_name(format), " is not a format of short blocks"));
  }
}

}  // namespace pare::kernels
