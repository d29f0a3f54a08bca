// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/sparse_gemm_int8.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "kernels/gemm/sparse_word.hpp"
#include "kernels/prune/sparse_layout.hpp"
#include "tests/kernels/cuda_test.hpp"
#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using namespace pare::kernels;
using testing::HasSubstr;

constexpr SparsityPattern two_of_four{2, 4};
constexpr Grid one_scale{8, 0, true};

TEST(SparseWord, PutsBothWeightsInTheirPlaces) {
  for (std::uint32_t first = 0; first < 4; ++first) {
    for (std::uint32_t second = first + 1; second < 4; ++second) {
      std::uint32_t expected = 0x81u << (8 * first) | 0x7Fu << (8 * second);

      EXPECT_EQ(kernels::detail::dense_word(0xFFFF7F81u, first | second << 2 | 0xF0u), expected)
          << first << " " << second;
    }
  }
}

/// Random weights, packed with 2:4 sparsity.
struct SparseCase {
  SparseCase(std::int64_t rows, std::int64_t cols, unsigned seed)
      : layout(sparse_layout(two_of_four, one_scale, rows, cols)),
        packed(static_cast<std::size_t>(layout.total_bytes)),
        dense(rows, cols) {
    const Matrix<float> weight = random_matrix(rows, cols, seed);
    Matrix<float> scores(rows, cols);
    for (std::int64_t i = 0; i < scores.size(); ++i) scores.data()[i] = std::abs(weight.data()[i]);
    const Matrix<std::uint8_t> keep = select_mask(scores.view(), two_of_four);
    pack_sparse(layout, keep.view(), weight.view(), packed);
    expand_sparse(layout, packed, dense.view());
  }

  SparseLayout layout;
  std::vector<std::byte> packed;
  Matrix<float> dense;
};

using SparseGemmInt8 = CudaTest;

TEST_F(SparseGemmInt8, EqualsTheDenseProductOfTheSameWeights) {
  struct Case {
    std::int64_t tokens, outputs, inputs;
  };
  for (const auto& [tokens, outputs, inputs] :
       {Case{1, 1, 4}, Case{3, 33, 132}, Case{16, 32, 128}, Case{7, 100, 2052}, Case{16, 257, 4096}}) {
    SCOPED_TRACE(testing::Message() << tokens << " tokens, " << outputs << " outputs, " << inputs << " inputs");
    const SparseCase sparse(outputs, inputs, 3);
    std::mt19937 generator(5);
    Matrix<std::int8_t> x(tokens, (inputs + 15) / 16 * 16);
    for (std::int64_t i = 0; i < x.size(); ++i)
      x.data()[i] = static_cast<std::int8_t>(static_cast<int>(generator() % 255) - 127);
    std::vector<float> x_scales;
    for (std::int64_t t = 0; t < tokens; ++t) x_scales.push_back(0.01f + 0.001f * static_cast<float>(t));
    const DeviceSparseInt8 weight(sparse.layout, sparse.packed, stream());
    const DeviceMatrix<std::int8_t> device_x = on_device(x.view(), stream());
    const DeviceMatrix<float> device_scales = on_device(std::span<const float>(x_scales), stream());
    DeviceMatrix<BFloat16> out = poisoned_on_device<BFloat16>(tokens, outputs);

    decode_gemm_sparse_int8(device_x.view().cols_from(0, inputs), weight.view(), {device_scales.span(), {}, {}, {}},
                            out.view(), stream());

    const Matrix<BFloat16> got = on_host(out, stream());
    for (std::int64_t t = 0; t < tokens; ++t) {
      for (std::int64_t n = 0; n < outputs; ++n) {
        Float16 stored;
        std::memcpy(&stored, sparse.packed.data() + 2 * n, sizeof(stored));
        const float scale = to_float(stored);
        std::int32_t sum = 0;
        for (std::int64_t k = 0; k < inputs; ++k)
          sum += x.row(t)[k] * static_cast<std::int32_t>(std::lround(sparse.dense.row(n)[k] / scale));
        const float product = x_scales[static_cast<std::size_t>(t)] * scale;
        const float expected = static_cast<float>(sum) * product;
        EXPECT_EQ(got.row(t)[n].bits, to_bfloat16(expected).bits) << t << ", " << n;
      }
    }
  }
}

TEST_F(SparseGemmInt8, RefusesOtherPatternsAndGrids) {
  const SparseLayout four_of_eight = sparse_layout({4, 8}, one_scale, 8, 64);
  const SparseLayout grouped = sparse_layout(two_of_four, Grid{8, 32, true}, 8, 64);
  const auto message_of = [&](const SparseLayout& layout) {
    try {
      DeviceSparseInt8(layout, std::vector<std::byte>(static_cast<std::size_t>(layout.total_bytes)), stream());
    } catch (const InputError& error) {
      return std::string(error.what());
    }
    return std::string();
  };

  EXPECT_THAT(message_of(four_of_eight), HasSubstr("2:4 sparsity, not 4:8"));
  EXPECT_THAT(message_of(grouped), HasSubstr("one group a row"));
}

}  // namespace
}  // namespace pare::test
