// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "framework/config/config_view.hpp"
#include "kernels/core/error.hpp"

namespace pare::search {

/// Calls `check`, whose InputError knows nothing of the document, and puts the place in front of its text.
template <class Check>
auto at_place(const framework::ConfigView& view, const Check& check) {
  try {
    return check();
  } catch (const InputError& error) {
    view.fail(error.what());
  }
}

}  // namespace pare::search
