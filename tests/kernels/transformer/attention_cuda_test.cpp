// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <utility>
#include <vector>

#include "kernels/core/error.hpp"
#include "kernels/transformer/attention.hpp"
#include "tests/kernels/cuda_test.hpp"
#include "tests/kernels/transformer/bf16_data.hpp"

namespace pare::kernels {
namespace {

using test::bf16_on_device;
using test::random_bf16_values;
using test::to_binary32;

class AttentionCuda : public test::CudaTest {
 protected:
  /// Attention of q, k and v that are the columns of `qkv`, into the middle of a wider poisoned matrix.
  Matrix<float> attend(const Matrix<float>& qkv, const AttentionShape& shape, std::int64_t window_length,
                       bool wgmma = false) const {
    const DeviceMatrix<BFloat16> fused = bf16_on_device(qkv, stream());
    const std::int64_t q_cols = shape.heads * shape.head_dim;
    const std::int64_t kv_cols = shape.kv_heads * shape.head_dim;
    DeviceMatrix<BFloat16> out = poisoned_on_device<BFloat16>(qkv.rows(), q_cols + 16);
    detail::causal_attention_with(wgmma, fused.view().cols_from(0, q_cols), fused.view().cols_from(q_cols, kv_cols),
                                  fused.view().cols_from(q_cols + kv_cols, kv_cols), shape, window_length,
                                  out.view().cols_from(8, q_cols), stream());
    const Matrix<BFloat16> all = on_host(out, stream());
    for (std::int64_t t = 0; t < qkv.rows(); ++t) {
      for (std::int64_t c = 0; c < 8; ++c) {
        EXPECT_EQ(all.view().row(t)[c].bits, 0xffff) << t;
        EXPECT_EQ(all.view().row(t)[8 + q_cols + c].bits, 0xffff) << t;
      }
    }
    return to_binary32(on_host<BFloat16>(out.view().cols_from(8, q_cols), stream()));
  }

  /// The kernels that this GPU has.
  std::vector<bool> kernels() const {
    return stream().compute_capability() == 90 ? std::vector<bool>{false, true} : std::vector<bool>{false};
  }
};

struct Reference {
  Matrix<float> outputs;
  Matrix<float> magnitudes;  ///< the same weights applied to |v|
};

Reference reference_of(const Matrix<float>& qkv, const AttentionShape& shape, std::int64_t window_length) {
  const std::int64_t q_cols = shape.heads * shape.head_dim;
  const std::int64_t kv_cols = shape.kv_heads * shape.head_dim;
  const MatrixView<const float> all = qkv.view();
  Matrix<float> magnitudes(qkv.rows(), kv_cols);
  for (std::int64_t t = 0; t < qkv.rows(); ++t) {
    for (std::int64_t c = 0; c < kv_cols; ++c) magnitudes.view().row(t)[c] = std::abs(all.row(t)[q_cols + kv_cols + c]);
  }
  Reference reference{Matrix<float>(qkv.rows(), q_cols), Matrix<float>(qkv.rows(), q_cols)};
  const auto q = all.cols_from(0, q_cols);
  const auto k = all.cols_from(q_cols, kv_cols);
  causal_attention_reference(q, k, all.cols_from(q_cols + kv_cols, kv_cols), shape, window_length,
                             reference.outputs.view());
  causal_attention_reference(q, k, std::as_const(magnitudes).view(), shape, window_length, reference.magnitudes.view());
  return reference;
}

/// bfloat16 keeps 8 bits of significand: in [2^e, 2^(e+1)) an ulp is 2^(e-7) and rounding to nearest moves a value by at most
/// 2^(e-8), 2^-8 of it. The output is rounded so, and with the matrix units every weight is, which moves the sum of
/// weight * v by at most 2^-8 of the sum of weight * |v|; the sum of weights takes them unrounded. Scores, exponentials and
/// sums are binary32: with scores below 30 their error moves a weight by less than 2^-13, and the output by twice that.
constexpr double bf16_rounding = 0x1p-8;

void expect_near_reference(const Matrix<float>& actual, const Reference& reference, bool weights_rounded) {
  for (std::int64_t i = 0; i < actual.size(); ++i) {
    const double expected = double{reference.outputs.data()[i]};
    const double magnitude = double{reference.magnitudes.data()[i]};
    const double tolerance =
        bf16_rounding * (std::abs(expected) + (weights_rounded ? magnitude : 0.0)) * 1.01 + 0x1p-12 * magnitude;
    ASSERT_LE(std::abs(double{actual.data()[i]} - expected), tolerance)
        << "at " << i / actual.cols() << ", " << i % actual.cols() << ": " << actual.data()[i] << " for " << expected;
  }
}

struct Case {
  AttentionShape shape;
  std::int64_t window_length;
  std::int64_t windows;
  float deviation = 1.0f;
};

Matrix<float> random_qkv(const Case& c, unsigned seed) {
  return random_bf16_values(c.windows * c.window_length, (c.shape.heads + 2 * c.shape.kv_heads) * c.shape.head_dim,
                            seed, c.deviation);
}

TEST_F(AttentionCuda, AgreesWithReferenceThroughMatrixUnits) {
  const Case cases[] = {
      {{4, 2, 64}, 1, 3},    {{2, 1, 128}, 1, 2},       {{2, 2, 64}, 2, 5},         {{4, 1, 128}, 129, 2},
      {{8, 2, 128}, 257, 2}, {{6, 6, 64}, 77, 3},       {{8, 2, 64}, 300, 1},       {{2, 2, 128}, 128, 1},
      {{2, 1, 64}, 64, 2},   {{4, 4, 128}, 500, 1},     {{3, 1, 64}, 63, 2},        {{3, 1, 128}, 65, 2},
      {{2, 1, 128}, 31, 4},  {{2, 1, 64}, 385, 1, 2.f}, {{2, 1, 128}, 200, 1, 2.f},
  };
  unsigned seed = 1;
  for (const Case& c : cases) {
    SCOPED_TRACE(testing::Message() << c.shape.heads << "/" << c.shape.kv_heads << " heads of " << c.shape.head_dim
                                    << ", " << c.windows << " x " << c.window_length);
    const Matrix<float> qkv = random_qkv(c, seed++);

    const Reference reference = reference_of(qkv, c.shape, c.window_length);
    for (const bool wgmma : kernels()) {
      SCOPED_TRACE(wgmma ? "wgmma" : "mma.sync");

      const Matrix<float> out = attend(qkv, c.shape, c.window_length, wgmma);

      expect_near_reference(out, reference, true);
    }
  }
}

TEST_F(AttentionCuda, AgreesWithReferenceForOtherHeadSizes) {
  const Case cases[] = {
      {{8, 4, 8}, 100, 2},  {{2, 1, 16}, 33, 1}, {{4, 2, 80}, 65, 2},  {{4, 2, 24}, 129, 2},
      {{6, 2, 32}, 300, 2}, {{3, 1, 48}, 1, 3},  {{2, 2, 48}, 193, 1}, {{2, 1, 8}, 385, 1, 2.f},
      {{2, 1, 256}, 70, 1}, {{3, 3, 96}, 1, 5},  {{2, 2, 200}, 31, 2},
  };
  unsigned seed = 101;
  for (const Case& c : cases) {
    SCOPED_TRACE(testing::Message() << c.shape.heads << "/" << c.shape.kv_heads << " heads of " << c.shape.head_dim
                                    << ", " << c.windows << " x " << c.window_length);
    const Matrix<float> qkv = random_qkv(c, seed++);

    const Matrix<float> out = attend(qkv, c.shape, c.window_length);

    expect_near_reference(out, reference_of(qkv, c.shape, c.window_length), false);
  }
}

TEST_F(AttentionCuda, WindowDoesNotDependOnTheOthers) {
  for (const std::int64_t dim : {64, 128, 40, 16}) {
    const Case three{{4, 2, dim}, 200, 3};
    const Case one{{4, 2, dim}, 200, 1};
    const Matrix<float> all = random_qkv(three, 7);
    Matrix<float> middle(one.window_length, all.cols());
    std::copy_n(all.view().row(one.window_length), middle.size(), middle.data());

    for (const bool wgmma : kernels()) {
      const Matrix<float> of_all = attend(all, three.shape, three.window_length, wgmma);
      const Matrix<float> alone = attend(middle, one.shape, one.window_length, wgmma);

      EXPECT_TRUE(test::same_bits(of_all.view().rows_from(one.window_length, one.window_length), alone.view())) << dim;
    }
  }
}

TEST_F(AttentionCuda, BrokenWindowLeavesTheOthersAlone) {
  const Case two{{2, 1, 128}, 70, 2};
  const Matrix<float> sound = random_qkv(two, 8);
  Matrix<float> broken(sound.rows(), sound.cols());
  std::copy_n(sound.data(), sound.size(), broken.data());
  std::fill_n(broken.view().row(two.window_length), two.window_length * broken.cols(), NAN);

  for (const bool wgmma : kernels()) {
    const Matrix<float> of_sound = attend(sound, two.shape, two.window_length, wgmma);
    const Matrix<float> of_broken = attend(broken, two.shape, two.window_length, wgmma);

    EXPECT_TRUE(test::same_bits(of_sound.view().rows_from(0, 70), of_broken.view().rows_from(0, 70)));
    for (std::int64_t i = 0; i < of_broken.cols(); ++i) EXPECT_TRUE(std::isnan(of_broken.view().row(70)[i]));
  }
}

TEST_F(AttentionCuda, RefusesHeadSizesWithoutKernel) {
  const AttentionShape shape{1, 1, 12};
  DeviceMatrix<BFloat16> x(1, 16);
  const DeviceView<BFloat16> view = x.view().cols_from(0, 12);

  EXPECT_THROW(causal_attention(view, view, view, shape, 1, view, stream()), InputError);
}

/// One query row against `length` rows of keys and values, in double precision.
std::vector<double> decode_reference(const float* q, MatrixView<const float> k, MatrixView<const float> v) {
  std::vector<double> weights(static_cast<std::size_t>(k.rows));
  double highest = -INFINITY;
  for (std::int64_t s = 0; s < k.rows; ++s) {
    double score = 0.0;
    for (std::int64_t d = 0; d < k.cols; ++d) score += double{q[d]} * double{k.row(s)[d]};
    weights[static_cast<std::size_t>(s)] = score / std::sqrt(static_cast<double>(k.cols));
    highest = std::max(highest, weights[static_cast<std::size_t>(s)]);
  }
  std::vector<double> out(static_cast<std::size_t>(k.cols));
  double total = 0.0;
  for (std::int64_t s = 0; s < k.rows; ++s) {
    const double weight = std::exp(weights[static_cast<std::size_t>(s)] - highest);
    total += weight;
    for (std::int64_t d = 0; d < k.cols; ++d) out[static_cast<std::size_t>(d)] += weight * double{v.row(s)[d]};
  }
  for (double& x : out) x /= total;
  return out;
}

class DecodeCuda : public AttentionCuda {
 protected:
  Matrix<float> decode(const Matrix<float>& q, const Matrix<float>& keys, const Matrix<float>& values,
                       const AttentionShape& shape, std::int64_t length) const {
    const DeviceMatrix<BFloat16> device_q = bf16_on_device(q, stream());
    const DeviceMatrix<BFloat16> device_keys = bf16_on_device(keys, stream());
    const DeviceMatrix<BFloat16> device_values = bf16_on_device(values, stream());
    DeviceMatrix<BFloat16> out = poisoned_on_device<BFloat16>(q.rows(), q.cols());
    DeviceMatrix<float> workspace = poisoned_on_device<float>(1, decode_workspace_floats(q.rows(), shape, length));
    decode_attention(device_q.view(), device_keys.view(), device_values.view(), shape, length, out.view(),
                     workspace.span(), stream());
    return to_binary32(on_host(out, stream()));
  }
};

TEST_F(DecodeCuda, AgreesWithReferenceForAnyLength) {
  const AttentionShape shapes[] = {{8, 2, 128}, {4, 4, 64}, {8, 1, 8}, {3, 1, 256}};
  for (const AttentionShape& shape : shapes) {
    for (const std::int64_t length : {1, 31, 128, 129, 700}) {
      SCOPED_TRACE(testing::Message() << shape.head_dim << " at " << length);
      const std::int64_t position = shape.kv_heads * shape.head_dim;
      const std::int64_t capacity = length + 3;
      const Matrix<float> q = random_bf16_values(3, shape.heads * shape.head_dim, 11);
      const Matrix<float> keys = random_bf16_values(3, capacity * position, 12);
      const Matrix<float> values = random_bf16_values(3, capacity * position, 13);

      const Matrix<float> out = decode(q, keys, values, shape, length);

      for (std::int64_t s = 0; s < 3; ++s) {
        for (std::int64_t h = 0; h < shape.heads; ++h) {
          const std::int64_t kv = h / (shape.heads / shape.kv_heads) * shape.head_dim;
          const std::vector<double> expected =
              decode_reference(q.view().row(s) + h * shape.head_dim,
                               MatrixView<const float>(keys.view().row(s) + kv, length, shape.head_dim, position),
                               MatrixView<const float>(values.view().row(s) + kv, length, shape.head_dim, position));
          for (std::int64_t d = 0; d < shape.head_dim; ++d) {
            // The output is rounded; weights and sums are binary32, values below 6.
            const double y = expected[static_cast<std::size_t>(d)];
            ASSERT_NEAR(double{out.view().row(s)[h * shape.head_dim + d]}, y, bf16_rounding * std::abs(y) * 1.01 + 1e-4)
                << s << " " << h << " " << d;
          }
        }
      }
    }
  }
}

TEST_F(DecodeCuda, SequenceDoesNotDependOnTheOthers) {
  const AttentionShape shape{8, 2, 128};
  const std::int64_t length = 300;
  const Matrix<float> q = random_bf16_values(3, 8 * 128, 21);
  const Matrix<float> keys = random_bf16_values(3, length * 2 * 128, 22);
  const Matrix<float> values = random_bf16_values(3, length * 2 * 128, 23);
  const auto row_of = [](const Matrix<float>& all) {
    Matrix<float> row(1, all.cols());
    std::copy_n(all.view().row(1), all.cols(), row.data());
    return row;
  };

  const Matrix<float> together = decode(q, keys, values, shape, length);
  const Matrix<float> alone = decode(row_of(q), row_of(keys), row_of(values), shape, length);

  EXPECT_TRUE(test::same_bits(together.view().rows_from(1, 1), alone.view()));
}

}  // namespace
}  // namespace pare::kernels
