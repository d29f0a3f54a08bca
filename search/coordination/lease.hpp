// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "search/coordination/protocol.hpp"

namespace pare::search {

/// A task on its way to an outcome. It may be with several workers at once (a late one and its substitute), and with
/// one after the other (after a failure or a loss).
struct Lease {
  Task task;
  std::size_t index = 0;                ///< position in the list that it came from
  double cost = 1;                      ///< expected, in units of its kind of task
  std::optional<std::size_t> only_for;  ///< the worker that has to do it
  bool dispensable = false;             ///< need not be done when that worker is out
  std::uint64_t family = 0;             ///< leases cut from one that failed share it

  struct Failure {
    std::size_t worker;
    std::string text;
  };
  std::vector<Failure> failures;
  int losses = 0;        ///< workers that were lost while they were at it
  int under_way = 0;     ///< workers that have it
  bool waiting = false;  ///< to be handed out again
  bool closed = false;   ///< its outcome is there, or nobody wants it any more

  /// The outcome, kept for comparison while another worker may still answer.
  struct Answer {
    std::size_t worker;
    Evaluated values;
  };
  std::optional<Answer> answer;
  /// A third run: between which two answers it has to decide.
  struct Dispute {
    Answer used;
    Answer other;
  };
  std::optional<Dispute> dispute;
  bool golden = false;

  bool failed_on(std::size_t worker) const {
    for (const Failure& failure : failures)
      if (failure.worker == worker) return true;
    return false;
  }
};

using LeasePointer = std::shared_ptr<Lease>;

/// Bit for bit.
bool same_answer(const Evaluated& a, const Evaluated& b);

/// Is this outcome an answer to that task, with as many numbers as were asked for? What a worker sends is foreign.
bool answers(const Task& task, const Outcome& outcome);

}  // namespace pare::search
