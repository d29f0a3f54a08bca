// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/teacher.hpp"

#include <algorithm>

#include "framework/io/hash.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {

TeacherPlan make_teacher_plan(const Model& model, const WindowSets& text, std::int64_t top_k,
                              kernels::Precision precision, const ComputeDevice& device) {
  TeacherPlan plan;
  plan.search_windows = text.search.count();
  plan.holdout_windows = text.holdout.count();
  plan.length = text.search.length;
  plan.top_k = std::min(top_k, model.config().vocabulary);
  Hasher hasher;
  hasher.update("teacher format 1\n" + model.hash() + "\n" + hash_of(WindowSets{text.search, text.holdout}) + "\n" +
                std::to_string(plan.top_k) + " " + std::to_string(static_cast<int>(precision)) + " " +
                arithmetic_id(device));
  plan.key = hasher.hex();
  return plan;
}

Teacher::Teacher(const std::filesystem::path& path, const TeacherPlan& plan) : plan_(plan), mapped_(path) {
  const H5File file = H5File::open(path);
  VALIDATE(file.string_attribute("/", "key") == plan.key, path.string(),
           ": is the teacher of another model or text, remove it to have it computed again");
  for (const char* name : {"/ids", "/log_probabilities"}) {
    VALIDATE(file.shape(name) == (std::vector<std::int64_t>{plan.positions(), plan.top_k}), path.string(), ": ", name,
             " must be [", plan.positions(), ", ", plan.top_k, "]");
  }
  const std::byte* bytes = mapped_.bytes().data();
  ids_ = reinterpret_cast<const std::uint32_t*>(bytes + file.dataset_offset<std::uint32_t>("/ids"));
  log_probabilities_ = reinterpret_cast<const float*>(bytes + file.dataset_offset<float>("/log_probabilities"));
  nll_ = file.read<double>("/nll");
  VALIDATE(static_cast<std::int64_t>(nll_.size()) == plan.windows(), path.string(), ": /nll holds ", nll_.size(),
           " windows, expected ", plan.windows());
}

kernels::MatrixView<const std::uint32_t> Teacher::ids(std::int64_t window, std::int64_t count) const {
  const std::int64_t scored = plan_.length - 1;
  return {ids_ + window * scored * plan_.top_k, count * scored, plan_.top_k};
}

kernels::MatrixView<const float> Teacher::log_probabilities(std::int64_t window, std::int64_t count) const {
  const std::int64_t scored = plan_.length - 1;
  return {log_probabilities_ + window * scored * plan_.top_k, count * scored, plan_.top_k};
}

std::vector<double> Teacher::holdout_nll() const {
  return {nll_.begin() + plan_.search_windows, nll_.end()};
}

TeacherWriter::TeacherWriter(const std::filesystem::path& path, const TeacherPlan& plan)
    : plan_(plan), file_(H5File::create(path)), nll_(static_cast<std::size_t>(plan.windows())) {
  file_.create_dataset<std::uint32_t>("/ids", {plan.positions(), plan.top_k});
  file_.create_dataset<float>("/log_probabilities", {plan.positions(), plan.top_k});
}

void TeacherWriter::add(std::int64_t window, const TeacherPart& part) {
  const auto windows = static_cast<std::int64_t>(part.nll.size());
  const std::int64_t first_row = window * (plan_.length - 1);
  EXPECT(static_cast<std::int64_t>(part.ids.size()) == windows * (plan_.length - 1) * plan_.top_k);
  file_.write_rows("/ids", first_row, std::span<const std::uint32_t>(part.ids));
  file_.write_rows("/log_probabilities", first_row, std::span<const float>(part.log_probabilities));
  std::copy(part.nll.begin(), part.nll.end(), nll_.begin() + window);
  windows_added_ += windows;
}

void TeacherWriter::commit() {
  EXPECT(windows_added_ == plan_.windows());
  file_.write("/nll", nll_);
  file_.set_attribute("/", "content", "teacher");
  file_.set_attribute("/", "key", plan_.key);
  file_.commit();
}

}  // namespace pare::framework
