// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace pare::framework {

/// All families of options as a table in Markdown, with the bits a weight takes in a 4096 x 4096 layer. It stands in
/// configs/README.md; `pare options` prints it.
std::string option_table();

}  // namespace pare::framework
