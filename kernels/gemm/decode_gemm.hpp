// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/core/device_view.hpp"
#include "kernels/core/dtype.hpp"
#include "kernels/core/stream.hpp"
#include "kernels/quantize/device_packed.hpp"

namespace pare::kernels {

/// Linear layers for the few rows of a decoding step, which read every weight once and wait for nothing else: what the
/// latency tables time. Many rows are faster through expansion and one good GEMM. For int8 activations gemm_int8 has tiles
/// made for few rows.
inline constexpr std::int64_t most_decode_rows = 16;

/// out [M, N] = x [M, K] * weight^T, M <= most_decode_rows, on packed weights [N, K] of 4 or 8 bits, never expanded in
/// memory. The weights are those of expansion to bfloat16: scale * (code - zero) rounded to bfloat16, half to even;
/// products are exact, sums are binary32, the output is rounded once. A row's bits do not depend on the other rows.
///
/// K is a multiple of 8, groups are a whole row or a multiple of 8 inputs. x and out begin at multiples of 16 bytes, their
/// strides are multiples of 8. Enqueued on `stream`. Throws InputError.
void decode_gemm(DeviceView<const BFloat16> x, const DevicePackedView& weight, DeviceView<BFloat16> out,
                 const Stream& stream);

namespace detail {

/// Behind decode_gemm; the arguments have been checked.
void launch_decode_gemm(DeviceView<const BFloat16> x, const DevicePackedView& weight, DeviceView<BFloat16> out,
                        const Stream& stream);

}  // namespace detail
}  // namespace pare::kernels
