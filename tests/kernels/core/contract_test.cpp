// SPDX-License-Identifier: Apache-2.0
#include "kernels/core/contract.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pare::test {
namespace {

TEST(Contract, ValidateSpeaksToTheUser) {
  EXPECT_NO_THROW(VALIDATE(1 + 1 == 2, "arithmetic"));
  EXPECT_THAT([] { VALIDATE(false, "bits: 9 (too many), use 2 to ", 8); },
              testing::ThrowsMessage<InputError>("bits: 9 (too many), use 2 to 8"));
}

#ifndef NDEBUG
TEST(Contract, ExpectNamesTheConditionAndThePlace) {
  EXPECT_THAT([] { EXPECT(2 < 1, "two is ", 2); },
              testing::ThrowsMessage<InternalError>(testing::AllOf(
                  testing::HasSubstr("contract_test.cpp"), testing::HasSubstr("EXPECT failed: 2 < 1: two is 2"))));
  EXPECT_THAT([] { ENSURE(false, "a result"); }, testing::ThrowsMessage<InternalError>(testing::HasSubstr("ENSURE")));
}
#endif

}  // namespace
}  // namespace pare::test
