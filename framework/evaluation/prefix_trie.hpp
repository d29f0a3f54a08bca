// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "framework/data/token_windows.hpp"
#include "framework/evaluation/hidden_states.hpp"
#include "framework/model/stage_range.hpp"

namespace pare::framework {

/// One option a site, an index into Site::options (or full_precision_option).
using OptionIndices = std::vector<std::uint8_t>;

/// Runs a batch of candidates over some windows so that stages which candidates share at the front of the chain run
/// once.
///
/// The candidates form a trie whose levels are the stages and whose branches are the option tuples of a stage; it is
/// walked depth first. A branching node keeps its input state while its children run, the largest child last and in
/// place, so a round of single changes needs two states at a time whatever the depth. Where the states of all candidates
/// of a subtree fit, they go through it side by side: a stage runs once an option tuple, its weights are expanded once, and
/// its products are of more tokens. The states of branching nodes are also kept for later walks over the same windows, as
/// far as there is room. Where the states lie and who computes is the affair of HiddenStates.
///
/// Exact: a shared or kept state is bit-equal to a recomputed one, because every kernel treats a window independently of its
/// neighbours.
class PrefixTrie {
 public:
  /// Called once a candidate with the state that leaves the last of the stages: what goes into the final norm, where they
  /// end with the head. Each candidate arrives once, in no
  /// order to rely on.
  using Leaf = std::function<void(std::size_t candidate, std::size_t state)>;
  /// Puts into a state what reaches the first of the stages for a candidate, where they do not begin with the embedding.
  using Enter = std::function<void(std::size_t candidate, std::size_t state)>;

  struct Runs {
    std::int64_t made = 0;      ///< stage runs, one stage on one window counted once
    std::int64_t separate = 0;  ///< what evaluating every candidate alone would have run

    Runs& operator+=(const Runs& other) {
      made += other.made;
      separate += other.separate;
      return *this;
    }
  };

  /// first_site: for each stage and for the end, how many sites lie before it. The first stage is the embedding, the last
  /// one the head; neither has sites. stages: those that are walked; candidates have options for all sites nevertheless.
  PrefixTrie(std::vector<std::size_t> first_site, HiddenStates& states, const StageRange& stages = {});

  /// Windows [begin, begin + count) of `windows`.
  Runs walk(std::span<const OptionIndices> candidates, const TokenWindows& windows, std::int64_t begin,
            std::int64_t count, const Leaf& leaf, const Enter& enter = {});

  /// The most states that a walk over so many candidates uses, one after the other: a group that needs a state of its own
  /// is at most half of the candidates around it. Candidates abreast take one more each but the first.
  static std::size_t most_states(std::size_t candidates);

 private:
  /// Candidates that share the input of a stage.
  struct Branch {
    std::span<const std::size_t> order;
    std::size_t stage;
  };

  /// Candidates that agree at all stages before those that are walked.
  void begin_with(std::span<const std::size_t> order);
  void descend(std::span<const std::size_t> order, std::size_t stage, std::size_t depth);
  /// The rest of the chain for these candidates, in the states from `first` on.
  void go_abreast(std::span<const std::size_t> order, std::size_t stage, std::size_t first);
  /// Splits the branches that are at this stage; the new ones go behind them.
  void split_abreast(std::vector<Branch>& branches, std::size_t stage, std::size_t first);
  /// Runs a stage on all branches that are at it.
  void run_abreast(std::vector<Branch>& branches, std::size_t stage, std::size_t first);
  void reach_leaf(std::span<const std::size_t> order, std::size_t state);
  /// Keeps the input of a stage, which these candidates share.
  void keep(std::span<const std::size_t> order, std::size_t stage, std::size_t state);
  /// Takes candidates that agree at the stages before `stage` on to a later stage at which they still do, if its input
  /// is kept: copies it to the state `child` and returns the stage.
  std::optional<std::size_t> skip(std::span<const std::size_t> order, std::size_t stage, std::size_t child);
  /// The first stage at which not all of these candidates, in trie order, have the same options.
  std::size_t first_difference(std::span<const std::size_t> order) const;
  std::uint8_t const* options_of(std::size_t candidate, std::size_t stage) const;
  /// At the stages [first, last).
  bool same_options(std::size_t a, std::size_t b, std::size_t first, std::size_t last) const;
  /// Candidates that agree at these stages, smallest group first.
  std::vector<std::span<const std::size_t>> split(std::span<const std::size_t> order, std::size_t first,
                                                  std::size_t last) const;

  std::vector<std::size_t> first_site_;  ///< by stage
  HiddenStates& states_;
  bool has_embedding_, has_head_;
  std::size_t first_block_stage_, last_block_stage_;  ///< of [first, last) those between embedding and head

  // Of the walk under way.
  std::span<const OptionIndices> candidates_;
  const Leaf* leaf_ = nullptr;
  const Enter* enter_ = nullptr;
  std::int64_t window_count_ = 0;
  Runs runs_;
};

}  // namespace pare::framework
