// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/bench/gpu_probes.hpp"
#include "kernels/core/device_matrix.hpp"
#include "kernels/core/gpu_timer.hpp"
#include "kernels/gemm/gemm_int8.hpp"

/// Shapes and random operands of the int8 products that benchmarks time.

namespace pare::bench {

struct Shape {
  std::int64_t n, k;
};

/// The linear layers of Llama 3 8B: q, k and v together, o, gate and up together, down.
inline constexpr Shape llama_8b_shapes[] = {{6144, 4096}, {4096, 4096}, {28672, 4096}, {4096, 14336}};

inline double tera_ops(std::int64_t m, Shape shape, double seconds) {
  return 2e-12 * static_cast<double>(m) * static_cast<double>(shape.n) * static_cast<double>(shape.k) / seconds;
}

/// Operands of one product, as often as needed to leave the cache. As bfloat16 the same bytes are half as many rows.
class Int8Buffers {
 public:
  Int8Buffers(std::int64_t m, Shape shape, std::int64_t l2_bytes, const kernels::Stream& stream)
      : m_(m),
        shape_(shape),
        sets_(kernels::set_count(m * shape.k + shape.n * shape.k + 2 * m * shape.n, l2_bytes)),
        x_(sets_ * 2, m * shape.k),
        weight_(sets_ * 2, shape.n * shape.k),
        out_(sets_, m * shape.n),
        x_scales_(1, m),
        weight_scales_(1, shape.n),
        group_scales_(shape.n, shape.k / kernels::int8_group) {
    constexpr std::uint32_t small_floats = 0xBDFFFFFFu;  // as binary32 between -1/8 and 1/8
    fill(~std::uint32_t{0}, stream);
    detail::launch_random_fill(x_scales_.data(), m * 4, small_floats, stream);
    detail::launch_random_fill(weight_scales_.data(), shape.n * 4, small_floats, stream);
    detail::launch_random_fill(group_scales_.data(), group_scales_.size() * 4, small_floats, stream);
  }

  /// Random operands; `mask` as launch_random_fill takes it.
  void fill(std::uint32_t mask, const kernels::Stream& stream) {
    detail::launch_random_fill(x_.data(), x_.size(), mask, stream);
    detail::launch_random_fill(weight_.data(), weight_.size(), mask, stream);
  }

  int sets() const { return sets_; }
  kernels::Int8Operands operands(int set) const {
    return {kernels::DeviceView<const std::int8_t>(x_.data() + set * m_ * shape_.k, m_, shape_.k),
            kernels::DeviceView<const std::int8_t>(weight_.data() + set * shape_.n * shape_.k, shape_.n, shape_.k)};
  }
  kernels::Int8Epilogue<kernels::BFloat16> epilogue() const {
    return {x_scales_.span(), weight_scales_.span(), {}, {}};
  }
  kernels::DeviceView<const float> group_scales() const { return group_scales_.view(); }
  kernels::DeviceView<kernels::BFloat16> out(int set) {
    return {reinterpret_cast<kernels::BFloat16*>(out_.data() + set * m_ * shape_.n), m_, shape_.n};
  }
  const std::int8_t* x() const { return x_.data(); }
  const std::int8_t* weight() const { return weight_.data(); }
  std::int32_t* sums() { return out_.data(); }

 private:
  std::int64_t m_;
  Shape shape_;
  int sets_;
  kernels::DeviceMatrix<std::int8_t> x_;
  kernels::DeviceMatrix<std::int8_t> weight_;
  kernels::DeviceMatrix<std::int32_t> out_;
  kernels::DeviceMatrix<float> x_scales_;
  kernels::DeviceMatrix<float> weight_scales_;
  kernels::DeviceMatrix<float> group_scales_;
};

}  // namespace pare::bench
