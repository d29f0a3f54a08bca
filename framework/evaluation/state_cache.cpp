// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/state_cache.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

std::int64_t size_of(kernels::MatrixView<const float> state) {
  return state.rows * state.cols * static_cast<std::int64_t>(sizeof(float));
}

}  // namespace

void StateCache::use_windows(std::span<const std::uint32_t> tokens) {
  for (const Entry& entry : entries_) {
    if (!std::ranges::equal(*entry.tokens, tokens)) continue;
    tokens_ = entry.tokens;
    return;
  }
  tokens_ = std::make_shared<const Tokens>(tokens.begin(), tokens.end());
}

std::optional<StateCache::Found> StateCache::find(std::span<const std::uint8_t> options,
                                                  std::span<const std::size_t> first_site, std::size_t first_stage,
                                                  std::size_t last_stage) {
  auto best = entries_.end();
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if (entry->tokens != tokens_ || entry->stage < first_stage || entry->stage > last_stage) continue;
    if (best != entries_.end() && entry->stage <= best->stage) continue;
    if (std::ranges::equal(entry->prefix, options.first(first_site[entry->stage]))) best = entry;
  }
  if (best == entries_.end()) return std::nullopt;
  entries_.splice(entries_.begin(), entries_, best);
  return Found{best->stage, best->state.view()};
}

void StateCache::keep(std::span<const std::uint8_t> prefix, std::size_t stage, kernels::MatrixView<const float> state) {
  EXPECT(tokens_ != nullptr);
  if (size_of(state) > most_bytes_) return;
  for (const Entry& entry : entries_)
    if (entry.tokens == tokens_ && entry.stage == stage && std::ranges::equal(entry.prefix, prefix)) return;
  while (bytes_ + size_of(state) > most_bytes_) {
    bytes_ -= size_of(std::as_const(entries_.back().state).view());
    entries_.pop_back();
  }
  kernels::Matrix<float> copy(state.rows, state.cols);
  for (std::int64_t row = 0; row < state.rows; ++row)
    std::memcpy(copy.row(row), state.row(row), static_cast<std::size_t>(state.cols) * sizeof(float));
  entries_.push_front({tokens_, {prefix.begin(), prefix.end()}, stage, std::move(copy)});
  bytes_ += size_of(state);
}

}  // namespace pare::framework
