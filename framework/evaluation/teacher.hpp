// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "framework/evaluation/teacher_plan.hpp"
#include "framework/io/h5_file.hpp"
#include "framework/io/mapped_file.hpp"
#include "kernels/core/matrix_view.hpp"

namespace pare::framework {

/// The full model's answer on some windows: for every scored position its top_k most likely words in ascending order
/// of id, with natural-log probabilities over the whole vocabulary, and the mean negative log-likelihood of the text a
/// window.
struct TeacherPart {
  std::vector<std::uint32_t> ids;        ///< [windows * (length - 1), top_k]
  std::vector<float> log_probabilities;  ///< the same shape
  std::vector<double> nll;               ///< a window, nats a token
};

/// The teacher of a run, computed once and mapped, so that all processes of a node share one copy:
///   /ids uint32 [positions, top_k], /log_probabilities float32 [positions, top_k], contiguous; /nll float64 [windows]
/// Immutable, any number of threads.
class Teacher {
 public:
  /// Throws InputError when the file is not the teacher of this plan.
  Teacher(const std::filesystem::path& file, const TeacherPlan& plan);

  const TeacherPlan& plan() const { return plan_; }
  /// Rows of `count` windows from `window` on, counted over both sets.
  kernels::MatrixView<const std::uint32_t> ids(std::int64_t window, std::int64_t count) const;
  kernels::MatrixView<const float> log_probabilities(std::int64_t window, std::int64_t count) const;
  /// Of each held-out window, nats a token.
  std::vector<double> holdout_nll() const;

 private:
  TeacherPlan plan_;
  MappedFile mapped_;
  const std::uint32_t* ids_ = nullptr;
  const float* log_probabilities_ = nullptr;
  std::vector<double> nll_;
};

/// Writes a teacher part by part, in any order; the file appears under its name with commit().
class TeacherWriter {
 public:
  TeacherWriter(const std::filesystem::path& file, const TeacherPlan& plan);
  /// The part of the windows from `window` on, counted over both sets.
  void add(std::int64_t window, const TeacherPart& part);
  void commit();

 private:
  TeacherPlan plan_;
  H5File file_;
  std::vector<double> nll_;
  std::int64_t windows_added_ = 0;
};

}  // namespace pare::framework
