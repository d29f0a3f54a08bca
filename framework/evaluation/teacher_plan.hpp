// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "framework/data/token_windows.hpp"
#include "framework/evaluation/compute_device.hpp"
#include "framework/model/model.hpp"
#include "kernels/gemm/linear.hpp"

namespace pare::framework {

/// Where the teacher's answers for both window sets lie in its file: the search windows first, then the held-out ones.
struct TeacherPlan {
  std::int64_t search_windows = 0;
  std::int64_t holdout_windows = 0;
  std::int64_t length = 0;
  std::int64_t top_k = 0;
  std::string key;  ///< hash of model, windows, top_k, precision and the device's arithmetic

  std::int64_t windows() const { return search_windows + holdout_windows; }
  std::int64_t positions() const { return windows() * (length - 1); }
};

/// top_k is lowered to the vocabulary where it is larger.
TeacherPlan make_teacher_plan(const Model& model, const WindowSets& text, std::int64_t top_k,
                              kernels::Precision precision, const ComputeDevice& device = {});

}  // namespace pare::framework
