// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/gemm/gemm_int8.hpp"

/// The launchers among which gemm_int8 chooses; their arguments have been checked. Out is BFloat16 or float.

namespace pare::kernels::detail {

/// Compute capability 8.0 and above; any M.
template <class Out>
void launch_gemm_int8_mma(const Int8Operands& operands, const Int8Epilogue<Out>& epilogue, DeviceView<Out> out,
                          const Stream& stream);
template <class Out>
void launch_gemm_int8_grouped_mma(const Int8Operands& operands, DeviceView<const float> group_scales,
                                  const Int8Epilogue<Out>& epilogue, DeviceView<Out> out, const Stream& stream);

/// How the work of a Hopper kernel is cut; 0 leaves the choice to it. Results are the same whatever is chosen; benchmarks
/// try them all.
struct HopperTuning {
  int columns = 0;       ///< outputs of a tile: 128, 192 or 256; grouped: 128
  int raster_group = 0;  ///< pairs of token tiles that run side by side
};
struct NarrowTuning {
  int splits = 0;  ///< blocks that share the inputs of a tile: 1, 2, 4 or 8, at most ceil(K / 128)
};

/// Hopper alone; any M, made for many.
template <class Out>
void launch_gemm_int8_hopper(const Int8Operands& operands, const Int8Epilogue<Out>& epilogue, DeviceView<Out> out,
                             const HopperTuning& tuning, const Stream& stream);
template <class Out>
void launch_gemm_int8_grouped_hopper(const Int8Operands& operands, DeviceView<const float> group_scales,
                                     const Int8Epilogue<Out>& epilogue, DeviceView<Out> out, const HopperTuning& tuning,
                                     const Stream& stream);

/// Hopper alone; M up to most_narrow_tokens.
inline constexpr std::int64_t most_narrow_tokens = 256;
template <class Out>
void launch_gemm_int8_hopper_narrow(const Int8Operands& operands, const Int8Epilogue<Out>& epilogue,
                                    DeviceView<Out> out, const NarrowTuning& tuning, const Stream& stream);

}  // namespace pare::kernels::detail
