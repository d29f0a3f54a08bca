// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantize/device_packed.hpp"

#include <cstring>

#include "kernels/core/parallel.hpp"
#include "kernels/quantize/codes.hpp"
#include "kernels/quantize/packed_row.hpp"

namespace pare::kernels {
namespace {

constexpr std::int64_t rows_per_part = 64;

constexpr std::int64_t round_up(std::int64_t bytes, std::int64_t multiple) {
  return (bytes + multiple - 1) / multiple * multiple;
}

}  // namespace

DevicePackedLayout device_packed_layout(const Grid& grid, std::int64_t rows, std::int64_t cols) {
  const PackedLayout packed = packed_layout(grid, rows, cols);
  const std::int64_t grids = rows * packed.groups;
  DevicePackedLayout layout;
  layout.zeros_at = round_up(grids * static_cast<std::int64_t>(sizeof(Float16)), 256);
  layout.codes_at = layout.zeros_at + round_up(grid.symmetric ? 0 : grids, 256);
  layout.codes_row_bytes = round_up(packed.codes_row_bytes, 16);
  layout.total_bytes = layout.codes_at + rows * layout.codes_row_bytes;
  return layout;
}

Matrix<std::byte> arrange_for_device(const PackedView& packed) {
  const PackedLayout from = checked_layout(packed);
  const DevicePackedLayout to = device_packed_layout(packed.grid, packed.rows, packed.cols);
  const auto scales_row_bytes = from.groups * static_cast<std::int64_t>(sizeof(Float16));
  Matrix<std::byte> bytes(1, to.total_bytes);
  std::memset(bytes.data(), 0, static_cast<std::size_t>(to.codes_at));
  parallel_for(from.rows, rows_per_part, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      std::memcpy(bytes.data() + r * scales_row_bytes, packed.bytes.data() + from.grid_row(r) * scales_row_bytes,
                  static_cast<std::size_t>(scales_row_bytes));
      if (!packed.grid.symmetric) {
        unpack_codes(packed.grid.bits, zeros_of_row(packed, from, r), from.groups,
                     reinterpret_cast<std::uint8_t*>(bytes.data()) + to.zeros_at + r * from.groups);
      }
      std::byte* codes = bytes.data() + to.codes_at + r * to.codes_row_bytes;
      std::memcpy(codes, codes_of_row(packed, from, r), static_cast<std::size_t>(from.codes_row_bytes));
      std::memset(codes + from.codes_row_bytes, 0, static_cast<std::size_t>(to.codes_row_bytes - from.codes_row_bytes));
    }
  });
  return bytes;
}

DevicePackedView device_packed_view(const Grid& grid, std::int64_t rows, std::int64_t cols, const std::byte* bytes) {
  const DevicePackedLayout layout = device_packed_layout(grid, rows, cols);
  const auto* base = reinterpret_cast<const std::uint8_t*>(bytes);
  return {grid,
          rows,
          cols,
          packed_layout(grid, rows, cols).groups,
          layout.codes_row_bytes,
          reinterpret_cast<const Float16*>(base),
          grid.symmetric ? nullptr : base + layout.zeros_at,
          base + layout.codes_at};
}

DevicePacked::DevicePacked(const PackedView& packed, const Stream& stream)
    : bytes_(on_device(arrange_for_device(packed).view(), stream)) {
  view_ = device_packed_view(packed.grid, packed.rows, packed.cols, bytes_.data());
}

DevicePackedView DevicePacked::view() const {
  return view_;
}

}  // namespace pare::kernels
