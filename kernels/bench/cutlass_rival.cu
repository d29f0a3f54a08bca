// SPDX-License-Identifier: Apache-2.0
#include "kernels/bench/cutlass_rival.hpp"

#include <cutlass/cutlass.h>
#include <cutlass/gemm/device/gemm_universal_adapter.h>
#include <cute/tensor.hpp>
#include <cutlass/epilogue/collective/collective_builder.hpp>
#include <cutlass/gemm/collective/collective_builder.hpp>
#include <cutlass/gemm/kernel/gemm_universal.hpp>
#include <cutlass/util/packed_stride.hpp>

#include "kernels/core/contract.hpp"

namespace pare::bench {
namespace {

template <class Tile, class KernelSchedule, class EpilogueSchedule>
struct Product {
  using Cluster = cute::Shape<cute::_2, cute::_1, cute::_1>;
  using RowMajor = cutlass::layout::RowMajor;
  using ColumnMajor = cutlass::layout::ColumnMajor;
  using Epilogue = typename cutlass::epilogue::collective::CollectiveBuilder<
      cutlass::arch::Sm90, cutlass::arch::OpClassTensorOp, Tile, Cluster,
      cutlass::epilogue::collective::EpilogueTileAuto, std::int32_t, float, void, RowMajor, 8, cutlass::bfloat16_t,
      RowMajor, 8, EpilogueSchedule>::CollectiveOp;
  using Mainloop = typename cutlass::gemm::collective::CollectiveBuilder<
      cutlass::arch::Sm90, cutlass::arch::OpClassTensorOp, std::int8_t, RowMajor, 16, std::int8_t, ColumnMajor, 16,
      std::int32_t, Tile, Cluster,
      cutlass::gemm::collective::StageCountAutoCarveout<static_cast<int>(sizeof(typename Epilogue::SharedStorage))>,
      KernelSchedule>::CollectiveOp;
  using Kernel = cutlass::gemm::kernel::GemmUniversal<cute::Shape<int, int, int, int>, Mainloop, Epilogue>;
  using Gemm = cutlass::gemm::device::GemmUniversalAdapter<Kernel>;

  static void run(int m, int n, int k, const std::int8_t* x, const std::int8_t* weight, float scale,
                  cutlass::bfloat16_t* out, const kernels::Stream& stream) {
    const auto x_stride = cutlass::make_cute_packed_stride(typename Kernel::StrideA{}, {m, k, 1});
    const auto weight_stride = cutlass::make_cute_packed_stride(typename Kernel::StrideB{}, {n, k, 1});
    const auto out_stride = cutlass::make_cute_packed_stride(typename Kernel::StrideD{}, {m, n, 1});
    const typename Gemm::Arguments arguments{cutlass::gemm::GemmUniversalMode::kGemm,
                                             {m, n, k, 1},
                                             {x, x_stride, weight, weight_stride},
                                             {{scale, 0.0f}, nullptr, {}, out, out_stride}};
    Gemm gemm;
    const cutlass::Status status = gemm.run(arguments, nullptr, stream.handle());
    if (status != cutlass::Status::kSuccess)
      throw DeviceError(pare::detail::concatenate("CUTLASS: ", cutlassGetStatusString(status)), false);
  }
};

using Pingpong = Product<cute::Shape<cute::_128, cute::_128, cute::_128>,
                         cutlass::gemm::KernelTmaWarpSpecializedPingpong, cutlass::epilogue::TmaWarpSpecialized>;
using Cooperative =
    Product<cute::Shape<cute::_128, cute::_256, cute::_128>, cutlass::gemm::KernelTmaWarpSpecializedCooperative,
            cutlass::epilogue::TmaWarpSpecializedCooperative>;

}  // namespace

void launch_cutlass_int8(CutlassSchedule schedule, std::int64_t m, std::int64_t n, std::int64_t k, const std::int8_t* x,
                         const std::int8_t* weight, float scale, kernels::BFloat16* out,
                         const kernels::Stream& stream) {
  const auto run = schedule == CutlassSchedule::pingpong_128 ? Pingpong::run : Cooperative::run;
  run(static_cast<int>(m), static_cast<int>(n), static_cast<int>(k), x, weight, scale,
      reinterpret_cast<cutlass::bfloat16_t*>(out), stream);
}

}  // namespace pare::bench
