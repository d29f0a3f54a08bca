// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "search/objective/trial.hpp"

namespace pare::search {

/// What is measured on a window.
enum class Metric : std::uint8_t {
  kl = 0,          ///< mean KL(full model || candidate), nats a token
  perplexity = 1,  ///< mean negative log-likelihood of the text, nats a token
  accuracy = 2     ///< is the answer to a multiple-choice item wrong? KL decides between equals
};

/// How the domains of the text become one number.
enum class Combine : std::uint8_t {
  mean = 0,  ///< the mean over windows, which are dealt to the domains by their weights
  worst = 1  ///< the mean of the domain in which it is largest
};

struct Domain {
  std::string name;
  double weight = 1;  ///< its share of the windows, relative to the others

  bool operator==(const Domain&) const = default;
};

/// What a search minimizes.
struct Objective {
  Metric metric = Metric::kl;
  Combine combine = Combine::mean;
  std::vector<Domain> domains;         ///< empty: the text is one, without a name
  std::vector<std::uint16_t> search;   ///< domain of each search window; empty as `domains` is
  std::vector<std::uint16_t> holdout;  ///< likewise

  const std::vector<std::uint16_t>& windows(WindowSet set) const { return set == WindowSet::search ? search : holdout; }
  bool operator==(const Objective&) const = default;
};

/// What people read: "mean KL", "log perplexity of the worst domain", "share of wrong answers".
std::string loss_name(const Objective& objective);

/// As experiments, run files and JSON spell them.
std::vector<std::string> metric_names();
std::vector<std::string> combine_names();
std::string to_text(Metric metric);
std::string to_text(Combine combine);
/// EXPECTs one of the names.
Metric metric_of(const std::string& name);
Combine combine_of(const std::string& name);

}  // namespace pare::search
