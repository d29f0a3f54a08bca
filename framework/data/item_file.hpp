// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>

#include "framework/data/token_windows.hpp"

namespace pare::framework {

/// Reads multiple-choice items from a token file (scripts/tokenize.py --items). Beside /tokens it has
///
///   /items/context         uint64 [n, 2]   where the context of an item begins and ends in /tokens
///   /items/label           uint32 [n]      the right choice, from 0
///   /items/choice_offsets  uint64 [n + 1]  the choices of item i are rows [choice_offsets[i], choice_offsets[i + 1]) of
///   /items/choice          uint64 [m, 2]   where a choice begins and ends in /tokens
///   /items/choice_bytes    uint32 [m]      its text in UTF-8
///   attribute `score` of /items: "sum", a choice counts its summed log-likelihood, or "bytes", that divided by its bytes
///
/// The first plan.windows items are the search set, the next plan.holdout the held-out one, each item plan.choices
/// windows (ItemSheet). A context that does not fit beside a choice loses its first tokens. Calibration windows are plain
/// text, cut from the tokens behind those of all these items. Throws InputError naming file and item: no items, too few,
/// one choice, more choices than the plan has, a label that is none of them, a range outside of /tokens, an empty context or
/// choice, a choice that is longer than a window.
WindowSets read_items(const std::filesystem::path& file, const WindowPlan& plan, std::int64_t vocabulary);

}  // namespace pare::framework
