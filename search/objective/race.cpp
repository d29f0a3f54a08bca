// SPDX-License-Identifier: Apache-2.0
#include "search/objective/race.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "kernels/core/contract.hpp"

namespace pare::search {
namespace {

std::vector<std::int64_t> looks_of(const std::vector<std::int64_t>& rungs) {
  std::vector<std::int64_t> looks{rungs.front()};
  for (const std::int64_t rung : rungs) {
    EXPECT(rung >= looks.back() && rung > 0, "a rung of ", rung, " windows after ", looks.back());
    while (2 * looks.back() < rung) looks.push_back(2 * looks.back());
    if (looks.back() < rung) looks.push_back(rung);
  }
  return looks;
}

}  // namespace

Race::Race(std::vector<Recipe> entrants, RaceSettings settings)
    : settings_(std::move(settings)), racing_(std::move(entrants)) {
  EXPECT(!racing_.empty() && !settings_.rungs.empty(), racing_.size(), " entrants, ", settings_.rungs.size(), " rungs");
  EXPECT(std::set<Recipe>(racing_.begin(), racing_.end()).size() == racing_.size(), "an entrant twice");
  EXPECT(settings_.confidence > 0 && settings_.confidence < 1, "confidence ", settings_.confidence);
  looks_ = looks_of(settings_.rungs);
  const auto rivals = static_cast<double>(std::max<std::size_t>(racing_.size(), 2) - 1);
  level_ = (1 - settings_.confidence) / (static_cast<double>(looks_.size()) * rivals);
  defender_ = leader_ = racing_.front();
  done_ = racing_.size() < 2;
  counts_.races = 1;
  counts_.entrants = static_cast<std::int64_t>(racing_.size());
  for (const std::int64_t rung : settings_.rungs) counts_.rungs.push_back({rung, 0});
}

void Race::look(const Archive& archive) {
  EXPECT(!done_, "a look after the end of a race");
  account();
  seen_ = windows();
  const std::size_t before = racing_.size();
  std::erase_if(racing_, [&](const Recipe& each) { return archive.failed(each); });
  counts_.windows_saved += static_cast<std::int64_t>(before - racing_.size()) * (looks_.back() - seen_);
  if (!racing_.empty()) {
    leader_ = *std::min_element(racing_.begin(), racing_.end(), [&](const Recipe& a, const Recipe& b) {
      return archive.mean(a, 0, seen_).mean < archive.mean(b, 0, seen_).mean;
    });
    eliminate(archive);
    if (std::find(settings_.rungs.begin(), settings_.rungs.end(), seen_) != settings_.rungs.end()) cut(archive);
  }
  const bool accepted = leader_ != defender_ && archive.knows(defender_, 0, seen_) && !archive.failed(defender_) &&
                        archive.compare(leader_, defender_, 0, seen_).confidence >= settings_.accept;
  ++look_;
  done_ = racing_.size() < 2 || accepted || look_ == looks_.size();
  if (done_) counts_.windows_saved += static_cast<std::int64_t>(racing_.size()) * (looks_.back() - seen_);
}

void Race::account() {
  const auto rung = std::find_if(counts_.rungs.begin(), counts_.rungs.end(),
                                 [&](const RaceCounts::Rung& each) { return each.windows >= windows(); });
  rung->spent += static_cast<std::int64_t>(racing_.size()) * (windows() - seen_);
}

void Race::leave(std::size_t index) {
  counts_.windows_saved += looks_.back() - seen_;
  racing_.erase(racing_.begin() + static_cast<std::ptrdiff_t>(index));
}

void Race::eliminate(const Archive& archive) {
  for (std::size_t i = racing_.size(); i-- > 0;) {
    if (racing_[i] == leader_) continue;
    if (archive.compare(leader_, racing_[i], 0, seen_).confidence < 1 - level_) continue;
    ++counts_.eliminated;
    leave(i);
  }
}

void Race::cut(const Archive& archive) {
  std::vector<std::pair<double, std::size_t>> ranked;
  for (std::size_t i = 0; i < racing_.size(); ++i) {
    if (racing_[i] != defender_) ranked.emplace_back(archive.mean(racing_[i], 0, seen_).mean, i);
  }
  std::sort(ranked.begin(), ranked.end());
  const auto go_on = static_cast<std::size_t>(std::ceil(settings_.share * static_cast<double>(ranked.size())));
  std::vector<std::size_t> leaving;
  for (std::size_t k = go_on; k < ranked.size(); ++k) leaving.push_back(ranked[k].second);
  std::sort(leaving.rbegin(), leaving.rend());
  for (const std::size_t i : leaving) {
    ++counts_.cut;
    leave(i);
  }
}

std::vector<std::int64_t> default_rungs(std::int64_t windows) {
  std::set<std::int64_t> rungs;
  for (const std::int64_t divisor : {8, 2, 1}) rungs.insert(std::max<std::int64_t>(1, windows / divisor));
  return {rungs.begin(), rungs.end()};
}

std::vector<std::int64_t> rungs_within(const std::vector<std::int64_t>& rungs, std::size_t challengers,
                                       std::int64_t most, std::int64_t least) {
  std::vector<std::int64_t> within;
  std::int64_t reached = 0;
  for (const std::int64_t rung : rungs) {
    const auto racing = static_cast<std::int64_t>(challengers) + 1;
    const std::int64_t end = std::min(rung, std::max(least, reached + most / racing));
    if (end > reached) within.push_back(end);
    if (end < rung) break;
    most = std::max<std::int64_t>(0, most - racing * (rung - reached));
    reached = rung;
    challengers = (challengers + 1) / 2;
  }
  return within;
}

std::vector<std::int64_t> rungs_of_tokens(const std::vector<std::int64_t>& tokens, std::int64_t window_length,
                                          std::int64_t windows) {
  std::set<std::int64_t> rungs{windows};
  for (const std::int64_t each : tokens) {
    rungs.insert(std::clamp<std::int64_t>((each + window_length - 1) / window_length, 1, windows));
  }
  return {rungs.begin(), rungs.end()};
}

}  // namespace pare::search
