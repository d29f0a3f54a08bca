// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <coroutine>
#include <exception>
#include <utility>
#include <vector>

#include "search/objective/trial.hpp"

namespace pare::search {

/// A search written as a plain procedure that stops wherever it needs measurements, instead of a state
/// machine.
///
///     Procedure climb() {
///       std::vector<EvaluationRequest> batch = ...;
///       co_yield std::move(batch);        // ask() returns this; goes on after tell()
///       co_await climb_higher();          // a part of it, run to its end, may ask in turn
///     }
///
/// Nothing runs before the first next(). Arguments passed by reference must outlive the procedure, so parts
/// are awaited where they are called. An exception leaves through the awaiting procedures and, at last,
/// through next(). One thread.
class Procedure {
 public:
  struct promise_type;
  using Handle = std::coroutine_handle<promise_type>;
  using Batch = std::vector<EvaluationRequest>;

  Procedure() = default;
  explicit Procedure(Handle handle) : handle_(handle) {}
  Procedure(Procedure&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Procedure& operator=(Procedure&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Procedure() {
    if (handle_) handle_.destroy();
  }

  /// Runs to the next co_yield and returns what it gave; an empty batch at the end.
  Batch next();
  bool done() const { return !handle_ || handle_.done(); }

  struct Awaiter;
  Awaiter operator co_await() const;

 private:
  Handle handle_;
};

struct Procedure::promise_type {
  Handle caller;  ///< null at the root
  promise_type* root = this;
  Handle innermost;  ///< at the root: where to go on
  Batch batch;       ///< at the root: what was asked
  std::exception_ptr error;

  struct Return {
    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(Handle finished) const noexcept {
      const promise_type& promise = finished.promise();
      if (!promise.caller) return std::noop_coroutine();
      promise.root->innermost = promise.caller;
      return promise.caller;
    }
    void await_resume() const noexcept {}
  };

  Procedure get_return_object() {
    innermost = Handle::from_promise(*this);
    return Procedure(innermost);
  }
  std::suspend_always initial_suspend() const noexcept { return {}; }
  Return final_suspend() const noexcept { return {}; }
  std::suspend_always yield_value(Batch asked) {
    root->batch = std::move(asked);
    return {};
  }
  void return_void() const noexcept {}
  void unhandled_exception() { error = std::current_exception(); }
};

struct Procedure::Awaiter {
  Handle callee;
  bool await_ready() const noexcept { return !callee || callee.done(); }
  std::coroutine_handle<> await_suspend(Handle caller) const noexcept {
    callee.promise().caller = caller;
    callee.promise().root = caller.promise().root;
    callee.promise().root->innermost = callee;
    return callee;
  }
  void await_resume() const {
    if (callee && callee.promise().error) std::rethrow_exception(callee.promise().error);
  }
};

inline Procedure::Awaiter Procedure::operator co_await() const {
  return {handle_};
}

inline Procedure::Batch Procedure::next() {
  if (done()) return {};
  promise_type& root = handle_.promise();
  root.batch.clear();
  root.innermost.resume();
  if (root.error) std::rethrow_exception(std::exchange(root.error, nullptr));
  return std::move(root.batch);
}

}  // namespace pare::search
