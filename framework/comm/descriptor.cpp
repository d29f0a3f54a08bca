// SPDX-License-Identifier: Apache-2.0
#include "framework/comm/descriptor.hpp"

#include <unistd.h>

namespace pare::framework {

void Descriptor::close() {
  if (number_ >= 0) ::close(number_);
  number_ = -1;
}

}  // namespace pare::framework
