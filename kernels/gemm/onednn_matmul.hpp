// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <shared_mutex>

#include <oneapi/dnnl/dnnl.hpp>

namespace pare::kernels::detail {

/// One weight matrix in oneDNN's blocked layout and the matmul primitives that were needed for it so far.
///
/// A oneDNN primitive belongs to one shape and one pair of strides. They are made on first use and kept; the
/// weights keep the layout that the first primitive (a full tile of rows) preferred, so that every primitive
/// adds the products of an output in the same order: that is what makes rows bit-equal whatever their number.
/// Primitives are created for one thread and run in the thread that calls: the parallelism is over tiles of
/// rows, in the caller.
///
/// Internal to kernels/gemm. run() may be called from several threads at once. oneDNN's errors become
/// InternalError.
class OneDnnMatmul {
 public:
  /// What one call multiplies: out[rows, outputs] = x[rows, inputs] * weight^T (+ bias) (+ out).
  struct Call {
    std::int64_t rows = 0;
    bool bias = false;
    bool accumulate = false;

    auto operator<=>(const Call&) const = default;
  };

  /// weight [outputs, inputs], rows `weight_stride` elements apart, of type `given`; it is converted to
  /// `kept` and copied.
  OneDnnMatmul(const void* weight, dnnl::memory::data_type given, std::int64_t weight_stride, std::int64_t outputs,
               std::int64_t inputs, dnnl::memory::data_type x_type, dnnl::memory::data_type kept,
               dnnl::memory::data_type out_type);

  ~OneDnnMatmul();

  std::int64_t outputs() const { return outputs_; }
  std::int64_t inputs() const { return inputs_; }
  std::int64_t memory_bytes() const;

  /// x [rows, inputs] and out [rows, outputs] are contiguous (with strides, oneDNN 2.6 falls back to its
  /// plain loop, 16 times slower and with other roundings) and have the types given to the constructor; bias
  /// is float and null when call.bias is false.
  void run(const Call& call, const void* x, const float* bias, void* out) const;

 private:
  struct Primitive;

  void run_once(const Call& call, const void* x, const float* bias, void* out) const;
  void run_padded(const Call& call, const float* x, const float* bias, float* out) const;
  const Primitive& primitive(const Call& call) const;
  std::unique_ptr<Primitive> make_primitive(const Call& call) const;

  std::int64_t outputs_;
  std::int64_t inputs_;
  dnnl::memory::data_type x_type_;
  dnnl::memory::data_type out_type_;
  dnnl::memory::desc weight_layout_;
  dnnl::memory weight_;
  bool pads_ = false;  ///< whether rows would depend on their number, so that it is always the same
  mutable std::shared_mutex mutex_;
  mutable std::map<Call, std::unique_ptr<Primitive>> primitives_;
};

/// Rows of one full tile: the layout of the weights is chosen for it. 256 rows reach the speed of a whole
/// matrix (measured on a Zen 5 core: 64 rows lose 6 %, 16 rows 15 %).
inline constexpr std::int64_t full_tile_rows = 256;

/// Whether the CPU multiplies bfloat16 (and oneDNN may use it).
bool has_bfloat16();

/// Whether the CPU sums products of bytes in 32 bits without saturating on the way (VNNI).
bool has_exact_int8();

}  // namespace pare::kernels::detail
