// SPDX-License-Identifier: Apache-2.0
#include "kernels/core/cuda_check.cuh"
#include "kernels/transformer/head_launch.hpp"

namespace pare::kernels::detail {
namespace kernel {

constexpr int loss_warps = 8;
constexpr double smallest_mass = 1e-9;

__device__ double sum_of_warp(double x) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) x += __shfl_xor_sync(0xffffffffu, x, distance);
  return x;
}

/// A warp a token: merges the parts of its log-sum-exp, then sums over the teacher's words, all in binary64 and in an order
/// that the sizes alone determine. Memory-bound.
__global__ void __launch_bounds__(32 * loss_warps) losses(const HeadArguments arguments, const HeadLosses out) {
  const std::int64_t token = std::int64_t{blockIdx.x} * loss_warps + threadIdx.x / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  if (token >= arguments.tokens) return;
  const auto* parts = reinterpret_cast<const float2*>(arguments.partial) + token * arguments.parts;
  float highest = -INFINITY;
  for (int i = lane; i < arguments.parts; i += 32) highest = fmaxf(highest, parts[i].x);
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2)
    highest = fmaxf(highest, __shfl_xor_sync(0xffffffffu, highest, distance));
  double total = 0.0;
  for (int i = lane; i < arguments.parts; i += 32) {
    // A part without words holds (-infinity, 0), or (-infinity, NaN) when all its logits are NaN.
    const float2 part = parts[i];
    total += double{part.y} * exp2(double{part.x} - double{highest});
  }
  total = sum_of_warp(total);
  constexpr double log_of_2 = 0.69314718055994530942;
  const double normaliser = (double{highest} + log2(total)) * log_of_2;

  const float* teacher = out.teacher_log + token * out.teacher_log_stride;
  const float* student = arguments.gathered + token * arguments.k;
  double divergence = 0.0;
  double teacher_mass = 0.0;
  double student_mass = 0.0;
  for (int i = lane; i < arguments.k; i += 32) {
    const double student_log = double{student[i]} - normaliser;
    const double p = exp(double{teacher[i]});
    divergence += p * (double{teacher[i]} - student_log);
    teacher_mass += p;
    student_mass += exp(student_log);
  }
  divergence = sum_of_warp(divergence);
  teacher_mass = sum_of_warp(teacher_mass);
  student_mass = sum_of_warp(student_mass);
  if (lane != 0) return;
  if (arguments.k < arguments.vocabulary) {
    const double teacher_rest = 1.0 - teacher_mass;
    const double student_rest = 1.0 - student_mass < smallest_mass ? smallest_mass : 1.0 - student_mass;
    if (teacher_rest >= smallest_mass) divergence += teacher_rest * log(teacher_rest / student_rest);
  }
  out.divergence[token] = divergence < 0.0 ? 0.0f : static_cast<float>(divergence);
  out.negative_log_likelihood[token] = static_cast<float>(normaliser - double{arguments.target_logits[token]});
}

}  // namespace kernel

void launch_head_losses(const HeadArguments& arguments, const HeadLosses& losses, const Stream& stream) {
  const std::int64_t blocks = (arguments.tokens + kernel::loss_warps - 1) / kernel::loss_warps;
  kernel::losses<<<static_cast<unsigned>(blocks), 32 * kernel::loss_warps, 0, stream.handle()>>>(arguments, losses);
  CUDA_CHECK_LAUNCH();
}

}  // namespace pare::kernels::detail
