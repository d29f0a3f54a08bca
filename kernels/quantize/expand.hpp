// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/core/dtype.hpp"
#include "kernels/core/matrix_view.hpp"
#include "kernels/quantize/device_packed.hpp"
#include "kernels/quantize/grid.hpp"

namespace pare::kernels {

/// Writes the values of a packed matrix, in binary32: one multiplication per weight, s * (c - z), rounded
/// once.
void expand(const PackedView& packed, MatrixView<float> out);

/// The same values rounded to bfloat16.
void expand(const PackedView& packed, MatrixView<BFloat16> out);

/// Signed codes for the int8 GEMM and the scale of each row; symmetric grids with one group a row only (else
/// InputError). codes[r][c] = code - 2^(bits-1); scales[r] is the row's stored scale.
void expand_int8(const PackedView& packed, MatrixView<std::int8_t> codes, std::span<float> scales);

/// The same as `expand`, as the plainest loop: the definition the fast one is tested against.
void expand_reference(const PackedView& packed, MatrixView<float> out);

/// The GPU's half, enqueued on `stream`: the same bits (a NaN out of a scale that is not finite is some NaN). `out` and
/// `codes` are fastest when their rows begin at multiples of 16 bytes. Throw InputError where the host's half does and for
/// rows of more than 262144 weights.
void expand(const DevicePackedView& packed, DeviceView<BFloat16> out, const Stream& stream);
void expand(const DevicePackedView& packed, DeviceView<float> out, const Stream& stream);
void expand_int8(const DevicePackedView& packed, DeviceView<std::int8_t> codes, DeviceSpan<float> scales,
                 const Stream& stream);

}  // namespace pare::kernels
