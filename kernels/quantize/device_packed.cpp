// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantize/device_packed.hpp"

#include <cstring>
#include <utility>

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

DevicePacked::DevicePacked(const PackedView& packed, const Stream& stream) {
  const PackedLayout layout = checked_layout(packed);
  const std::int64_t grids = layout.rows * layout.groups;
  const std::int64_t zeros_at = round_up(grids * static_cast<std::int64_t>(sizeof(Float16)), 256);
  const std::int64_t codes_at = zeros_at + round_up(packed.grid.symmetric ? 0 : grids, 256);
  const std::int64_t row_bytes = round_up(layout.codes_row_bytes, 16);
  Matrix<std::byte> bytes(1, codes_at + layout.rows * row_bytes);

  std::memset(bytes.data(), 0, static_cast<std::size_t>(codes_at));
  std::memcpy(bytes.data(), packed.bytes.data(), static_cast<std::size_t>(layout.zeros_offset));
  parallel_for(layout.rows, rows_per_part, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      if (!packed.grid.symmetric) {
        unpack_codes(packed.grid.bits, zeros_of_row(packed, layout, r), layout.groups,
                     reinterpret_cast<std::uint8_t*>(bytes.data()) + zeros_at + r * layout.groups);
      }
      std::byte* codes = bytes.data() + codes_at + r * row_bytes;
      std::memcpy(codes, codes_of_row(packed, layout, r), static_cast<std::size_t>(layout.codes_row_bytes));
      std::memset(codes + layout.codes_row_bytes, 0, static_cast<std::size_t>(row_bytes - layout.codes_row_bytes));
    }
  });

  bytes_ = on_device(std::as_const(bytes).view(), stream);
  const auto* base = reinterpret_cast<const std::uint8_t*>(bytes_.data());
  view_ = {packed.grid,
           layout.rows,
           layout.cols,
           layout.groups,
           row_bytes,
           reinterpret_cast<const Float16*>(base),
           packed.grid.symmetric ? nullptr : base + zeros_at,
           base + codes_at};
}

DevicePackedView DevicePacked::view() const {
  return view_;
}

}  // namespace pare::kernels
