// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/core/host_device.hpp"

namespace pare::kernels::detail {

/// Four neighbouring int8 weights, of which 2:4 sparsity kept two, as the bytes of a word. pair: the kept ones, the first
/// in bits 0-7; places: where they belong, the first's place in bits 0-1, the second's in bits 2-3.
PARE_HOST_DEVICE inline std::uint32_t dense_word(std::uint32_t pair, std::uint32_t places) {
  const std::uint32_t first = pair & 0xFFu;
  const std::uint32_t second = (pair >> 8) & 0xFFu;
  return first << (8 * (places & 3u)) | second << (8 * ((places >> 2) & 3u));
}

}  // namespace pare::kernels::detail
