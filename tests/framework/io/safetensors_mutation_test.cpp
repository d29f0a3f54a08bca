// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "framework/io/safetensors.hpp"
#include "kernels/core/error.hpp"
#include "tests/framework/io/safetensors_bytes.hpp"

namespace pare::test {
namespace {

using Bytes = std::vector<std::byte>;

Bytes valid_file() {
  std::vector<TensorBytes> tensors;
  for (int i = 0; i < 6; ++i) {
    tensors.push_back(
        float_tensor("model.layers." + std::to_string(i) + ".weight", {2, i}, std::vector<float>(2 * i, 1.0f)));
  }
  return make_safetensors(tensors);
}

/// What means something in the header.
const std::vector<std::string>& pieces() {
  static const std::vector<std::string> list = {"{",
                                                "}",
                                                "[",
                                                "]",
                                                "\"",
                                                ":",
                                                ",",
                                                "-",
                                                "0",
                                                "1e9",
                                                "null",
                                                "true",
                                                "\\",
                                                "\\u0000",
                                                " ",
                                                "\n",
                                                "\xff",
                                                "F16",
                                                "9223372036854775807",
                                                "\"dtype\"",
                                                "\"shape\"",
                                                "\"data_offsets\"",
                                                "\"__metadata__\"",
                                                "\"a\":{}"};
  return list;
}

Bytes mutate(Bytes file, std::mt19937& random) {
  const int edits = 1 + static_cast<int>(random() % 4);
  for (int i = 0; i < edits && !file.empty(); ++i) {
    const auto at = static_cast<std::ptrdiff_t>(random() % file.size());
    switch (random() % 5) {
      case 0:
        file[static_cast<std::size_t>(at)] = static_cast<std::byte>(random());
        break;
      case 1:
        file[static_cast<std::size_t>(at)] ^= static_cast<std::byte>(1u << (random() % 8));
        break;
      case 2:
        file.resize(static_cast<std::size_t>(at));
        break;
      case 3: {
        const auto end = std::min(file.size(), static_cast<std::size_t>(at) + random() % 16);
        file.erase(file.begin() + at, file.begin() + static_cast<std::ptrdiff_t>(end));
        break;
      }
      default: {
        const auto piece = std::as_bytes(std::span(pieces()[random() % pieces().size()]));
        file.insert(file.begin() + at, piece.begin(), piece.end());
      }
    }
  }
  return file;
}

/// Half of the files get a header length that fits, so that mutations reach the rules behind it.
void repair_length(Bytes& file, std::size_t data_bytes) {
  if (file.size() < 8 + data_bytes) return;
  const std::uint64_t length = file.size() - 8 - data_bytes;
  std::memcpy(file.data(), &length, 8);
}

TEST(SafetensorsMutation, EveryMutatedFileIsReadOrRefused) {
  const Bytes valid = valid_file();
  const std::size_t data_bytes = 4 * 2 * (0 + 1 + 2 + 3 + 4 + 5);
  std::mt19937 random(20'250);
  int accepted = 0;

  for (int i = 0; i < 20'000; ++i) {
    Bytes file = mutate(valid, random);
    if (i % 2 == 0) repair_length(file, data_bytes);
    try {
      const auto header = framework::parse_safetensors(file, "mutated");
      ++accepted;
      std::int64_t end =
          header.tensors.empty() ? static_cast<std::int64_t>(file.size()) : header.tensors.front().offset;
      for (const auto& tensor : header.tensors) {
        ASSERT_EQ(tensor.offset, end);
        end += tensor.bytes;
      }
      ASSERT_EQ(end, static_cast<std::int64_t>(file.size()));
    } catch (const InputError& error) {
      ASSERT_TRUE(std::string(error.what()).starts_with("mutated: ")) << error.what();
      ASSERT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    }
  }

  EXPECT_GT(accepted, 100);  // data bytes and names may be anything
}

TEST(SafetensorsMutation, EveryTruncationIsRefused) {
  const Bytes valid = valid_file();
  for (std::size_t size = 0; size < valid.size(); ++size) {
    EXPECT_THROW(framework::parse_safetensors(std::span(valid).first(size), "cut"), InputError) << size;
  }
}

}  // namespace
}  // namespace pare::test
