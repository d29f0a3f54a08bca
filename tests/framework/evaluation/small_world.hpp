// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "framework/bank/layer_bank.hpp"
#include "framework/data/self_generated_text.hpp"
#include "framework/evaluation/evaluator.hpp"
#include "framework/evaluation/teacher.hpp"
#include "tests/framework/calibration/gather_statistics.hpp"
#include "tests/framework/test_models.hpp"
#include "tests/search/store/scratch_directory.hpp"

namespace pare::test {

inline std::vector<framework::Site> sites_with(const framework::Model& model, const std::vector<std::string>& names) {
  std::vector<framework::Option> options;
  for (const std::string& name : names) options.push_back(framework::parse_option(name));
  return framework::make_sites(model, {{"*", options}}, {});
}

/// Builds all of a plan's bank into a file.
inline std::filesystem::path write_bank(const std::filesystem::path& file, const framework::BankPlan& plan,
                                        const framework::CalibrationFile* calibration = nullptr) {
  framework::BankWriter writer(file, plan);
  for (std::size_t site = 0; site < plan.sites().size(); ++site)
    writer.add(site, framework::build_site(plan, site, calibration));
  writer.commit();
  return file;
}

/// All that an evaluator needs: a model, its bank under some options, five windows of 24 tokens of its own
/// text, and the teacher's answers to them (three search windows, two held out) over the whole vocabulary.
class SmallWorld {
 public:
  static constexpr std::int64_t length = 24;

  SmallWorld(const std::filesystem::path& directory, const std::vector<std::string>& options,
             kernels::Precision precision)
      : model(directory),
        sites(sites_with(model, options)),
        bank_plan(model, sites),
        text(make_text(precision)),
        bank(write_calibrated_bank(), bank_plan),
        teacher_plan(framework::make_teacher_plan(model, text, model.config().vocabulary, precision)),
        teacher(write_teacher(precision), teacher_plan) {}

  framework::Evaluator evaluator(kernels::Precision precision, std::int64_t cache_bytes = 1 << 24,
                                 std::int64_t state_bytes = 1 << 26) const {
    return {
        model, sites, &bank, length, {.precision = precision, .cache_bytes = cache_bytes, .state_bytes = state_bytes}};
  }

 private:
  ScratchDirectory scratch_;

 public:
  framework::Model model;
  std::vector<framework::Site> sites;
  framework::BankPlan bank_plan;
  framework::WindowSets text;
  framework::LayerBank bank;
  framework::TeacherPlan teacher_plan;
  framework::Teacher teacher;

 private:
  framework::WindowSets make_text(kernels::Precision precision) const {
    const framework::FullWeights weights(model, precision);
    const kernels::LanguageHead head = framework::load_head(model, precision);
    framework::TextGenerator generator(model, weights, head, 1, length);
    return {generator.generate(0, 3), generator.generate(3, 2)};
  }

  std::filesystem::path write_calibrated_bank() const {
    if (!bank_plan.needs_calibration()) return write_bank(scratch_ / "bank.h5", bank_plan);
    const auto file =
        write_calibration(scratch_ / "calibration.h5", "world", model, gather_statistics(model, text.search, 1));
    const framework::CalibrationFile calibration(file, "world");
    return write_bank(scratch_ / "bank.h5", bank_plan, &calibration);
  }

  std::filesystem::path write_teacher(kernels::Precision precision) const {
    framework::TeacherWriter writer(scratch_ / "teacher.h5", teacher_plan);
    framework::Evaluator full(model, sites, nullptr, length, {.precision = precision});
    writer.add(0, full.teach(text.search, 0, 3, teacher_plan.top_k));
    writer.add(3, full.teach(text.holdout, 0, 2, teacher_plan.top_k));
    writer.commit();
    return scratch_ / "teacher.h5";
  }
};

/// What an evaluator with a part of the stages passes on of windows [0, count).
inline std::vector<float> passed_states(framework::CandidateEvaluator& evaluator,
                                        std::span<const framework::OptionIndices> candidates,
                                        const framework::TokenWindows& windows, std::int64_t count,
                                        std::span<const float> entering = {}) {
  std::vector<float> states;
  const auto room = [&](std::size_t values) {
    states.resize(values);
    return std::span<float>(states);
  };
  evaluator.pass(candidates, windows, 0, count, room, entering);
  return states;
}

}  // namespace pare::test
