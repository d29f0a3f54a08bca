// SPDX-License-Identifier: Apache-2.0
#include "tests/search/algorithm/synthetic_problem.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

#include "search/space/random.hpp"

namespace pare::test {

using search::DecisionRandom;
using search::Recipe;
using search::SearchSite;
using search::SearchSpace;

search::SearchProblem SyntheticProblem::problem(std::uint64_t seed, std::int64_t token_limit) const {
  return {&space, budget_bytes, windows, window_length, seed, token_limit};
}

double SyntheticProblem::mean_kl(const Recipe& recipe, std::int64_t begin, std::int64_t count) const {
  double sum = 0;
  for (std::int64_t w = begin; w < begin + count; ++w) sum += kl(recipe, w);
  return sum / static_cast<double>(count);
}

std::vector<search::EvaluationRequest> Outcome::requests() const {
  std::vector<search::EvaluationRequest> all;
  for (const auto& batch : batches) all.insert(all.end(), batch.begin(), batch.end());
  return all;
}

std::vector<std::tuple<Recipe, std::int64_t, std::int64_t>> Outcome::asked() const {
  std::vector<std::tuple<Recipe, std::int64_t, std::int64_t>> all;
  for (const search::EvaluationRequest& request : requests()) {
    all.emplace_back(request.recipe, request.begin, request.count);
  }
  return all;
}

bool is_valid(const SearchSpace& space, const Recipe& recipe) {
  bool valid = recipe.size() == space.sites.size();
  for (std::size_t s = 0; valid && s < recipe.size(); ++s) valid = recipe[s] < space.sites[s].options.size();
  return valid;
}

std::int64_t tokens_for(const SyntheticProblem& problem, std::int64_t recipes) {
  return recipes * problem.windows * problem.window_length;
}

Outcome drive(search::SearchAlgorithm& algorithm, const SyntheticProblem& problem) {
  Outcome outcome;
  for (;;) {
    std::vector<search::EvaluationRequest> batch = algorithm.ask();
    if (batch.empty()) break;
    std::vector<search::Trial> trials;
    for (const search::EvaluationRequest& request : batch) {
      search::Trial trial{static_cast<std::int64_t>(trials.size()), request, {}, {}};
      for (std::int64_t w = request.begin; w < request.begin + request.count; ++w) {
        trial.kl.push_back(problem.kl(request.recipe, w));
        trial.nll.push_back(2 + trial.kl.back());
        if (problem.wrong) trial.wrong.push_back(problem.wrong(request.recipe, w));
      }
      outcome.tokens += request.count * problem.window_length;
      trials.push_back(std::move(trial));
    }
    algorithm.tell(trials);
    outcome.batches.push_back(std::move(batch));
  }
  outcome.finalists = algorithm.finalists();
  return outcome;
}

Outcome drive(const std::string& algorithm, const SyntheticProblem& problem, std::uint64_t seed,
              std::int64_t token_limit) {
  const auto made = search::make_algorithm(algorithm, problem.problem(seed, token_limit));
  return drive(*made, problem);
}

double keyed_uniform(std::uint64_t a, std::uint64_t b, std::uint64_t c) {
  return DecisionRandom(a * 0x9E3779B97F4A7C15ULL + c, b).uniform();
}

double keyed_normal(std::uint64_t a, std::uint64_t b, std::uint64_t c) {
  return DecisionRandom(a * 0x9E3779B97F4A7C15ULL + c, b).normal();
}

std::uint64_t hash_of(const Recipe& recipe) {
  std::uint64_t hash = 1469598103934665603ULL;
  for (const std::uint8_t option : recipe) hash = (hash ^ option) * 1099511628211ULL;
  return hash;
}

namespace {

std::int64_t packed_bytes(std::int64_t weights, int bits) {
  return weights * bits / 8 + weights / 32 * 2;
}

void add_options(SearchSite& site, const std::vector<int>& bits, double error_at_two_bits) {
  for (const int b : bits) {
    site.options.push_back(
        {"w" + std::to_string(b) + "-g32", packed_bytes(site.weights, b), error_at_two_bits * std::pow(4.0, 2 - b)});
  }
}

}  // namespace

SearchSpace small_space(std::size_t sites, const std::vector<int>& bits, std::uint64_t seed) {
  SearchSpace space;
  for (std::size_t s = 0; s < sites; ++s) {
    SearchSite site;
    site.name = "site." + std::to_string(s);
    site.kind = s % 2 == 0 ? "q_proj" : "up_proj";
    site.layer = static_cast<int>(s / 2);
    site.stage = static_cast<int>(s);
    site.weights = 1024 * (1 + static_cast<std::int64_t>(4 * keyed_uniform(seed, s, 7)));
    site.original_bytes = 2 * site.weights;
    add_options(site, bits, 0.2 + 0.1 * keyed_uniform(seed, s, 8));
    space.sites.push_back(std::move(site));
  }
  return space;
}

SyntheticProblem additive_problem(std::size_t sites, std::int64_t windows, std::uint64_t seed, double noise) {
  SyntheticProblem problem;
  problem.space = small_space(sites, {2, 3, 4, 8}, seed);
  problem.budget_bytes = problem.space.bytes(*problem.space.uniform("w3-g32"));
  problem.windows = windows;
  auto scores = std::make_shared<std::vector<std::vector<double>>>();
  for (std::size_t s = 0; s < sites; ++s) {
    std::vector<double> row;
    double score = 1 + 3 * keyed_uniform(seed, s, 1);
    for (std::size_t o = 0; o < problem.space.sites[s].options.size(); ++o) {
      row.push_back(score);
      score *= 0.1 + 0.7 * keyed_uniform(seed, 100 * s + o, 2);
    }
    scores->push_back(row);
  }
  problem.kl = [scores, noise](const Recipe& recipe, std::int64_t window) {
    double sum = 0;
    for (std::size_t s = 0; s < recipe.size(); ++s) sum += (*scores)[s][recipe[s]];
    return sum + noise * keyed_normal(hash_of(recipe), static_cast<std::uint64_t>(window));
  };
  return problem;
}

SyntheticProblem interacting_problem(std::size_t sites, std::int64_t windows, std::uint64_t seed) {
  SyntheticProblem problem = additive_problem(sites, windows, seed);
  auto space = std::make_shared<SearchSpace>(problem.space);
  problem.kl = [space, seed, additive = problem.kl](const Recipe& recipe, std::int64_t window) {
    double sum = 0.3 * additive(recipe, window);
    for (std::size_t s = 0; s < recipe.size(); ++s) {
      for (std::size_t t = s + 1; t < recipe.size(); ++t) {
        const double together =
            space->sites[s].options[recipe[s]].local_error * space->sites[t].options[recipe[t]].local_error;
        sum += 10 * (2 * keyed_uniform(seed, 1000 * s + t, 3) - 0.5) * std::sqrt(together) / 2;
      }
    }
    return sum * (1 + 0.2 * keyed_normal(seed, static_cast<std::uint64_t>(window), 4) / 3);
  };
  return problem;
}

SyntheticProblem jealous_pairs_problem(std::size_t pairs) {
  SyntheticProblem problem;
  problem.space = small_space(2 * pairs, {2, 4});
  for (SearchSite& site : problem.space.sites) {
    site.weights = 1024;
    site.options.clear();
    add_options(site, {2, 4}, 0.25);
  }
  Recipe half(2 * pairs, 1);
  std::fill_n(half.begin(), pairs, std::uint8_t{0});
  problem.budget_bytes = problem.space.bytes(half);
  problem.windows = 8;
  problem.kl = [pairs](const Recipe& recipe, std::int64_t) {
    double sum = 0;
    for (std::size_t p = 0; p < pairs; ++p) {
      const int low = 2 - recipe[2 * p] - recipe[2 * p + 1];
      sum += low * (2 * p < pairs ? 0.1 : 0.2) + (low == 2 ? 5 : 0);
    }
    return sum;
  };
  return problem;
}

SyntheticProblem transformer_like_problem(std::uint64_t seed, const std::string& budget_option) {
  constexpr int layers = 5;
  struct Shape {
    const char* kind;
    std::int64_t weights;
  };
  const std::vector<Shape> shapes{{"q_proj", 64 * 64},    {"k_proj", 32 * 64},     {"v_proj", 32 * 64},
                                  {"o_proj", 64 * 64},    {"gate_proj", 172 * 64}, {"up_proj", 172 * 64},
                                  {"down_proj", 64 * 172}};
  SyntheticProblem problem;
  std::vector<double> sensitivity;
  for (int layer = 0; layer < layers; ++layer) {
    for (const Shape& shape : shapes) {
      const std::size_t s = problem.space.sites.size();
      SearchSite site;
      site.name = "model.layers." + std::to_string(layer) + "." + shape.kind;
      site.kind = shape.kind;
      site.layer = layer;
      site.stage = 2 * layer + (shape.weights > 64 * 64 ? 1 : 0);
      site.weights = shape.weights;
      site.original_bytes = 4 * shape.weights;
      add_options(site, {2, 3, 4, 5, 6, 8}, 0.25 * std::exp(0.15 * keyed_normal(seed, s, 1)));
      problem.space.sites.push_back(std::move(site));
      sensitivity.push_back(std::exp(0.85 * keyed_normal(seed, s, 2)));  // +- 2 deviations: 30 times
    }
  }
  const std::size_t sites = problem.space.sites.size();
  double sum = 0;
  for (std::size_t s = 0; s < sites; ++s) {
    sum += sensitivity[s] * problem.space.sites[s].options[*problem.space.find_option(s, "w3-g32")].local_error;
  }
  for (double& a : sensitivity) a *= 0.22 / sum;

  problem.windows = 64;
  problem.budget_bytes = problem.space.bytes(*problem.space.uniform(budget_option));
  auto space = std::make_shared<SearchSpace>(problem.space);
  problem.kl = [space, sensitivity, seed](const Recipe& recipe, std::int64_t window) {
    const auto w = static_cast<std::uint64_t>(window);
    double z = 0;
    double pairs = 0;
    double before = 0;
    for (std::size_t s = 0; s < recipe.size(); ++s) {
      const double spread = std::exp(0.4 * keyed_normal(seed, 1000 * s + w, 3) - 0.08);
      const double harm = sensitivity[s] * spread * space->sites[s].options[recipe[s]].local_error;
      z += harm;
      pairs += 1.5 * keyed_normal(seed, s, 4) * std::sqrt(before * harm);  // neighbours add up or cancel
      before = harm;
    }
    const double joint = std::max(z + 0.4 * pairs, 0.2 * z);
    const double difficulty = std::exp(0.25 * keyed_normal(seed, w, 5));
    return difficulty * 8 * (1 - std::exp(-(joint + 6 * joint * joint) / 8));
  };
  return problem;
}

SyntheticProblem exam_problem(std::uint64_t seed) {
  SyntheticProblem problem = transformer_like_problem(seed);
  problem.windows = 200;
  auto space = std::make_shared<SearchSpace>(problem.space);
  const std::size_t sites = space->sites.size();
  std::vector<double> sensitivity;
  double sum = 0;
  for (std::size_t s = 0; s < sites; ++s) {
    sensitivity.push_back(std::exp(0.85 * keyed_normal(seed, s, 2)));
    sum += sensitivity[s] * space->sites[s].options[*space->find_option(s, "w3-g32")].local_error;
  }
  for (double& a : sensitivity) a *= 0.5 / sum;
  const auto harm = [space, sensitivity](const Recipe& recipe, std::size_t s) {
    return sensitivity[s] * space->sites[s].options[recipe[s]].local_error;
  };
  problem.kl = [harm, sites, seed](const Recipe& recipe, std::int64_t item) {
    double kl = 0;
    for (std::size_t s = 0; s < sites; ++s) {
      const double spread = keyed_normal(seed, 1000 * s + static_cast<std::uint64_t>(item), 3);
      kl += std::exp(0.4 * spread - 0.08) * harm(recipe, s);
    }
    return kl;
  };
  problem.wrong = [harm, sites, seed](const Recipe& recipe, std::int64_t item) {
    const auto i = static_cast<std::uint64_t>(item);
    double margin = 1.2 + keyed_normal(seed, i, 12);
    for (std::size_t s = 0; s < sites; ++s) {
      margin += keyed_normal(seed, 1000000 * i + 1000 * s, 11) * std::sqrt(harm(recipe, s));
    }
    return margin < 0 ? 1.0 : 0.0;
  };
  return problem;
}

}  // namespace pare::test
