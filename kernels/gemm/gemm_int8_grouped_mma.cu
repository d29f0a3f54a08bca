// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/gemm_int8_launch.hpp"
#include "kernels/gemm/gemm_int8_mma.cuh"

namespace pare::kernels::detail {
namespace {

/// Compute bound: a stage is a group; eight warps of 64 x 32, because every sum has a total beside it in registers.
using WideTile = MmaTile<128, 128, int8_group, 3, 2, 4, 1, 1>;
/// Bound by the weights' bytes: narrow, so that many blocks share them.
using DecodeTile = MmaTile<16, 32, int8_group, 8, 1, 2, 1, 4>;

}  // namespace

template <class Out>
void launch_gemm_int8_grouped_mma(const Int8Operands& operands, DeviceView<const float> group_scales,
                                  const Int8Epilogue<Out>& epilogue, DeviceView<Out> out, const Stream& stream) {
  if (out.rows <= 4 * DecodeTile::tokens) {
    launch_mma_tile<DecodeTile, Out, true>(operands, group_scales, epilogue, out, stream);
  } else {
    launch_mma_tile<WideTile, Out, true>(operands, group_scales, epilogue, out, stream);
  }
}

template void launch_gemm_int8_grouped_mma<BFloat16>(const Int8Operands&, DeviceView<const float>,
                                                     const Int8Epilogue<BFloat16>&, DeviceView<BFloat16>,
                                                     const Stream&);
template void launch_gemm_int8_grouped_mma<float>(const Int8Operands&, DeviceView<const float>,
                                                  const Int8Epilogue<float>&, DeviceView<float>, const Stream&);

}  // namespace pare::kernels::detail
