// SPDX-License-Identifier: Apache-2.0
#include "framework/io/event_file.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <string_view>

#include "framework/io/crc32c.hpp"

namespace pare::test {
namespace {

using Bytes = std::vector<std::byte>;

std::string hex(const Bytes& bytes) {
  std::string text;
  for (const std::byte byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned>(byte));
  return text;
}

Bytes file_of_steps(const std::vector<std::int64_t>& steps) {
  Bytes file = framework::event_file_head(1.0);
  for (const std::int64_t step : steps) {
    const std::array scalars{framework::Scalar{"loss", 0.5F}, framework::Scalar{"tokens", 1024}};
    const Bytes record = framework::event_record(2.0, step, scalars);
    file.insert(file.end(), record.begin(), record.end());
  }
  return file;
}

}  // namespace

TEST(Crc32c, OfTheCheckString) {
  EXPECT_EQ(framework::crc32c(std::as_bytes(std::span(std::string_view("123456789")))), 0xe3069283U);
}

TEST(EventFile, BeginsAsTensorBoardWantsIt) {
  EXPECT_EQ(hex(framework::event_file_head(1.0)),
            "1800000000000000a37f4b2209000000000000f03f1a0d627261696e2e4576656e743a3286bf577a");
}

TEST(EventFile, WritesTimeStepAndScalarsAsAProtocolBuffer) {
  const std::array scalars{framework::Scalar{"a", 1.0F}};

  const std::string record = hex(framework::event_record(1.0, 300, scalars));

  EXPECT_EQ(record.substr(24, record.size() - 32),
            "09000000000000f03f10ac022a0a0a080a016115"
            "0000803f");
}

TEST(EventFile, FindsTheLastStep) {
  const Bytes file = file_of_steps({0, 127, 128, 5'000'000'000});

  const framework::EventFileScan scan = framework::scan_event_file(file);

  EXPECT_EQ(scan.sound_bytes, file.size());
  EXPECT_EQ(scan.last_step, 5'000'000'000);
  EXPECT_EQ(framework::scan_event_file({}).last_step, -1);
}

TEST(EventFile, IsSoundUpToARecordThatIsCutOffOrDamaged) {
  const std::size_t two = file_of_steps({7, 8}).size();
  const Bytes three = file_of_steps({7, 8, 9});
  for (std::size_t size = two; size < three.size(); ++size) {
    const auto scan = framework::scan_event_file(std::span(three).first(size));
    EXPECT_EQ(scan.sound_bytes, two);
    EXPECT_EQ(scan.last_step, 8);
  }
  for (std::size_t at = two; at < three.size(); ++at) {
    Bytes damaged = three;
    damaged[at] ^= std::byte{0x10};
    EXPECT_EQ(framework::scan_event_file(damaged).sound_bytes, two) << at;
  }
}

}  // namespace pare::test
