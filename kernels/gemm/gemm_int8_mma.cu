// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/gemm_int8_launch.hpp"
#include "kernels/gemm/gemm_int8_mma.cuh"

namespace pare::kernels::detail {
namespace {

/// Compute bound: four warps of 64 x 64, so that a stage's 16 KiB feed 128 x 128 x 64 products, two blocks a
/// multiprocessor.
using WideTile = MmaTile<128, 128, 64, 4, 2, 2, 1, 2>;
/// Bound by the weights' bytes: tiles of 32 outputs keep every multiprocessor at it from 4096 outputs on, four warps share
/// the inputs.
using FewTokensTile = MmaTile<64, 32, 256, 4, 1, 1, 4, 2>;
using FewerTokensTile = MmaTile<32, 32, 256, 6, 1, 1, 4, 2>;
using DecodeTile = MmaTile<16, 32, 256, 6, 1, 1, 4, 3>;

}  // namespace

template <class Out>
void launch_gemm_int8_mma(const Int8Operands& operands, const Int8Epilogue<Out>& epilogue, DeviceView<Out> out,
                          const Stream& stream) {
  if (out.rows <= DecodeTile::tokens) {
    launch_mma_tile<DecodeTile, Out, false>(operands, {}, epilogue, out, stream);
  } else if (out.rows <= FewerTokensTile::tokens) {
    launch_mma_tile<FewerTokensTile, Out, false>(operands, {}, epilogue, out, stream);
  } else if (out.rows <= FewTokensTile::tokens || mma_tiles<WideTile>(out.rows, out.cols) < stream.multiprocessors()) {
    launch_mma_tile<FewTokensTile, Out, false>(operands, {}, epilogue, out, stream);
  } else {
    launch_mma_tile<WideTile, Out, false>(operands, {}, epilogue, out, stream);
  }
}

template void launch_gemm_int8_mma<BFloat16>(const Int8Operands&, const Int8Epilogue<BFloat16>&, DeviceView<BFloat16>,
                                             const Stream&);
template void launch_gemm_int8_mma<float>(const Int8Operands&, const Int8Epilogue<float>&, DeviceView<float>,
                                          const Stream&);

}  // namespace pare::kernels::detail
