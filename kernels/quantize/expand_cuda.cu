// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/core/cuda_check.cuh"
#include "kernels/core/eight.cuh"
#include "kernels/quantize/code_bits.hpp"
#include "kernels/quantize/expand.hpp"

namespace pare::kernels {
namespace {

constexpr int threads = 256;
constexpr int rows_per_thread = 4;

struct Source {
  const std::uint8_t* codes;
  const Float16* scales;
  const std::uint8_t* zeros;
  std::int64_t codes_row_bytes;
  std::int64_t rows;
  std::int64_t groups;
  int cols;
  UnitToGroup group_of;
};

template <class T>
struct Target {
  T* data;
  std::int64_t stride;
  bool aligned;  ///< rows begin at multiples of 16 bytes
};

/// The words that a unit touches. Beyond the row nothing is needed, and nothing is read.
template <int bits, int count>
__device__ void load_unit(const std::uint8_t* row, const CodeUnit<bits, count>& unit, int last_word,
                          std::uint32_t* loaded) {
  using Unit = CodeUnit<bits, count>;
  const auto* words = reinterpret_cast<const std::uint32_t*>(row) + unit.first_word;
  if constexpr (Unit::bytes == 16) {
    const uint4 w = __ldg(reinterpret_cast<const uint4*>(words));
    loaded[0] = w.x, loaded[1] = w.y, loaded[2] = w.z, loaded[3] = w.w;
  } else if constexpr (Unit::bytes == 8) {
    const uint2 w = __ldg(reinterpret_cast<const uint2*>(words));
    loaded[0] = w.x, loaded[1] = w.y;
  } else {
    const int left = last_word - unit.first_word;
#pragma unroll
    for (int i = 0; i < Unit::touched; ++i) loaded[i] = __ldg(words + min(i, left));
  }
}

}  // namespace

namespace kernel {

/// Tile: 4 rows x 2048 columns a CTA; a thread has the same eight columns of the four rows, so that their loads are in
/// flight together, and stores 16 bytes of bfloat16 a row. Eight codes never straddle a group. Bound: memory, 2 + bits / 8
/// bytes a weight against about five instructions.
template <int bits, class Out>
__global__ void __launch_bounds__(threads) expand(Source source, Target<Out> out) {
  using Unit = CodeUnit<bits, 8>;
  const int index = static_cast<int>(blockIdx.x) * threads + static_cast<int>(threadIdx.x);
  const int col = 8 * index;
  if (col >= source.cols) return;
  const Unit unit(index);
  const int group = source.group_of(index);
  const int last_word = static_cast<int>(source.codes_row_bytes / 4) - 1;
  const bool whole = out.aligned && col + 8 <= source.cols;
  for (std::int64_t row = std::int64_t{blockIdx.y} * rows_per_thread; row < source.rows;
       row += std::int64_t{gridDim.y} * rows_per_thread) {
    std::uint32_t loaded[rows_per_thread][Unit::touched];
    std::uint16_t scales[rows_per_thread];
    std::uint8_t zeros[rows_per_thread];
#pragma unroll
    for (int k = 0; k < rows_per_thread; ++k) {
      const std::int64_t r = min(row + k, source.rows - 1);
      const std::int64_t grid = r * source.groups + group;
      load_unit(source.codes + r * source.codes_row_bytes, unit, last_word, loaded[k]);
      scales[k] = __ldg(reinterpret_cast<const std::uint16_t*>(source.scales) + grid);
      zeros[k] = source.zeros == nullptr ? std::uint8_t{1u << (bits - 1)} : __ldg(source.zeros + grid);
    }
#pragma unroll
    for (int k = 0; k < rows_per_thread; ++k) {
      if (row + k >= source.rows) break;
      const float scale = device::half_to_float(scales[k]);
      const float offset = __uint_as_float(0x4b000000u | zeros[k]);
      std::uint32_t aligned[Unit::words];
      unit.align(loaded[k], aligned);
      float values[8];
      device::bytes_above(quad_of<bits, 0>(aligned), offset, values);
      device::bytes_above(quad_of<bits, 1>(aligned), offset, values + 4);
#pragma unroll
      for (float& value : values) value = __fmul_rn(scale, value);
      Out* to = out.data + (row + k) * out.stride + col;
      if (whole) {
        device::store_eight(to, values);
      } else {
        device::store_some(to, values, min(8, source.cols - col));
      }
    }
  }
}

/// Tile: 4 rows x 4096 columns a CTA, sixteen columns of four rows a thread. Four codes are spread over the bytes of a word
/// and recentred together. Bound: memory, 1 + bits / 8 bytes a weight against about three instructions.
template <int bits>
__global__ void __launch_bounds__(threads) expand_int8(Source source, Target<std::int8_t> out, float* scales) {
  using Unit = CodeUnit<bits, 16>;
  const int index = static_cast<int>(blockIdx.x) * threads + static_cast<int>(threadIdx.x);
  const int col = 16 * index;
  if (col >= source.cols) return;
  const Unit unit(index);
  const int last_word = static_cast<int>(source.codes_row_bytes / 4) - 1;
  const bool whole = out.aligned && col + 16 <= source.cols;
  for (std::int64_t row = std::int64_t{blockIdx.y} * rows_per_thread; row < source.rows;
       row += std::int64_t{gridDim.y} * rows_per_thread) {
    std::uint32_t loaded[rows_per_thread][Unit::touched];
#pragma unroll
    for (int k = 0; k < rows_per_thread; ++k) {
      const std::int64_t r = min(row + k, source.rows - 1);
      load_unit(source.codes + r * source.codes_row_bytes, unit, last_word, loaded[k]);
    }
#pragma unroll
    for (int k = 0; k < rows_per_thread; ++k) {
      if (row + k >= source.rows) break;
      std::uint32_t aligned[Unit::words];
      unit.align(loaded[k], aligned);
      const std::uint32_t codes[4] = {
          signed_bytes<bits>(quad_of<bits, 0>(aligned)), signed_bytes<bits>(quad_of<bits, 1>(aligned)),
          signed_bytes<bits>(quad_of<bits, 2>(aligned)), signed_bytes<bits>(quad_of<bits, 3>(aligned))};
      std::int8_t* to = out.data + (row + k) * out.stride + col;
      if (whole) {
        *reinterpret_cast<uint4*>(to) = make_uint4(codes[0], codes[1], codes[2], codes[3]);
      } else {
#pragma unroll
        for (int i = 0; i < 16; ++i) {
          if (col + i < source.cols) to[i] = static_cast<std::int8_t>(codes[i / 4] >> (i % 4 * 8));
        }
      }
      if (index == 0) scales[row + k] = device::half_to_float(source.scales[row + k].bits);
    }
  }
}

}  // namespace kernel

namespace {

template <class Launch>
void with_bits(int bits, const Launch& launch) {
  switch (bits) {
    case 2:
      return launch.template operator()<2>();
    case 3:
      return launch.template operator()<3>();
    case 4:
      return launch.template operator()<4>();
    case 5:
      return launch.template operator()<5>();
    case 6:
      return launch.template operator()<6>();
    case 7:
      return launch.template operator()<7>();
    case 8:
      return launch.template operator()<8>();
    default:
      throw InputError(pare::detail::concatenate("a grid cannot have ", bits, " bits, use 2 to 8"));
  }
}

template <class T>
Target<T> target_of(const DeviceView<T>& out) {
  constexpr auto bytes = static_cast<std::int64_t>(sizeof(T));
  return {out.data, out.stride, reinterpret_cast<std::uintptr_t>(out.data) % 16 == 0 && out.stride * bytes % 16 == 0};
}

template <class T>
Source checked_source(const DevicePackedView& packed, const DeviceView<T>& out) {
  VALIDATE(packed.cols <= longest_packed_row, "a packed row of ", packed.cols,
           " weights is too long for the GPU, it may have ", longest_packed_row);
  EXPECT(out.rows == packed.rows && out.cols == packed.cols, out.rows, " x ", out.cols, " for ", packed.rows, " x ",
         packed.cols);
  EXPECT(packed.codes_row_bytes % 16 == 0 && reinterpret_cast<std::uintptr_t>(packed.codes) % 16 == 0,
         packed.codes_row_bytes, " bytes a row");
  EXPECT(packed.grid.symmetric || packed.zeros != nullptr, "zero points are missing");
  const std::int64_t group =
      packed.grid.group_size == 0 ? packed.cols : std::min<std::int64_t>(packed.grid.group_size, packed.cols);
  return {packed.codes,
          packed.scales,
          packed.grid.symmetric ? nullptr : packed.zeros,
          packed.codes_row_bytes,
          packed.rows,
          packed.groups,
          static_cast<int>(packed.cols),
          UnitToGroup(static_cast<std::uint32_t>((group + 7) / 8))};
}

/// Columns in x, so that neighbouring CTAs write neighbouring memory.
dim3 tiles(const Source& source, int columns_per_thread) {
  constexpr std::int64_t most = 65535;
  const std::int64_t width = std::int64_t{threads} * columns_per_thread;
  return dim3(static_cast<unsigned>((source.cols + width - 1) / width),
              static_cast<unsigned>(std::min(most, (source.rows + rows_per_thread - 1) / rows_per_thread)));
}

template <class T>
void launch_expand(const DevicePackedView& packed, DeviceView<T> out, const Stream& stream) {
  const Source source = checked_source(packed, out);
  with_bits(packed.grid.bits, [&]<int bits>() {
    kernel::expand<bits, T><<<tiles(source, 8), threads, 0, stream.handle()>>>(source, target_of(out));
  });
  CUDA_CHECK_LAUNCH();
}

}  // namespace

void expand(const DevicePackedView& packed, DeviceView<BFloat16> out, const Stream& stream) {
  launch_expand(packed, out, stream);
}

void expand(const DevicePackedView& packed, DeviceView<float> out, const Stream& stream) {
  launch_expand(packed, out, stream);
}

void expand_int8(const DevicePackedView& packed, DeviceView<std::int8_t> codes, DeviceSpan<float> scales,
                 const Stream& stream) {
  VALIDATE(packed.grid.symmetric && packed.groups == 1, "an int8 GEMM cannot use a grid that is ",
           packed.grid.symmetric ? "symmetric" : "asymmetric", " with ", packed.groups,
           " groups a row, it needs a symmetric grid with one group a row");
  EXPECT(scales.size == packed.rows, scales.size, " scales for ", packed.rows, " rows");
  const Source source = checked_source(packed, codes);
  with_bits(packed.grid.bits, [&]<int bits>() {
    kernel::expand_int8<bits>
        <<<tiles(source, 16), threads, 0, stream.handle()>>>(source, target_of(codes), scales.data);
  });
  CUDA_CHECK_LAUNCH();
}

}  // namespace pare::kernels
