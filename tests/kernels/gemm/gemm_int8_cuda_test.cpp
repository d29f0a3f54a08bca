// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "kernels/core/error.hpp"
#include "kernels/gemm/gemm_int8_launch.hpp"
#include "tests/kernels/cuda_test.hpp"
#include "tests/kernels/gemm/int8_case.hpp"

namespace pare::test {
namespace {

using namespace pare::kernels;

template <class Out>
using Product = void (*)(const Int8Operands&, const Int8Epilogue<Out>&, DeviceView<Out>, const Stream&);
template <class Out>
using GroupedProduct = void (*)(const Int8Operands&, DeviceView<const float>, const Int8Epilogue<Out>&, DeviceView<Out>,
                                const Stream&);

constexpr std::int64_t any_number = std::int64_t{1} << 40;
constexpr int any_capability = 1000;

/// One way to the same numbers. `grouped_*` may be missing.
struct Launcher {
  const char* name;
  Product<float> to_float;
  Product<BFloat16> to_bfloat16;
  GroupedProduct<float> grouped_to_float = nullptr;
  GroupedProduct<BFloat16> grouped_to_bfloat16 = nullptr;
  std::int64_t most_tokens = any_number;
  std::int64_t fewest_inputs = 1;
  int lowest_capability = 80;
  int highest_capability = any_capability;
};

std::ostream& operator<<(std::ostream& out, const Launcher& launcher) {
  return out << launcher.name;
}

void run(const Launcher& launcher, const Int8Operands& operands, const Int8Epilogue<float>& epilogue,
         DeviceView<float> out, const Stream& stream) {
  launcher.to_float(operands, epilogue, out, stream);
}

void run(const Launcher& launcher, const Int8Operands& operands, const Int8Epilogue<BFloat16>& epilogue,
         DeviceView<BFloat16> out, const Stream& stream) {
  launcher.to_bfloat16(operands, epilogue, out, stream);
}

void run_grouped(const Launcher& launcher, const Int8Operands& operands, DeviceView<const float> scales,
                 const Int8Epilogue<float>& epilogue, DeviceView<float> out, const Stream& stream) {
  launcher.grouped_to_float(operands, scales, epilogue, out, stream);
}

void run_grouped(const Launcher& launcher, const Int8Operands& operands, DeviceView<const float> scales,
                 const Int8Epilogue<BFloat16>& epilogue, DeviceView<BFloat16> out, const Stream& stream) {
  launcher.grouped_to_bfloat16(operands, scales, epilogue, out, stream);
}

/// What is expected of a case, computed for the first launcher that is tested with it; `seed` names the case.
template <class Out, class Compute>
const Matrix<Out>& once(unsigned seed, const Compute& compute) {
  static std::map<unsigned, Matrix<Out>> known;
  const auto found = known.find(seed);
  return found != known.end() ? found->second : known.emplace(seed, compute()).first->second;
}

template <class Out, int columns, int raster_group>
void hopper(const Int8Operands& operands, const Int8Epilogue<Out>& epilogue, DeviceView<Out> out,
            const Stream& stream) {
  kernels::detail::launch_gemm_int8_hopper(operands, epilogue, out, {columns, raster_group}, stream);
}

template <class Out>
void grouped_hopper(const Int8Operands& operands, DeviceView<const float> group_scales,
                    const Int8Epilogue<Out>& epilogue, DeviceView<Out> out, const Stream& stream) {
  kernels::detail::launch_gemm_int8_grouped_hopper(operands, group_scales, epilogue, out, {}, stream);
}

template <class Out, int splits>
void hopper_narrow(const Int8Operands& operands, const Int8Epilogue<Out>& epilogue, DeviceView<Out> out,
                   const Stream& stream) {
  kernels::detail::launch_gemm_int8_hopper_narrow(operands, epilogue, out, {splits}, stream);
}

template <int columns, int raster_group>
Launcher hopper_launcher(const char* name) {
  return {name,
          hopper<float, columns, raster_group>,
          hopper<BFloat16, columns, raster_group>,
          nullptr,
          nullptr,
          any_number,
          1,
          90,
          90};
}

template <int splits>
Launcher narrow_launcher(const char* name) {
  constexpr std::int64_t inputs_a_split = 128;
  return {name,
          hopper_narrow<float, splits>,
          hopper_narrow<BFloat16, splits>,
          nullptr,
          nullptr,
          kernels::detail::most_narrow_tokens,
          splits <= 1 ? 1 : (splits - 1) * inputs_a_split + 1,
          90,
          90};
}

const Launcher launchers[] = {
    {"mma", kernels::detail::launch_gemm_int8_mma<float>, kernels::detail::launch_gemm_int8_mma<BFloat16>,
     kernels::detail::launch_gemm_int8_grouped_mma<float>, kernels::detail::launch_gemm_int8_grouped_mma<BFloat16>},
    {"hopper", hopper<float, 0, 0>, hopper<BFloat16, 0, 0>, grouped_hopper<float>, grouped_hopper<BFloat16>, any_number,
     1, 90, 90},
    hopper_launcher<128, 1>("hopper_128"),
    hopper_launcher<192, 3>("hopper_192"),
    hopper_launcher<256, 8>("hopper_256"),
    narrow_launcher<0>("narrow"),
    narrow_launcher<1>("narrow_whole"),
    narrow_launcher<2>("narrow_2"),
    narrow_launcher<4>("narrow_4"),
    narrow_launcher<8>("narrow_8"),
    {"dispatched", gemm_int8, gemm_int8, gemm_int8_grouped, gemm_int8_grouped},
};

/// Off every tile: one, odd, a tile and one more, several tiles and a wave of them on every GPU.
const Shape shapes[] = {{1, 1, 1},        {1, 64, 4096},    {3, 7, 5},       {7, 129, 100},
                        {16, 32, 256},    {17, 33, 257},    {31, 1000, 31},  {64, 257, 1000},
                        {65, 96, 640},    {100, 520, 2048}, {128, 128, 128}, {129, 257, 129},
                        {200, 131, 4097}, {256, 256, 512},  {300, 70, 1025}, {1153, 2177, 96}};
const Shape grouped_shapes[] = {{1, 1, 128},   {1, 65, 4096},   {15, 33, 256},   {17, 130, 384},
                                {64, 31, 640}, {65, 257, 1024}, {129, 129, 128}, {300, 515, 896}};

class GemmInt8 : public CudaTest, public testing::WithParamInterface<Launcher> {
 protected:
  void SetUp() override {
    CudaTest::SetUp();
    if (IsSkipped()) return;
    const int capability = stream().compute_capability();
    if (capability < GetParam().lowest_capability || capability > GetParam().highest_capability) {
      GTEST_SKIP() << "not for compute capability " << capability;
    }
  }

  bool takes(const Shape& shape) const {
    return shape.m <= GetParam().most_tokens && shape.k >= GetParam().fewest_inputs;
  }

  template <class Out>
  void expect_epilogue() const {
    unsigned seed = 100;
    for (const Shape& shape : shapes) {
      seed += 10;
      if (!takes(shape)) continue;
      Int8Case<Out> data(shape, seed);
      data.upload(stream());
      DeviceMatrix<Out> out = data.poisoned_output(stream());

      run(GetParam(), data.operands(), data.everything(), data.output_in(out), stream());

      const Matrix<Out>& expected = once<Out>(seed, [&] { return data.expected(true, true); });
      EXPECT_EQ(difference(on_host(out, stream()), expected), "") << shape;
    }
  }

  template <class Out>
  void expect_grouped() const {
    if (GetParam().grouped_to_float == nullptr) GTEST_SKIP() << "not grouped";
    unsigned seed = 500;
    for (const Shape& shape : grouped_shapes) {
      seed += 10;
      Int8Case<Out> data(shape, seed);
      data.upload(stream());
      DeviceMatrix<Out> out = data.poisoned_output(stream());
      Int8Epilogue<Out> epilogue = data.everything();
      epilogue.weight_scales = {};

      run_grouped(GetParam(), data.operands(), data.group_scales(), epilogue, data.output_in(out), stream());

      const Matrix<Out>& expected = once<Out>(seed, [&] { return data.expected_grouped(true, true); });
      EXPECT_EQ(difference(on_host(out, stream()), expected), "") << shape;
    }
  }
};

TEST_P(GemmInt8, SumsExactly) {
  unsigned seed = 1000;
  for (const Shape& shape : shapes) {
    seed += 10;
    if (!takes(shape)) continue;
    Int8Case<float> data(shape, seed);
    data.set_unit_scales();
    data.upload(stream());
    DeviceMatrix<float> out = data.poisoned_output(stream());

    run(GetParam(), data.operands(), data.scales_only(), data.output_in(out), stream());

    const Matrix<float>& expected = once<float>(seed, [&] { return data.expected(false, false); });
    EXPECT_EQ(difference(on_host(out, stream()), expected), "") << shape;
  }
}

TEST_P(GemmInt8, RoundsFloatAsTheContractSays) {
  expect_epilogue<float>();
}

TEST_P(GemmInt8, RoundsBFloat16AsTheContractSays) {
  expect_epilogue<BFloat16>();
}

TEST_P(GemmInt8, HoldsTheLargestSums) {
  for (const std::int8_t x : {-128, 127}) {
    // 65536 * 128 * 128 = 2^30.
    Int8Case<float> data({33, 40, 65536}, 7);
    data.fill_codes(x, -128);
    data.set_unit_scales();
    data.upload(stream());
    DeviceMatrix<float> out = data.poisoned_output(stream());

    run(GetParam(), data.operands(), data.scales_only(), data.output_in(out), stream());

    const unsigned name = x < 0 ? 1 : 2;
    const Matrix<float>& expected = once<float>(name, [&] { return data.expected(false, false); });
    EXPECT_EQ(difference(on_host(out, stream()), expected), "") << "x is " << int{x};
  }
}

template <class Out>
void expect_added_in_place(const Launcher& launcher, const Shape& shape, bool bias, const kernels::Stream& stream) {
  Int8Case<Out> data(shape, 11);
  data.upload(stream);
  DeviceMatrix<Out> out = on_device(data.residual().view(), stream);
  Int8Epilogue<Out> epilogue = bias ? data.everything() : data.scales_only();
  epilogue.residual = data.output_in(out);

  run(launcher, data.operands(), epilogue, data.output_in(out), stream);

  // Beyond N lies what lay there before.
  Matrix<Out> expected = data.expected(bias, true);
  for (std::int64_t r = 0; r < shape.m; ++r) {
    for (std::int64_t c = shape.n; c < expected.cols(); ++c) expected.row(r)[c] = data.residual().row(r)[c];
  }
  EXPECT_EQ(difference(on_host(out, stream), expected), "") << shape;
}

TEST_P(GemmInt8, AddsToAResidualInPlace) {
  for (const Shape& shape : {Shape{5, 200, 1000}, Shape{130, 264, 1024}, Shape{130, 270, 1024}}) {
    for (const bool bias : {false, true}) {
      expect_added_in_place<BFloat16>(GetParam(), shape, bias, stream());
      expect_added_in_place<float>(GetParam(), shape, bias, stream());
    }
  }
}

TEST_P(GemmInt8, GivesARowWhateverTheOthers) {
  const Shape shape{std::min<std::int64_t>(300, GetParam().most_tokens), 520, 1100};
  Int8Case<float> data(shape, 13);
  data.upload(stream());
  DeviceMatrix<float> out = data.poisoned_output(stream());
  run(GetParam(), data.operands(), data.scales_only(), data.output_in(out), stream());
  const Matrix<float> whole = on_host(out, stream());

  for (const std::int64_t count : {1, 16, 37, 100, 256}) {
    const std::int64_t first = (shape.m - count) / 2;
    DeviceMatrix<float> part = poisoned_on_device<float>(count, whole.cols());
    run(GetParam(), data.operands(first, count), data.scales_only(first, count), part.view().cols_from(0, shape.n),
        stream());

    const Matrix<float> got = on_host(part, stream());
    EXPECT_TRUE(same_bits(got.view(), whole.view().rows_from(first, count))) << count << " rows from " << first;
  }
}

TEST_P(GemmInt8, ScalesGroupsInFloat) {
  expect_grouped<float>();
}

TEST_P(GemmInt8, ScalesGroupsInBFloat16) {
  expect_grouped<BFloat16>();
}

TEST_P(GemmInt8, HoldsTheLargestGroups) {
  if (GetParam().grouped_to_float == nullptr) GTEST_SKIP() << "not grouped";
  for (const std::int8_t x : {-128, 127}) {
    for (const std::int64_t tokens : {9, 140}) {
      Int8Case<float> data({tokens, 65, 512}, 17);
      data.fill_codes(x, -128);
      data.upload(stream());
      DeviceMatrix<float> out = data.poisoned_output(stream());
      Int8Epilogue<float> epilogue = data.scales_only();
      epilogue.weight_scales = {};

      run_grouped(GetParam(), data.operands(), data.group_scales(), epilogue, data.output_in(out), stream());

      EXPECT_EQ(difference(on_host(out, stream()), data.expected_grouped(false, false)), "")
          << "x is " << int{x} << ", " << tokens << " tokens";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Launchers, GemmInt8, testing::ValuesIn(launchers),
                         [](const testing::TestParamInfo<Launcher>& launcher) { return launcher.param.name; });

using GemmInt8Checks = CudaTest;

TEST_F(GemmInt8Checks, NameWhatDoesNotFit) {
  Int8Case<float> data({4, 8, 128}, 1);
  data.upload(stream());
  DeviceMatrix<float> out = data.poisoned_output(stream());
  const DeviceView<float> good = data.output_in(out);

  EXPECT_THROW(gemm_int8(data.operands(), data.scales_only(), good.rows_from(0, 3), stream()), InputError);
  EXPECT_THROW(gemm_int8(data.operands(), data.scales_only(0, 3), good, stream()), InputError);
  EXPECT_THROW(gemm_int8(data.operands(), data.scales_only(), out.view().cols_from(1, 8), stream()), InputError)
      << "not at a multiple of 16 bytes";
  EXPECT_THROW(gemm_int8_grouped(data.operands(), data.group_scales(), data.scales_only(), good, stream()), InputError)
      << "scaled twice";
  Int8Operands short_weight = data.operands();
  short_weight.weight = short_weight.weight.cols_from(0, 112);
  EXPECT_THROW(gemm_int8(short_weight, data.scales_only(), good, stream()), InputError);
}

}  // namespace
}  // namespace pare::test
