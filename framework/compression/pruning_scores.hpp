// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/core/matrix.hpp"

/// Scores [rows, cols] of the weights of one linear layer, for kernels::select_mask: the lowest go. All are parallel
/// over rows, and their bits never depend on the number of threads.

namespace pare::framework {

/// |w_ij|.
kernels::Matrix<float> magnitude_scores(kernels::MatrixView<const float> weight);

/// Uniform in [0, 1): what any other score must beat. The same for the same seed (Philox of seed, row, column).
kernels::Matrix<float> random_scores(std::int64_t rows, std::int64_t cols, std::uint64_t seed);

/// |w_ij| * sqrt(second_moments[j]) (Sun et al., "A simple and effective pruning approach for large language models",
/// ICLR 2024: "Wanda"). second_moments[j] = sum or mean over tokens of x_j^2: the diagonal of the Hessian, up to a
/// factor that all inputs share. The paper compares within rows: SparsityPattern::Compare::row. Throws InputError for a
/// second moment that is negative or not finite.
kernels::Matrix<float> wanda_scores(kernels::MatrixView<const float> weight, std::span<const float> second_moments);

/// |w_ij| * ||s_j|| / sqrt(m), where s_j is column j of `sketch` [m, cols], a random projection of the layer's inputs
/// over tokens (add_to_sketch). By the lemma of Johnson and Lindenstrauss, for random signs in the form of Achlioptas
/// ("Database-friendly random projections", 2003), ||s_j||^2 / m has the mean ||x_j||^2 and a relative standard
/// deviation of at most sqrt(2 / m): Wanda's score, estimated from m numbers an input, whatever the number of tokens.
/// Throws InputError when the sketch holds a value that is not finite.
kernels::Matrix<float> random_projection_scores(kernels::MatrixView<const float> weight,
                                                kernels::MatrixView<const double> sketch);

/// sketch[d][j] += sum over tokens t of sign(seed, first_token + t, d) * inputs[t][j], with signs +1 or -1 of equal
/// probability (Philox). `inputs` [tokens, cols], `sketch` [m, cols]: zero before the first call. Batches that follow
/// each other give the same bits as one.
void add_to_sketch(kernels::MatrixView<const float> inputs, std::int64_t first_token, std::uint64_t seed,
                   kernels::MatrixView<double> sketch);

}  // namespace pare::framework
