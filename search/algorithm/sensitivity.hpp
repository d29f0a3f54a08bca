// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "search/algorithm/integer_programme.hpp"
#include "search/objective/archive.hpp"
#include "search/space/search_space.hpp"

namespace pare::search {

/// What changing one site does at a point: score[s][o] is the mean KL with option o at site s minus that of
/// the point, from the windows known of both; zero at the point's own options. An additive model of the
/// neighbourhood of the point. Options of another form than the point's are shares of what the change of form does to
/// the whole unit.
struct Sensitivities {
  Recipe point;
  Scores score;
  Scores error;  ///< standard error of the score; of its source where it is not measured
  std::vector<std::vector<bool>> measured;
};

/// Marks the options that are worth a look at first: no option of their form with as few bytes has a smaller local
/// error. Of options with equal bytes and errors the first stays; all stay where no errors are known.
std::vector<bool> efficient_options(const SearchSite& site);

enum class SwapChoice {
  neighbours,  ///< one step down and one step up among the efficient options
  anchors,     ///< neighbours and both ends of the efficient options: those between are read off their local error
  all,
};

/// The point with one site changed within its form, and with one unit in another form (with_form), for all sites in
/// order (neighbouring recipes share their first stages).
std::vector<Recipe> single_swaps(const SearchSpace& space, const Recipe& point, SwapChoice choice);

/// Reads the table off the archive. Where a swap was not measured:
/// - between two options that were, it is interpolated linearly in the local error (known exactly for every
/// option), since the harm
///   of one site grows with its error;
/// - beyond them, the shape of the previous table (of another point) is continued, scaled by how the nearest
/// measured swap changed;
/// - one that is not efficient is forbidden until it is measured, and one that failed for good;
/// - without a previous table, a larger option is as good as the nearest measured one and a smaller one is
/// forbidden;
/// - in another form than the point's, options lie as far apart as their local errors say by the site's own form;
///   where that is not known, a larger option is as good as the measured one and a smaller one is forbidden, and all
///   are where the change of form was not measured.
Sensitivities tabulate(const SearchSpace& space, const Archive& archive, const Recipe& point,
                       const Sensitivities* previous);

}  // namespace pare::search
