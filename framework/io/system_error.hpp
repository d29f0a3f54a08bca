// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <system_error>

namespace pare::framework {

/// The text of an errno value, such as "No such file or directory". Safe in threads, unlike strerror.
inline std::string system_reason(int error_number) {
  return std::generic_category().message(error_number);
}

}  // namespace pare::framework
