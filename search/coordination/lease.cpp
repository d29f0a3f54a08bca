// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/lease.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace pare::search {
namespace {

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

bool all_finite(const std::vector<double>& values) {
  return std::ranges::all_of(values, [](double value) { return std::isfinite(value); });
}

struct Expected {
  const Outcome& outcome;

  template <class Wanted>
  bool is() const {
    return std::holds_alternative<Wanted>(outcome);
  }
  bool operator()(const GenerateText&) const { return is<GeneratedText>(); }
  bool operator()(const UseText&) const { return is<Ready>(); }
  bool operator()(const CalibrateStage&) const { return is<StageCalibrated>(); }
  bool operator()(const UseCalibration&) const { return is<Ready>(); }
  bool operator()(const BuildSite&) const { return is<SiteBuilt>(); }
  bool operator()(const UseBank&) const { return is<Ready>(); }
  bool operator()(const Teach&) const { return is<Taught>(); }
  bool operator()(const UseTeacher&) const { return is<Ready>(); }
  bool operator()(const Stop&) const { return false; }
  bool operator()(const Echo&) const { return false; }
  bool operator()(const Evaluate& task) const {
    const auto* result = std::get_if<Evaluated>(&outcome);
    if (result == nullptr) return false;
    const std::size_t values = task.recipes.size() * static_cast<std::size_t>(task.count);
    return result->kl.size() == values && result->nll.size() == values &&
           (result->wrong.empty() || result->wrong.size() == values) && all_finite(result->kl) &&
           all_finite(result->nll) && all_finite(result->wrong) && result->stage_runs >= 0 &&
           result->stage_runs_separate >= 0;
  }
};

}  // namespace

bool same_answer(const Evaluated& a, const Evaluated& b) {
  return same_bits(a.kl, b.kl) && same_bits(a.nll, b.nll) && same_bits(a.wrong, b.wrong);
}

bool answers(const Task& task, const Outcome& outcome) {
  return std::visit(Expected{outcome}, task);
}

}  // namespace pare::search
