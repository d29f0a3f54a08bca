// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "framework/io/hash.hpp"
#include "search/objective/trial.hpp"

namespace pare::search {

/// One hash over all committed trials in their order: ids, requests, and the bits of every kl and nll. Two
/// runs with the same digest made the same search, whatever the number of workers and however often they were
/// killed; promised per build and instruction set.
class TrialDigest {
 public:
  void add(const Trial& trial);

  /// 32 hexadecimal digits over what was added so far.
  std::string hex() const { return hasher_.hex(); }

 private:
  framework::Hasher hasher_;
};

}  // namespace pare::search
