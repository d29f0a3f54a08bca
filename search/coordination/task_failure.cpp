// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/task_failure.hpp"

#include <new>

#include "framework/evaluation/candidate_evaluator.hpp"
#include "kernels/core/error.hpp"

namespace pare::search {
namespace {

FailureKind kind_of(const std::exception& error) {
  if (dynamic_cast<const InputError*>(&error) != nullptr) return FailureKind::input;
  if (dynamic_cast<const framework::LossNotFinite*>(&error) != nullptr) return FailureKind::evaluation;
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return FailureKind::memory;
  if (dynamic_cast<const DeviceMemoryError*>(&error) != nullptr) return FailureKind::memory;
  const auto* device = dynamic_cast<const DeviceError*>(&error);
  return device != nullptr && device->sticky() ? FailureKind::device : FailureKind::fault;
}

}  // namespace

Failed explain_failure(const std::exception& error) {
  return {kind_of(error), error.what()};
}

}  // namespace pare::search
