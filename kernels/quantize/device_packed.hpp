// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/core/device_matrix.hpp"
#include "kernels/quantize/grid.hpp"

namespace pare::kernels {

/// A packed matrix in the memory of a GPU, laid out for 16-byte loads. The numbers are those of PackedView, each part at a
/// multiple of 256 bytes:
///   scales  [rows, groups] binary16; one scale of a whole matrix is repeated for every row
///   zeros   [rows, groups] one byte each; null when symmetric
///   codes   [rows, cols] codes of grid.bits bits, the little-endian bit stream of PackedLayout; rows `codes_row_bytes`
///           apart, a multiple of 16; what a row has more than its codes is 0
struct DevicePackedView {
  Grid grid;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t groups = 0;
  std::int64_t codes_row_bytes = 0;
  const Float16* scales = nullptr;
  const std::uint8_t* zeros = nullptr;
  const std::uint8_t* codes = nullptr;
};

/// Where the parts lie.
struct DevicePackedLayout {
  std::int64_t zeros_at = 0;
  std::int64_t codes_at = 0;
  std::int64_t codes_row_bytes = 0;
  std::int64_t total_bytes = 0;
};

/// Throws InputError as packed_layout does.
DevicePackedLayout device_packed_layout(const Grid& grid, std::int64_t rows, std::int64_t cols);

/// `packed` in that layout, [1, total_bytes], on the host. Throws InputError when `packed` has not the bytes it must have.
Matrix<std::byte> arrange_for_device(const PackedView& packed);

/// Such bytes in the memory of a GPU, at a multiple of 256 bytes.
DevicePackedView device_packed_view(const Grid& grid, std::int64_t rows, std::int64_t cols, const std::byte* bytes);

/// Owns what DevicePackedView looks at.
class DevicePacked {
 public:
  /// Copies `packed` to the GPU and waits for it. Throws InputError when `packed` has not the bytes it must have,
  /// DeviceMemoryError.
  DevicePacked(const PackedView& packed, const Stream& stream);

  DevicePackedView view() const;
  std::int64_t memory_bytes() const { return bytes_.size(); }

 private:
  DevicePackedView view_;
  DeviceMatrix<std::byte> bytes_;
};

}  // namespace pare::kernels
