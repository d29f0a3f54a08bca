// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace pare::framework {

/// The hidden states that a prefix trie works with, on one device, numbered from 0: [tokens of all windows, hidden] each.
/// The tokens are those of the last use_windows().
class HiddenStates {
 public:
  virtual ~HiddenStates() = default;

  virtual void use_windows(std::span<const std::uint32_t> tokens, std::int64_t window_length) = 0;
  /// state <- embedding of the tokens.
  virtual void embed(std::size_t state) = 0;
  virtual void copy(std::size_t from, std::size_t to) = 0;
  /// state <- state + stage(state) under options, one a site of the stage, for the states [first, first + count).
  virtual void run(std::size_t stage, const std::uint8_t* options, std::size_t first, std::size_t count) = 0;

  /// Candidates that may be led through the stages side by side, each with a state of its own, instead of one after the
  /// other: where the device is faster with more tokens and has room for the states. At least 1.
  virtual std::size_t most_abreast() const = 0;

  /// Keeps the input of a stage behind these options for later walks, if there is room.
  virtual void keep(std::span<const std::uint8_t> prefix, std::size_t stage, std::size_t state) = 0;
  /// state <- of what was kept behind a prefix of these options the input of the latest stage in [first_stage,
  /// last_stage], which is returned; nothing when there is none. first_site[s]: how many options are of stages before s.
  virtual std::optional<std::size_t> restore(std::span<const std::uint8_t> options,
                                             std::span<const std::size_t> first_site, std::size_t first_stage,
                                             std::size_t last_stage, std::size_t state) = 0;
};

}  // namespace pare::framework
