// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/compute_device.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/provenance/provenance.hpp"
#include "kernels/core/device.hpp"
#include "kernels/core/error.hpp"
#include "tests/framework/model/random_model.hpp"

namespace pare::test {
namespace {

using namespace pare::framework;
using testing::HasSubstr;

TEST(ComputeDevice, SaysWhyThereIsNoGpu) {
  if (kernels::device_count() > 0) GTEST_SKIP() << "there is one";

  EXPECT_THAT([] { gpu_of_rank({.rank = 3, .size = 4}); },
              testing::ThrowsMessage<InputError>(testing::StrEq(kernels::why_no_device())));
}

TEST(ComputeDevice, DealsGpusOutInTurn) {
  const int count = kernels::device_count();
  if (count == 0) GTEST_SKIP() << kernels::why_no_device();

  const ComputeDevice alone = gpu_of_rank({.rank = 0, .size = 1});
  const ComputeDevice shared = gpu_of_rank({.rank = count, .size = count + 1});

  EXPECT_EQ(shared.gpu, 0);
  EXPECT_EQ(shared.address, alone.address);
  EXPECT_EQ(shared.memory_bytes, alone.memory_bytes / 2);
}

TEST(ComputeDevice, KeepsTheArithmeticOfCpusAsItWas) {
  EXPECT_EQ(arithmetic_id({}), isa_id());
  EXPECT_EQ(build_and_device_id({}), build_id());
  EXPECT_EQ(arithmetic_id({.gpu = 0, .name = "NVIDIA H100 80GB HBM3", .address = "", .memory_bytes = 0}),
            isa_id() + "|NVIDIA H100 80GB HBM3");
}

TEST(ComputeDevice, RefusesModelsThatHaveNoKernels) {
  const RandomModel files;

  EXPECT_EQ(refusal_of_gpu(Model(files.write())), std::nullopt);
}

}  // namespace
}  // namespace pare::test
