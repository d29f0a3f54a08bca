// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "kernels/core/error.hpp"
#include "tests/kernels/cuda_test.hpp"
#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using namespace pare::kernels;
using testing::HasSubstr;

TEST(NoDevice, ThatIsNotThereIsNamed) {
  const int missing = device_count() + 3;

  try {
    const Stream stream(missing);
    FAIL() << "a stream of a GPU that is not there";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("GPU " + std::to_string(missing)));
  }
  EXPECT_THROW(describe_device(missing), InputError);
}

TEST(NoDevice, IsMissingForAReason) {
  if (device_count() > 0) GTEST_SKIP() << "there is a GPU";

  EXPECT_THAT(why_no_device(), HasSubstr(cuda_is_built() ? "CUDA sees no GPU" : "PARE_CUDA"));
}

using Device = CudaTest;

TEST_F(Device, KeepsStridedCopies) {
  const Matrix<float> whole = random_matrix(37, 53, 1);
  const MatrixView<const float> part = whole.view().cols_from(5, 29);

  const DeviceMatrix<float> there = on_device(part, stream());
  const Matrix<float> back = on_host(there, stream());

  EXPECT_TRUE(same_bits(part, back.view()));
}

TEST_F(Device, RefusesMoreMemoryThanThereIs) {
  const std::int64_t bytes = 2 * describe_device(0).memory_bytes;

  EXPECT_THROW(DeviceMatrix<std::byte>(1, bytes), DeviceMemoryError);

  EXPECT_NO_THROW(DeviceMatrix<std::byte>(1, 1024)) << "the refusal must not stick";
}

}  // namespace
}  // namespace pare::test
