// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "kernels/core/contract.hpp"

namespace pare::framework {

/// Hidden states that a worker keeps from one walk of the prefix trie to the next, so that candidates which begin like
/// those before them, such as the neighbours of an incumbent, do not run their shared stages again. A state is found by
/// the tokens of its windows and the options of all sites before its stage, compared in full; the least recently used
/// goes first. One object a thread.
///
/// State: owns the values, wherever they lie; default-constructible and movable.
template <class State>
class StateCache {
 public:
  /// bytes: of all states together; 0 keeps nothing.
  explicit StateCache(std::int64_t bytes) : most_bytes_(bytes) {}

  /// The windows that the calls from now on are about.
  void use_windows(std::span<const std::uint32_t> tokens) {
    for (const Entry& entry : entries_) {
      if (!std::ranges::equal(*entry.tokens, tokens)) continue;
      tokens_ = entry.tokens;
      return;
    }
    tokens_ = std::make_shared<const Tokens>(tokens.begin(), tokens.end());
  }

  struct Found {
    std::size_t stage;
    const State& state;  ///< input of the stage; valid until the next call of keep()
  };
  /// Of the states kept for a prefix of these options the one that is input to the latest stage in
  /// [first_stage, last_stage]. first_site[s]: how many options are of stages before s.
  std::optional<Found> find(std::span<const std::uint8_t> options, std::span<const std::size_t> first_site,
                            std::size_t first_stage, std::size_t last_stage) {
    auto best = entries_.end();
    for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
      if (entry->tokens != tokens_ || entry->stage < first_stage || entry->stage > last_stage) continue;
      if (best != entries_.end() && entry->stage <= best->stage) continue;
      if (std::ranges::equal(entry->prefix, options.first(first_site[entry->stage]))) best = entry;
    }
    if (best == entries_.end()) return std::nullopt;
    entries_.splice(entries_.begin(), entries_, best);
    return Found{best->stage, best->state};
  }

  /// Keeps the input of a stage behind these options: `fill` puts its values, of so many bytes, into a state, which may be
  /// one that had to go.
  template <class Fill>
  void keep(std::span<const std::uint8_t> prefix, std::size_t stage, std::int64_t bytes, const Fill& fill) {
    EXPECT(tokens_ != nullptr);
    if (bytes > most_bytes_) return;
    for (const Entry& entry : entries_)
      if (entry.tokens == tokens_ && entry.stage == stage && std::ranges::equal(entry.prefix, prefix)) return;
    State state;
    while (bytes_ + bytes > most_bytes_) {
      bytes_ -= entries_.back().bytes;
      if (entries_.back().bytes == bytes) state = std::move(entries_.back().state);
      entries_.pop_back();
    }
    fill(state);
    entries_.push_front({tokens_, {prefix.begin(), prefix.end()}, stage, bytes, std::move(state)});
    bytes_ += bytes;
  }

  void clear() {
    entries_.clear();
    bytes_ = 0;
  }

  std::int64_t bytes() const { return bytes_; }

 private:
  using Tokens = std::vector<std::uint32_t>;
  struct Entry {
    std::shared_ptr<const Tokens> tokens;
    std::vector<std::uint8_t> prefix;
    std::size_t stage;
    std::int64_t bytes;
    State state;
  };

  std::int64_t most_bytes_;
  std::int64_t bytes_ = 0;
  std::shared_ptr<const Tokens> tokens_;
  std::list<Entry> entries_;  ///< most recently used first
};

}  // namespace pare::framework
