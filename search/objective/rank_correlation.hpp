// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

namespace pare::search {

/// Spearman's rank correlation: Pearson's of the ranks, equal values sharing their mean rank. In [-1, 1]; 0 for fewer
/// than two pairs or where one side has no differences. EXPECTs equal sizes.
double rank_correlation(std::span<const double> a, std::span<const double> b);

}  // namespace pare::search
