// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/compressor.hpp"

#include "framework/compression/round_to_nearest.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {

const Compressor& compressor_of(const Option& option) {
  static const RoundToNearest round_to_nearest;
  switch (option.method) {
    case Option::Method::round_to_nearest:
      return round_to_nearest;
    case Option::Method::keep:
      break;
  }
  throw InternalError("option " + option.name() + " keeps the checkpoint's weights and has no compressor");
}

}  // namespace pare::framework
