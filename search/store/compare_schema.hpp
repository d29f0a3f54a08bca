// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "search/store/schema.hpp"

/// The layout of compare.h5, as code and as documentation; general rules as in store/schema.hpp. One row of /cells is
/// one algorithm with one seed on one budget, as one line of compare.csv:
///
///   import h5py, pandas
///   with h5py.File("compare.h5") as file:
///     cells = pandas.DataFrame({name: column[:] for name, column in file["cells"].items() if column.ndim == 1})
namespace pare::search::compare_schema {

using schema::Column;

inline constexpr const char* format = "pare-compare";
inline constexpr std::int64_t version = 1;

// "/": format, version, and what was compared, as attributes.
inline constexpr const char* yaml = "yaml";  // the resolved experiment
inline constexpr const char* identity = "identity";
inline constexpr const char* tokens = "tokens";                  // that each cell may ask for
inline constexpr const char* window_length = "window_length";    // tokens
inline constexpr const char* search_windows = "search_windows";  // how many
inline constexpr const char* holdout_windows = "holdout_windows";
inline constexpr const char* reference = "reference";  // the algorithm that the others are compared with
inline constexpr const char* digest = "digest";        // over all trials; empty: the comparison goes on
inline constexpr Column algorithms{"/algorithms", "", "in the order of the experiment"};
inline constexpr Column seeds{"/seeds", "", "in the order of the experiment"};

// "/provenance": as in a run file.

// "/sites": one row a site, in the order that recipes count.
inline constexpr const char* sites = "/sites";
inline constexpr Column site_name{"/sites/name", "", "modules that share one option"};
inline constexpr Column site_options{"/sites/options", "",
                                     "names of the options in the order that recipes count, "
                                     "separated by spaces"};

// "/budgets": one row a budget. `uniform` is the largest recipe with one option everywhere that fits; empty, 0 bytes
// and NaN where none does.
inline constexpr const char* budgets = "/budgets";
inline constexpr Column budget_name{"/budgets/name", "", "as the experiment says it"};
inline constexpr Column budget_bytes{"/budgets/bytes", "bytes", "most that a recipe may have"};
inline constexpr Column budget_bits{"/budgets/bits_per_weight", "bits", "8 bytes / weights"};
inline constexpr Column uniform_name{"/budgets/uniform", "", "largest uniform recipe that fits"};
inline constexpr Column uniform_bytes{"/budgets/uniform_bytes", "bytes", "its size"};
inline constexpr Column uniform_window_kl{"/budgets/uniform_window_kl", "nats/token",
                                          "[budget, window] its held-out KL"};

// "/cells": one row a cell, ordered by budget, seed, algorithm.
inline constexpr const char* cells = "/cells";
inline constexpr Column cell_budget{"/cells/budget", "", "row of /budgets"};
inline constexpr Column cell_algorithm{"/cells/algorithm", "", ""};
inline constexpr Column cell_seed{"/cells/seed", "", "of the search; the text is that of search.seed for all"};
inline constexpr Column cell_kl_mean{"/cells/kl_mean", "nats/token", "held-out KL of the answer"};
inline constexpr Column cell_kl_stderr{"/cells/kl_stderr", "nats/token", "standard error of kl_mean over windows"};
inline constexpr Column cell_kl_low{"/cells/kl_low", "nats/token", "lower end of the 95 % interval of kl_mean"};
inline constexpr Column cell_kl_high{"/cells/kl_high", "nats/token", "upper end"};
inline constexpr Column cell_difference{"/cells/difference", "nats/token",
                                        "kl_mean less that of the reference algorithm, same budget and seed"};
inline constexpr Column cell_difference_low{"/cells/difference_low", "nats/token",
                                            "lower end of its 95 % interval, paired over windows"};
inline constexpr Column cell_difference_high{"/cells/difference_high", "nats/token", "upper end"};
inline constexpr Column cell_tokens_asked{"/cells/tokens_asked", "tokens", "candidate-tokens asked for"};
inline constexpr Column cell_tokens_to_answer{"/cells/tokens_to_answer", "tokens",
                                              "asked for before the answer became what it is"};
inline constexpr Column cell_tokens_to_evopress{
    "/cells/tokens_to_evopress", "tokens", "asked for until as good as evopress in the end; -1: never, or unknown"};
inline constexpr Column cell_seconds{"/cells/seconds", "s",
                                     "deciding and evaluating all it asked for; NaN where unknown"};
inline constexpr Column cell_bytes{"/cells/bytes", "bytes", "exact size of the answer"};
inline constexpr Column cell_perplexity{"/cells/perplexity", "1", "held-out perplexity of the answer"};
inline constexpr Column cell_recipe{"/cells/recipe", "", "[cell, site] option of each site"};
inline constexpr Column cell_window_kl{"/cells/window_kl", "nats/token", "[cell, window] held-out KL of the answer"};

// "/trajectory": one row a point, grouped by cell, ascending tokens: how good the answer was that an algorithm would
// have given after so many tokens.
inline constexpr const char* trajectory = "/trajectory";
inline constexpr Column point_cell{"/trajectory/cell", "", "row of /cells"};
inline constexpr Column point_tokens{"/trajectory/tokens", "tokens", "asked for when this became the answer"};
inline constexpr Column point_kl_mean{"/trajectory/kl_mean", "nats/token", "held-out KL"};
inline constexpr Column point_kl_stderr{"/trajectory/kl_stderr", "nats/token", "standard error over windows"};

}  // namespace pare::search::compare_schema
