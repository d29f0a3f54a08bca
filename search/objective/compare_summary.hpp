// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "search/objective/compare_record.hpp"

namespace pare::search {

/// A mean with its two-sided 95 % interval (Student's t over windows).
struct Interval {
  double mean = 0;
  double low = 0;
  double high = 0;
};

/// What one cell says, alone and beside the others of its budget and seed.
struct CellSummary {
  Interval kl;  ///< held-out, nats a token
  double kl_stderr = 0;
  /// Its KL less that of the reference algorithm, paired over the held-out windows. Nothing for the reference itself.
  std::optional<Interval> over_reference;
  /// Tokens it asked for until its answer was as good, held out, as the answer of `evopress` in the end; nothing when
  /// that never came, or evopress does not take part.
  std::optional<std::int64_t> tokens_to_evopress;
};

/// An algorithm on a budget, over its seeds.
struct CompareRow {
  std::size_t budget = 0;
  std::string algorithm;
  double median_kl = 0;
  double least_kl = 0;
  double largest_kl = 0;
  std::optional<double> ratio;  ///< of the medians, to the reference
  double tokens = 0;            ///< median asked for
  double seconds = 0;           ///< median
  /// Median share of evopress' own tokens that it took to be as good as evopress; infinite: it never was. Nothing
  /// without evopress.
  std::optional<double> share_of_evopress;
  /// Its KL less the reference's for the seed in which the reference came off worst (least upper end); nothing for the
  /// reference.
  std::optional<Interval> worst_pair;
  std::uint64_t worst_seed = 0;
};

/// How the reference algorithm stands: what every change to the search is judged by.
struct CompareGoals {
  std::size_t pairs = 0;           ///< (rival, seed, budget)
  std::size_t above_interval = 0;  ///< of these, the reference's KL lies above the rival's own interval
  std::size_t worse = 0;           ///< of these, the paired interval says that the reference is worse
  /// Median KL against the best median of the informed rivals, one a budget; and who that was.
  struct Ratio {
    std::size_t budget = 0;
    std::string rival;
    double ratio = 0;
  };
  std::vector<Ratio> ratios;
  /// Median share of evopress' tokens, one a budget; infinite: never as good. Empty without evopress.
  std::vector<double> shares;
};

struct CompareSummary {
  std::string reference;           ///< "pare" when it takes part, else the first algorithm
  std::vector<CellSummary> cells;  ///< as CompareRecord::cells
  std::vector<CompareRow> rows;    ///< by budget, then in the order of the algorithms
  CompareGoals goals;
};

Interval interval_of(const Estimate& estimate, std::size_t windows);

CompareSummary summarize(const CompareRecord& record);

}  // namespace pare::search
