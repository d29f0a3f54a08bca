// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/pruning_scores.hpp"

#include <array>
#include <cmath>
#include <vector>

#include "kernels/core/parallel.hpp"
#include "kernels/core/philox.hpp"

namespace pare::framework {
namespace {

using kernels::Matrix;
using kernels::MatrixView;

constexpr std::int64_t rows_per_part = 4;
constexpr std::int64_t columns_per_part = 16;

/// |w_ij| * norms[j].
Matrix<float> scaled_magnitudes(MatrixView<const float> weight, const std::vector<float>& norms) {
  EXPECT(static_cast<std::int64_t>(norms.size()) == weight.cols, norms.size(), " norms for ", weight.cols, " inputs");
  Matrix<float> scores(weight.rows, weight.cols);
  kernels::parallel_for(weight.rows, rows_per_part, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      for (std::int64_t c = 0; c < weight.cols; ++c) {
        scores.row(r)[c] = std::abs(weight.row(r)[c]) * norms[static_cast<std::size_t>(c)];
      }
    }
  });
  return scores;
}

}  // namespace

Matrix<float> magnitude_scores(MatrixView<const float> weight) {
  return scaled_magnitudes(weight, std::vector<float>(static_cast<std::size_t>(weight.cols), 1.0f));
}

Matrix<float> random_scores(std::int64_t rows, std::int64_t cols, std::uint64_t seed) {
  Matrix<float> scores(rows, cols);
  kernels::parallel_for(rows, rows_per_part, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      for (std::int64_t c = 0; c < cols; ++c) {
        // 24 bits, which binary32 holds: rounding the 53 could give 1.
        const double uniform =
            kernels::uniform_number(seed, static_cast<std::uint64_t>(r), static_cast<std::uint64_t>(c));
        scores.row(r)[c] = static_cast<float>(std::floor(uniform * 0x1p24) * 0x1p-24);
      }
    }
  });
  return scores;
}

Matrix<float> wanda_scores(MatrixView<const float> weight, std::span<const float> second_moments) {
  std::vector<float> norms;
  for (const float moment : second_moments) {
    VALIDATE(std::isfinite(moment) && moment >= 0.0f, "the second moment of input ", norms.size(), " is ", moment,
             ", a mean of squares must be finite and not negative");
    norms.push_back(std::sqrt(moment));
  }
  return scaled_magnitudes(weight, norms);
}

Matrix<float> random_projection_scores(MatrixView<const float> weight, MatrixView<const double> sketch) {
  VALIDATE(sketch.rows > 0, "a random projection onto ", sketch.rows, " directions is not possible, use at least 1");
  std::vector<double> squares(static_cast<std::size_t>(sketch.cols));
  for (std::int64_t d = 0; d < sketch.rows; ++d) {
    for (std::int64_t j = 0; j < sketch.cols; ++j) {
      VALIDATE(std::isfinite(sketch.row(d)[j]), "the random projection of input ", j, " is ", sketch.row(d)[j],
               ", the layer's inputs must be finite");
      squares[static_cast<std::size_t>(j)] += sketch.row(d)[j] * sketch.row(d)[j];
    }
  }
  std::vector<float> norms;
  for (const double sum : squares)
    norms.push_back(static_cast<float>(std::sqrt(sum / static_cast<double>(sketch.rows))));
  return scaled_magnitudes(weight, norms);
}

void add_to_sketch(MatrixView<const float> inputs, std::int64_t first_token, std::uint64_t seed,
                   MatrixView<double> sketch) {
  EXPECT(inputs.cols == sketch.cols, inputs.cols, " inputs for a sketch of ", sketch.cols);
  constexpr std::int64_t signs_per_draw = 128;
  Matrix<double> signs(inputs.rows, sketch.rows);
  for (std::int64_t t = 0; t < inputs.rows; ++t) {
    const auto token = static_cast<std::uint64_t>(first_token + t);
    std::array<std::uint32_t, 4> words{};
    for (std::int64_t d = 0; d < sketch.rows; ++d) {
      if (d % signs_per_draw == 0) {
        words = kernels::philox4x32({static_cast<std::uint32_t>(token), static_cast<std::uint32_t>(token >> 32),
                                     static_cast<std::uint32_t>(d / signs_per_draw), 0},
                                    {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
      }
      const std::uint32_t bit = words[static_cast<std::size_t>(d % signs_per_draw / 32)] >> (d % 32) & 1u;
      signs.row(t)[d] = bit == 0 ? 1.0 : -1.0;
    }
  }
  kernels::parallel_for(sketch.cols, columns_per_part, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = 0; t < inputs.rows; ++t) {
      for (std::int64_t d = 0; d < sketch.rows; ++d) {
        const double sign = signs.row(t)[d];
        for (std::int64_t j = begin; j < end; ++j) sketch.row(d)[j] += sign * double{inputs.row(t)[j]};
      }
    }
  });
}

}  // namespace pare::framework
