// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/option_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace pare::test {
namespace {

TEST(OptionTable, StandsInTheManual) {
  std::ifstream file(PARE_SOURCE_DIR "/configs/README.md");
  std::stringstream manual;
  manual << file.rdbuf();

  EXPECT_THAT(manual.str(), testing::HasSubstr(framework::option_table()))
      << "replace the table in configs/README.md by what `pare options` prints";
}

}  // namespace
}  // namespace pare::test
