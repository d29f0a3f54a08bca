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

/// Hopper alone; any M, made for many.
template <class Out>
void launch_gemm_int8_hopper(const Int8Operands& operands, const Int8Epilogue<Out>& epilogue, DeviceView<Out> out,
                             const Stream& stream);
template <class Out>
void launch_gemm_int8_grouped_hopper(const Int8Operands& operands, DeviceView<const float> group_scales,
                                     const Int8Epilogue<Out>& epilogue, DeviceView<Out> out, const Stream& stream);

/// Hopper alone; M up to most_narrow_tokens.
inline constexpr std::int64_t most_narrow_tokens = 256;
template <class Out>
void launch_gemm_int8_hopper_narrow(const Int8Operands& operands, const Int8Epilogue<Out>& epilogue,
                                    DeviceView<Out> out, const Stream& stream);

}  // namespace pare::kernels::detail
