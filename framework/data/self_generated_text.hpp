// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "framework/data/token_windows.hpp"
#include "framework/model/full_weights.hpp"
#include "framework/model/model.hpp"
#include "kernels/transformer/head.hpp"

namespace pare::framework {

/// Text sampled from the model itself (LLM-QAT, Liu et al. 2023), for users who bring none: every window starts with
/// the model's beginning-of-sequence token and continues by sampling at temperature 1 from the full distribution, all
/// windows of a call in one batch with a key-value cache.
///
/// Window `w` depends on (model, seed, w, length) only: its draws are counter-based, so windows may be dealt over any
/// workers.
class TextGenerator {
 public:
  /// Throws InputError when the model names no beginning-of-sequence token or length exceeds its positions.
  TextGenerator(const Model& model, const FullWeights& weights, const kernels::LanguageHead& head, std::uint64_t seed,
                std::int64_t length);

  /// Windows [begin, begin + count) of the infinite sequence of windows.
  TokenWindows generate(std::int64_t begin, std::int64_t count);

 private:
  const Model& model_;
  const FullWeights& weights_;
  const kernels::LanguageHead& head_;
  std::uint64_t seed_;
  std::int64_t length_;
  StageRunner runner_;
};

}  // namespace pare::framework
