// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pare::framework {

/// The name of `known` that `wanted` was most likely meant to be, for the texts of errors: the smallest
/// number of inserted, deleted, replaced or swapped neighbouring characters (Damerau-Levenshtein, no
/// character edited twice); the first of equals. Empty when nothing is near: more edits than max(2, a third
/// of the length), or nothing in common.
std::string nearest_name(std::string_view wanted, const std::vector<std::string>& known);

/// ", did you mean 'x'?", or "" when nothing is near.
std::string did_you_mean(std::string_view wanted, const std::vector<std::string>& known);

}  // namespace pare::framework
