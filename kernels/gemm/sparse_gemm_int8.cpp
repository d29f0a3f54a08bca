// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/sparse_gemm_int8.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels/prune/sparse_layout.hpp"
#include "kernels/quantize/codes.hpp"

namespace pare::kernels {
namespace {

constexpr std::int64_t block_inputs = 128;
constexpr int lowest_capability = 80;

std::int64_t padded(std::int64_t cols) {
  return (cols + block_inputs - 1) / block_inputs * block_inputs;
}

const SparseLayout& checked(const SparseLayout& layout, std::span<const std::byte> packed) {
  VALIDATE(layout.pattern.kept == 2 && layout.pattern.of == 4, "sparse int8 products need 2:4 sparsity, not ",
           layout.pattern.kept, ":", layout.pattern.of);
  VALIDATE(layout.grid && layout.grid->symmetric && layout.groups == 1,
           "sparse int8 products need a symmetric grid with one group a row");
  VALIDATE(static_cast<std::int64_t>(packed.size()) == layout.total_bytes, "a packed sparse ", layout.rows, " x ",
           layout.cols, " matrix has ", packed.size(), " bytes, it must have ", layout.total_bytes);
  return layout;
}

}  // namespace

DeviceSparseInt8::DeviceSparseInt8(const SparseLayout& layout, std::span<const std::byte> packed, const Stream& stream)
    : cols_(checked(layout, packed).cols) {
  const std::int64_t kept_of_row = layout.cols / 2;
  Matrix<std::int8_t> values(layout.rows, padded(layout.cols) / 2);
  Matrix<std::uint8_t> places(layout.rows, padded(layout.cols) / 8);
  Matrix<float> scales(1, layout.rows);
  std::vector<std::uint8_t> codes(static_cast<std::size_t>(layout.kept));
  unpack_codes(layout.grid->bits, packed.data() + layout.values_offset, layout.kept, codes.data());
  const int zero = 1 << (layout.grid->bits - 1);
  for (std::int64_t r = 0; r < layout.rows; ++r) {
    std::fill_n(values.row(r), values.cols(), std::int8_t{0});
    std::fill_n(places.row(r), places.cols(), std::uint8_t{0});
    for (std::int64_t i = 0; i < kept_of_row; ++i)
      values.row(r)[i] = static_cast<std::int8_t>(codes[static_cast<std::size_t>(r * kept_of_row + i)] - zero);
    std::memcpy(places.row(r), packed.data() + layout.places_offset + r * layout.places_row_bytes,
                static_cast<std::size_t>(layout.places_row_bytes));
    Float16 scale;
    std::memcpy(&scale, packed.data() + r * static_cast<std::int64_t>(sizeof(scale)), sizeof(scale));
    scales.data()[r] = to_float(scale);
  }
  values_ = on_device(values.view(), stream);
  places_ = on_device(places.view(), stream);
  scales_ = on_device(scales.view(), stream);
}

DeviceSparseInt8View DeviceSparseInt8::view() const {
  return {values_.rows(), cols_, values_.cols(), places_.cols(), values_.data(), places_.data(), scales_.data()};
}

void decode_gemm_sparse_int8(DeviceView<const std::int8_t> x, const DeviceSparseInt8View& weight,
                             const Int8Epilogue<BFloat16>& epilogue, DeviceView<BFloat16> out, const Stream& stream) {
  VALIDATE(x.rows <= most_decode_rows, "a decoding step of ", x.rows, " rows is not possible, use at most ",
           most_decode_rows, " or expand the weights");
  VALIDATE(x.cols == weight.cols, "activations have ", x.cols, " inputs, weights have ", weight.cols,
           ", they must have the same number");
  VALIDATE(out.rows == x.rows && out.cols == weight.rows, "the output of ", x.rows, " rows and ", weight.rows,
           " outputs is ", out.rows, " x ", out.cols);
  VALIDATE(reinterpret_cast<std::uintptr_t>(x.data) % 16 == 0 && x.stride % 16 == 0, "x begins at ",
           static_cast<const void*>(x.data), " with rows ", x.stride, " bytes apart, both must be multiples of 16");
  VALIDATE(epilogue.x_scales.size == x.rows, "there are ", epilogue.x_scales.size, " scales for ", x.rows, " tokens");
  VALIDATE(epilogue.weight_scales.empty(), "sparse weights bring their scales, there are ", epilogue.weight_scales.size,
           " more");
  VALIDATE(epilogue.bias.empty() || epilogue.bias.size == weight.rows, "the bias has ", epilogue.bias.size,
           " values for ", weight.rows, " outputs");
  VALIDATE(epilogue.residual.rows == 0 || (epilogue.residual.rows == out.rows && epilogue.residual.cols == out.cols),
           "the residual is ", epilogue.residual.rows, " x ", epilogue.residual.cols, ", the output ", out.rows, " x ",
           out.cols);
  VALIDATE(stream.compute_capability() >= lowest_capability, "GPU ", stream.device(), " has compute capability ",
           stream.compute_capability() / 10, ".", stream.compute_capability() % 10, ", the int8 product needs 8.0");
  if (out.size() > 0) detail::launch_decode_gemm_sparse_int8(x, weight, epilogue, out, stream);
}

}  // namespace pare::kernels
