// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "search/space/budget.hpp"
#include "search/space/random.hpp"

namespace pare::search {

/// Moves between recipes that keep exact bytes. Every function that takes a budget returns a recipe within
/// it, or nothing. No size class is respected: bytes cross from any site to any other. Settled recipes stay settled:
/// all but settle, with_form and random_recipe leave forms as they are. Where the budget limits more than bytes, a step
/// is any change within a form (space/row_moves.hpp); `next_larger` and raise_and_pay's first step go by bytes.

/// The option of a form that is nearest to what `option` costs: the largest that costs no more, of equals the one with
/// the least local error; the smallest where all cost more.
std::uint8_t nearest_of_form(const SearchSite& site, std::uint8_t option, const std::string& form);
/// All sites of a unit at their nearest options of a form.
Recipe with_form(const SearchSpace& space, const Recipe& recipe, const Unit& unit, const std::string& form);
/// The first site of each unit decides its form.
Recipe settle(const SearchSpace& space, const Recipe& recipe);

/// The next option of the same form with strictly fewer (more) bytes at a site; nothing at the end of the list.
std::optional<std::uint8_t> next_smaller(const SearchSite& site, std::uint8_t option);
std::optional<std::uint8_t> next_larger(const SearchSite& site, std::uint8_t option);

/// Harm without data: local_error x weights, summed. Moves use it to choose who pays and who gets what is
/// left.
double local_harm(const SearchSpace& space, const Recipe& recipe);

/// A recipe within the budget, with few and cheap changes. Greedy: while over the budget, take one step down
/// at one site; when a single step can end it, the one with the least local harm, else the one with the least
/// harm a byte. Afterwards each lowered site goes back up as far as the bytes left allow. Sites marked in
/// `frozen` (empty: none) stay; nothing when the others cannot pay. O(steps x sites). Identity for a recipe
/// that fits.
std::optional<Recipe> repair(const SearchSpace& space, const Recipe& recipe, const Budget& budget,
                             const std::vector<bool>& frozen = {});

/// Spends bytes that are left: while some step up fits, the one that removes the most local harm a byte.
/// Frozen sites stay.
Recipe spend(const SearchSpace& space, Recipe recipe, const Budget& budget, const std::vector<bool>& frozen = {});

/// Raises every site given by one step and lets others pay, chosen at random, then spends what is left at
/// random. Nothing when no site can go up or the others cannot pay. A site is never both raised and lowered.
std::optional<Recipe> raise_and_pay(const SearchSpace& space, const Recipe& recipe, const Budget& budget,
                                    const std::vector<std::size_t>& raised, DecisionRandom& random);

/// raise_and_pay for all sites of a kind ("v_proj"), or of a layer.
std::optional<Recipe> raise_kind(const SearchSpace& space, const Recipe& recipe, const Budget& budget,
                                 const std::string& kind, DecisionRandom& random);
std::optional<Recipe> raise_layer(const SearchSpace& space, const Recipe& recipe, const Budget& budget, int layer,
                                  DecisionRandom& random);

/// Each site from one parent or the other, then settled, repaired and spent.
std::optional<Recipe> cross(const SearchSpace& space, const Recipe& a, const Recipe& b, const Budget& budget,
                            DecisionRandom& random);

/// Uniform options at random, settled, lowered at random until it fits (the smallest recipe where its forms alone are
/// too large), then raised at random until nothing fits any more: random, but near the budget. EXPECTs that some recipe
/// fits.
Recipe random_recipe(const SearchSpace& space, const Budget& budget, DecisionRandom& random);

/// Number of sites that differ.
std::size_t changes(const Recipe& a, const Recipe& b);

}  // namespace pare::search
