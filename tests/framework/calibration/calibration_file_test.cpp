// SPDX-License-Identifier: Apache-2.0
#include "framework/calibration/calibration_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/core/error.hpp"
#include "tests/framework/calibration/gather_statistics.hpp"
#include "tests/framework/model/random_model.hpp"
#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using framework::CalibrationFile;
using framework::Model;
using testing::HasSubstr;
using testing::ThrowsMessage;

class CalibrationFiles : public testing::Test {
 protected:
  std::filesystem::path write() const {
    return write_calibration(scratch_ / "calibration.h5", "k1", model_, gathered_);
  }

  RandomModel files_;
  Model model_{files_.write()};
  framework::TokenWindows windows_ = random_windows(RandomModel::vocabulary, 9, 12);
  AllStatistics gathered_ = gather_statistics(model_, windows_, 1);
  ScratchDirectory scratch_;
};

TEST_F(CalibrationFiles, GiveBackWhatWasWritten) {
  const CalibrationFile file(write(), "k1");

  for (const auto& [place, written] : gathered_) {
    const framework::ActivationStatistics read = file.read(model_.stages()[place.first], place.second);
    EXPECT_TRUE(same_bits(read.hessian(), written.hessian()));
    EXPECT_EQ(read.state().sums_of_squares, written.state().sums_of_squares);
    EXPECT_EQ(read.state().sums_of_magnitudes, written.state().sums_of_magnitudes);
    EXPECT_EQ(read.state().min, written.state().min);
    EXPECT_EQ(read.state().max, written.state().max);
    EXPECT_EQ(read.state().window_maxima, written.state().window_maxima);
    EXPECT_EQ(read.histogram(), written.histogram());
    EXPECT_EQ(read.tokens(), written.tokens());
  }
}

TEST_F(CalibrationFiles, AreRefusedUnderAnotherKey) {
  const auto file = write();

  EXPECT_THAT([&] { CalibrationFile(file, "k2"); },
              ThrowsMessage<InputError>(HasSubstr("calibration.h5: holds the statistics of another model or text")));
}

TEST_F(CalibrationFiles, AreRefusedWhenCutOff) {
  const auto size = std::filesystem::file_size(write());
  for (const auto cut : {std::uintmax_t{0}, std::uintmax_t{100}, size / 2, size - 1}) {
    const auto file = write();
    std::filesystem::resize_file(file, cut);

    EXPECT_THAT([&] { CalibrationFile(file, "k1"); }, ThrowsMessage<InputError>(HasSubstr("calibration.h5"))) << cut;
  }
}

TEST_F(CalibrationFiles, AreRefusedForAModelOfAnotherShape) {
  const CalibrationFile file(write(), "k1");
  framework::Stage stage = model_.stages()[1];
  stage.linears[0].inputs = 32;

  EXPECT_THAT([&] { file.read(stage, 0); },
              ThrowsMessage<InputError>(HasSubstr("self_attn.q_proj/hessian must be a square of 32")));
}

TEST_F(CalibrationFiles, HaveAKeyThatTellsTextsAndPrecisionsApart) {
  const auto key = [&](const framework::TokenWindows& windows, kernels::Precision precision) {
    return framework::calibration_key(model_, windows, precision);
  };
  const std::string known = key(windows_, kernels::Precision::f32);
  framework::TokenWindows other = windows_;
  other.tokens.back() ^= 1;
  framework::TokenWindows longer = windows_;
  longer.length = 18;

  EXPECT_EQ(known, key(windows_, kernels::Precision::f32));
  EXPECT_NE(known, key(windows_, kernels::Precision::bf16));
  EXPECT_NE(known, key(other, kernels::Precision::f32));
  EXPECT_NE(known, key(longer, kernels::Precision::f32));
}

}  // namespace
}  // namespace pare::test
