// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "kernels/core/matrix.hpp"
#include "kernels/core/matrix_view.hpp"

namespace pare::framework {

/// Hidden states that a worker keeps from one walk of the prefix trie to the next, so that candidates which begin like
/// those before them, such as the neighbours of an incumbent, do not run their shared stages again. A state is found by
/// the tokens of its windows and the options of all sites before its stage, compared in full; the least recently used
/// goes first. One object a thread.
class StateCache {
 public:
  /// bytes: of all states together; 0 keeps nothing.
  explicit StateCache(std::int64_t bytes) : most_bytes_(bytes) {}

  /// The windows that the calls from now on are about.
  void use_windows(std::span<const std::uint32_t> tokens);

  struct Found {
    std::size_t stage;
    kernels::MatrixView<const float> state;  ///< input of the stage; valid until the next call of keep()
  };
  /// Of the states kept for a prefix of these options the one that is input to the latest stage in
  /// [first_stage, last_stage]. first_site[s]: how many options are of stages before s.
  std::optional<Found> find(std::span<const std::uint8_t> options, std::span<const std::size_t> first_site,
                            std::size_t first_stage, std::size_t last_stage);

  /// Keeps a copy of the input of a stage behind these options.
  void keep(std::span<const std::uint8_t> prefix, std::size_t stage, kernels::MatrixView<const float> state);

  std::int64_t bytes() const { return bytes_; }

 private:
  using Tokens = std::vector<std::uint32_t>;
  struct Entry {
    std::shared_ptr<const Tokens> tokens;
    std::vector<std::uint8_t> prefix;
    std::size_t stage;
    kernels::Matrix<float> state;
  };

  std::int64_t most_bytes_;
  std::int64_t bytes_ = 0;
  std::shared_ptr<const Tokens> tokens_;
  std::list<Entry> entries_;  ///< most recently used first
};

}  // namespace pare::framework
