// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/decode_gemm.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "kernels/core/error.hpp"
#include "tests/kernels/cuda_test.hpp"
#include "tests/kernels/gemm/typed_values.hpp"

namespace pare::test {
namespace {

using namespace pare::kernels;

/// Random codes, scales and zero points in the layout of DevicePackedView, and the weights they stand for.
class PackedCase {
 public:
  PackedCase(const Grid& grid, std::int64_t rows, std::int64_t cols, unsigned seed, const Stream& stream)
      : weights_(rows, cols) {
    const std::int64_t group_size = grid.group_size == 0 ? cols : grid.group_size;
    view_.grid = grid;
    view_.rows = rows;
    view_.cols = cols;
    view_.groups = (cols + group_size - 1) / group_size;
    view_.codes_row_bytes = ((cols * grid.bits + 7) / 8 + 15) / 16 * 16;
    Matrix<Float16> scales(rows, view_.groups);
    Matrix<std::uint8_t> zeros(rows, view_.groups), codes(rows, view_.codes_row_bytes);
    std::fill_n(codes.data(), codes.size(), std::uint8_t{0});
    std::mt19937 generator(seed);
    std::uniform_int_distribution<int> code(0, (1 << grid.bits) - 1);
    std::uniform_real_distribution<float> scale(0.001f, 0.1f);
    for (std::int64_t i = 0; i < scales.size(); ++i) {
      scales.data()[i] = to_float16(scale(generator));
      zeros.data()[i] = static_cast<std::uint8_t>(grid.symmetric ? 1 << (grid.bits - 1) : code(generator));
    }
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < cols; ++c) {
        const int value = code(generator);
        std::uint8_t& byte = codes.row(r)[c * grid.bits / 8];
        byte = static_cast<std::uint8_t>(byte | value << (c * grid.bits % 8));
        const std::int64_t g = c / group_size;
        const float weight = to_float(scales.row(r)[g]) * static_cast<float>(value - zeros.row(r)[g]);
        weights_.row(r)[c] = to_float(to_bfloat16(weight));
      }
    }
    scales_ = on_device(scales.view(), stream);
    zeros_ = on_device(zeros.view(), stream);
    codes_ = on_device(codes.view(), stream);
    view_.scales = scales_.data();
    view_.zeros = grid.symmetric ? nullptr : zeros_.data();
    view_.codes = codes_.data();
  }

  const DevicePackedView& view() const { return view_; }
  const Matrix<float>& weights() const { return weights_; }

 private:
  DevicePackedView view_;
  Matrix<float> weights_;
  DeviceMatrix<Float16> scales_;
  DeviceMatrix<std::uint8_t> zeros_, codes_;
};

using DecodeGemm = CudaTest;

const Grid grids[] = {{4, 0, false}, {4, 32, true},  {4, 40, false}, {4, 64, false},  {4, 128, true}, {4, 128, false},
                      {8, 0, true},  {8, 32, false}, {8, 40, true},  {8, 128, false}, {8, 8, false}};

/// Products are exact; each of K + 8 additions loses at most 2^-23 of a partial sum (tensor cores cut off instead of
/// rounding); the output is rounded to 2^-8 of itself.
TEST_F(DecodeGemm, IsCloseToTheSumInDouble) {
  unsigned seed = 0;
  for (const Grid& grid : grids) {
    for (const auto& [rows, cols] :
         {std::pair<std::int64_t, std::int64_t>{1, 8}, {17, 40}, {33, 1000}, {100, 4096}, {16, 128}}) {
      const PackedCase packed(grid, rows, cols, ++seed, stream());
      for (const std::int64_t tokens : {1, 5, 8, 9, 16}) {
        const Matrix<BFloat16> x = random_values<BFloat16>(tokens, cols, ++seed);
        const DeviceMatrix<BFloat16> device_x = on_device(x.view(), stream());
        DeviceMatrix<BFloat16> out = poisoned_on_device<BFloat16>(tokens, (rows + 7) / 8 * 8 + 8);

        decode_gemm(device_x.view(), packed.view(), out.view().cols_from(0, rows), stream());

        const Matrix<BFloat16> got = on_host(out, stream());
        for (std::int64_t m = 0; m < tokens; ++m) {
          for (std::int64_t n = 0; n < rows; ++n) {
            double sum = 0.0, magnitude = 0.0;
            for (std::int64_t k = 0; k < cols; ++k) {
              const double product = double{to_float(x.row(m)[k])} * double{packed.weights().row(n)[k]};
              sum += product;
              magnitude += std::abs(product);
            }
            const double tolerance = static_cast<double>(cols + 8) * 0x1p-23 * magnitude + 0x1p-8 * std::abs(sum);
            ASSERT_NEAR(to_float(got.row(m)[n]), sum, tolerance)
                << grid.bits << " bits in groups of " << grid.group_size << ", " << tokens << " tokens, " << rows
                << " x " << cols << ": token " << m << ", output " << n;
          }
          for (std::int64_t n = rows; n < got.cols(); ++n) ASSERT_EQ(got.row(m)[n].bits, 0xffff) << "beyond the output";
        }
      }
    }
  }
}

TEST_F(DecodeGemm, GivesARowWhateverTheOthers) {
  for (const Grid& grid : {Grid{4, 128, false}, Grid{8, 0, true}, Grid{4, 40, false}}) {
    const PackedCase packed(grid, 129, 2056, 3, stream());
    const DeviceMatrix<BFloat16> x = on_device(random_values<BFloat16>(16, 2056, 4).view(), stream());
    DeviceMatrix<BFloat16> out = poisoned_on_device<BFloat16>(16, 136);
    decode_gemm(x.view(), packed.view(), out.view().cols_from(0, 129), stream());
    const Matrix<BFloat16> whole = on_host(out, stream());

    for (const auto& [first, count] : {std::pair<std::int64_t, std::int64_t>{0, 1}, {15, 1}, {5, 3}, {2, 8}, {3, 9}}) {
      DeviceMatrix<BFloat16> part = poisoned_on_device<BFloat16>(count, 136);
      decode_gemm(x.view().rows_from(first, count), packed.view(), part.view().cols_from(0, 129), stream());

      Matrix<BFloat16> expected(count, 136);
      std::memcpy(static_cast<void*>(expected.data()), whole.row(first),
                  static_cast<std::size_t>(expected.size()) * sizeof(BFloat16));
      EXPECT_EQ(difference(on_host(part, stream()), expected), "") << count << " rows from " << first;
    }
  }
}

TEST_F(DecodeGemm, NamesWhatDoesNotFit) {
  const PackedCase packed({4, 32, false}, 8, 64, 1, stream());
  const PackedCase two_bits({2, 32, false}, 8, 64, 1, stream());
  const DeviceMatrix<BFloat16> x(17, 64);
  DeviceMatrix<BFloat16> out(17, 8);

  EXPECT_THROW(decode_gemm(x.view(), packed.view(), out.view(), stream()), InputError) << "17 rows";
  EXPECT_THROW(decode_gemm(x.view().rows_from(0, 4), packed.view(), out.view(), stream()), InputError);
  EXPECT_THROW(
      decode_gemm(x.view().rows_from(0, 4).cols_from(0, 56), packed.view(), out.view().rows_from(0, 4), stream()),
      InputError);
  EXPECT_THROW(decode_gemm(x.view().rows_from(0, 4), two_bits.view(), out.view().rows_from(0, 4), stream()),
               InputError);
}

}  // namespace
}  // namespace pare::test
