// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "search/coordination/lease.hpp"
#include "search/coordination/lease_pool.hpp"

namespace pare::search {

/// What a call of the scheduler works off: where leases come from and where their outcomes go.
class WorkSource {
 public:
  virtual ~WorkSource() = default;

  /// The next lease for a worker, nothing when there is none for it. `cost`: wanted, in units of the source.
  virtual LeasePointer next(std::size_t worker, double cost) = 0;
  /// Nothing is left to hand out.
  virtual bool empty() const = 0;
  /// Cost of what is left to hand out.
  virtual double cost() const = 0;
  virtual void deliver(const Lease& lease, Outcome& outcome) = 0;
  /// The parts of a failed lease, so that what is at fault can be told from the rest. Empty: it has no parts.
  virtual std::vector<LeasePointer> split(const Lease& lease) = 0;
  /// Every try failed. Throws where that ends the call.
  virtual void give_up(const Lease& lease, const std::string& why) = 0;
  /// Is the lease still wanted?
  virtual bool wants(const Lease& lease) const = 0;
  /// A worker gets nothing more. Is something left undone that only it could do?
  virtual bool worker_is_out(std::size_t worker) = 0;
};

/// A list of tasks, each an outcome under its position. With `workers`, task i is for workers[i] alone; `dispensable`:
/// and for nobody when that worker is out.
class TaskList final : public WorkSource {
 public:
  using OnOutcome = std::function<void(std::size_t index, Outcome& outcome)>;

  TaskList(std::span<const Task> tasks, const std::vector<std::size_t>* workers, const OnOutcome& on_outcome,
           bool dispensable = false);

  LeasePointer next(std::size_t worker, double cost) override;
  bool empty() const override { return left_ == 0; }
  double cost() const override { return static_cast<double>(left_); }
  void deliver(const Lease& lease, Outcome& outcome) override { on_outcome_(lease.index, outcome); }
  std::vector<LeasePointer> split(const Lease&) override { return {}; }
  void give_up(const Lease& lease, const std::string& why) override;
  bool wants(const Lease&) const override { return true; }
  bool worker_is_out(std::size_t worker) override;

 private:
  LeasePointer make_lease(std::size_t index) const;

  std::span<const Task> tasks_;
  std::map<std::size_t, std::size_t> own_;  ///< worker -> its task, not handed out yet
  bool pinned_;
  bool dispensable_;
  std::size_t left_;
  std::size_t next_ = 0;
  const OnOutcome& on_outcome_;
};

/// Evaluations cut into leases as workers ask for them. A recipe that no worker can evaluate is poisoned, and the
/// others go on.
class EvaluationWork final : public WorkSource {
 public:
  using OnEvaluated = std::function<void(const Evaluate& lease, const Evaluated& result)>;
  using OnPoisoned = std::function<void(const Recipe& recipe, const std::string& why)>;

  EvaluationWork(const SearchSpace& space, const LeaseSettings& settings, std::vector<Evaluate> work,
                 const OnEvaluated& on_evaluated, const OnPoisoned& on_poisoned);

  LeasePointer next(std::size_t worker, double cost) override;
  bool empty() const override { return pool_.empty(); }
  double cost() const override { return pool_.cost(); }
  void deliver(const Lease& lease, Outcome& outcome) override;
  std::vector<LeasePointer> split(const Lease& lease) override;
  void give_up(const Lease& lease, const std::string& why) override;
  bool wants(const Lease& lease) const override;
  bool worker_is_out(std::size_t) override { return false; }

 private:
  LeasePointer make_lease(Evaluate task) const;

  const SearchSpace& space_;
  LeaseSettings settings_;
  LeasePool pool_;
  std::set<Recipe> poisoned_;
  const OnEvaluated& on_evaluated_;
  const OnPoisoned& on_poisoned_;
};

}  // namespace pare::search
