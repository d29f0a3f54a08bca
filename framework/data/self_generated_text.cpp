// SPDX-License-Identifier: Apache-2.0
#include "framework/data/self_generated_text.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "kernels/core/contract.hpp"
#include "kernels/core/matrix.hpp"
#include "kernels/core/philox.hpp"

namespace pare::framework {
namespace {

/// Inverse-transform sampling from softmax(logits), summed in binary64 in the order of the vocabulary.
std::uint32_t sample(std::span<const float> logits, double uniform) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  double total = 0;
  for (const float logit : logits) total += std::exp(static_cast<double>(logit - largest));
  double remaining = uniform * total;
  for (std::size_t word = 0; word < logits.size(); ++word) {
    remaining -= std::exp(static_cast<double>(logits[word] - largest));
    if (remaining < 0) return static_cast<std::uint32_t>(word);
  }
  return static_cast<std::uint32_t>(logits.size() - 1);
}

}  // namespace

TextGenerator::TextGenerator(const Model& model, const FullWeights& weights, const kernels::LanguageHead& head,
                             std::uint64_t seed, std::int64_t length)
    : model_(model), weights_(weights), head_(head), seed_(seed), length_(length), runner_(model, length) {
  VALIDATE(model.config().bos_token >= 0, model.directory().string(),
           "/config.json: no bos_token_id, so text cannot be generated from the model (data.calibration: self), give a "
           "token file");
}

TokenWindows TextGenerator::generate(std::int64_t begin, std::int64_t count) {
  TokenWindows windows{.length = length_,
                       .tokens = std::vector<std::uint32_t>(static_cast<std::size_t>(count * length_))};
  std::vector<std::uint32_t> current(static_cast<std::size_t>(count),
                                     static_cast<std::uint32_t>(model_.config().bos_token));
  std::vector<StageRunner::KeyValueCache> caches;
  for (const Stage& stage : model_.stages()) {
    caches.push_back(stage.kind == StageKind::attention ? runner_.make_cache(count, length_)
                                                        : StageRunner::KeyValueCache{});
  }
  kernels::Matrix<float> hidden(count, model_.config().hidden);
  kernels::Matrix<float> logits(count, model_.config().vocabulary);
  for (std::int64_t position = 0; position < length_; ++position) {
    for (std::int64_t w = 0; w < count; ++w) {
      windows.tokens[static_cast<std::size_t>(w * length_ + position)] = current[static_cast<std::size_t>(w)];
    }
    if (position + 1 == length_) break;
    runner_.embed(current, hidden.view());
    for (std::size_t s = 0; s < model_.stages().size(); ++s) {
      const StageKind kind = model_.stages()[s].kind;
      if (kind == StageKind::attention || kind == StageKind::mlp) {
        runner_.decode(s, weights_.stage(s), position, caches[s], hidden.view());
      }
    }
    runner_.finish(hidden.view(), hidden.view());
    head_.logits(hidden.view(), logits.view());
    for (std::int64_t w = 0; w < count; ++w) {
      const double uniform =
          kernels::uniform_number(seed_, static_cast<std::uint64_t>(begin + w), static_cast<std::uint64_t>(position));
      current[static_cast<std::size_t>(w)] = sample({logits.row(w), static_cast<std::size_t>(logits.cols())}, uniform);
    }
  }
  return windows;
}

}  // namespace pare::framework
