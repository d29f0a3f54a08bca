// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <vector>

#include "framework/data/token_windows.hpp"
#include "framework/evaluation/teacher.hpp"
#include "search/coordination/progress.hpp"
#include "search/coordination/scheduler.hpp"
#include "search/experiment/experiment.hpp"
#include "search/experiment/node_files.hpp"
#include "search/experiment/plan.hpp"

namespace pare::search {

/// The four things a search stands on, each a file in the cache directory that is computed once by all workers and
/// found again by later runs with the same model, data and options. Each call returns when every worker has opened the
/// file.

/// Self-generated text, or the windows cut from the user's token file.
framework::WindowSets prepare_text(const Experiment& experiment, const Plan& plan, NodeFiles& files,
                                   Scheduler& scheduler, Progress& progress);

/// What the calibration windows teach about the inputs of the linears. Returns its key; nothing is done, and the key is
/// empty, when no option needs it.
std::string prepare_calibration(const Experiment& experiment, const Plan& plan, const framework::WindowSets& text,
                                NodeFiles& files, Scheduler& scheduler, Progress& progress);

/// Where it is kept.
std::filesystem::path calibration_file(const Experiment& experiment, const std::string& key);

/// All sites with all options; fills in the local errors of the plan's space, and leaves out of it what failed: the
/// options of a site are then those that the bank calls sound, in their order. `calibration`: the key that
/// prepare_calibration gave. Returns the file. Throws InputError where a site is left without options, or nothing fits
/// the budget.
std::filesystem::path prepare_bank(const Experiment& experiment, Plan& plan, const std::string& calibration,
                                   NodeFiles& files, Scheduler& scheduler, Progress& progress);

/// Where the full model's answers are kept.
std::filesystem::path teacher_file(const Experiment& experiment, const framework::TeacherPlan& plan);

/// The full model's answers on both window sets. Returns its loss on each of the held-out windows, nats a token.
std::vector<double> prepare_teacher(const Experiment& experiment, const Plan& plan, const framework::WindowSets& text,
                                    NodeFiles& files, Scheduler& scheduler, Progress& progress);

}  // namespace pare::search
