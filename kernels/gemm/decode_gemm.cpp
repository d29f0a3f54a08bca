// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/decode_gemm.hpp"

namespace pare::kernels {
namespace {

constexpr std::int64_t unit = 8;
constexpr std::uintptr_t alignment_bytes = 16;

template <class T>
void require_16_bytes(const DeviceView<T>& view, const char* name) {
  VALIDATE(reinterpret_cast<std::uintptr_t>(view.data) % alignment_bytes == 0 && view.stride % unit == 0, name,
           " begins at ", static_cast<const void*>(view.data), " with rows ", view.stride,
           " elements apart, it must begin at a multiple of ", alignment_bytes, " bytes, rows a multiple of ", unit,
           " apart");
}

}  // namespace

void decode_gemm(DeviceView<const BFloat16> x, const DevicePackedView& weight, DeviceView<BFloat16> out,
                 const Stream& stream) {
  const Grid& grid = weight.grid;
  VALIDATE(x.rows <= most_decode_rows, "a decoding step of ", x.rows, " rows is not possible, use at most ",
           most_decode_rows, " or expand the weights");
  VALIDATE(grid.bits == 4 || grid.bits == 8, "packed weights of ", grid.bits,
           " bits cannot be multiplied as they are, use 4 or 8 or expand them");
  VALIDATE(grid.group_size >= 0 && grid.group_size % unit == 0, "a group of ", grid.group_size,
           " weights is not possible, use 0 (the whole row) or a multiple of ", unit);
  VALIDATE(x.cols == weight.cols && x.cols > 0 && x.cols % unit == 0, "activations have ", x.cols,
           " inputs, weights have ", weight.cols, ", they must have the same number, a multiple of ", unit);
  VALIDATE(out.rows == x.rows && out.cols == weight.rows, "the output of ", x.rows, " rows and ", weight.rows,
           " outputs is ", out.rows, " x ", out.cols);
  require_16_bytes(x, "x");
  require_16_bytes(out, "out");
  EXPECT(weight.codes_row_bytes % 16 == 0 && grid.symmetric == (weight.zeros == nullptr), weight.codes_row_bytes);
  if (out.size() > 0) detail::launch_decode_gemm(x, weight, out, stream);
}

}  // namespace pare::kernels
