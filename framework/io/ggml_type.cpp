// SPDX-License-Identifier: Apache-2.0
#include "framework/io/ggml_type.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

struct Entry {
  std::uint32_t number;
  std::string_view name;
  int values;  ///< in a block
  int bytes;   ///< of a block
};
constexpr std::array entries{
    Entry{0, "F32", 1, 4},         Entry{1, "F16", 1, 2},         Entry{2, "Q4_0", 32, 18},
    Entry{3, "Q4_1", 32, 20},      Entry{6, "Q5_0", 32, 22},      Entry{7, "Q5_1", 32, 24},
    Entry{8, "Q8_0", 32, 34},      Entry{10, "Q2_K", 256, 84},    Entry{11, "Q3_K", 256, 110},
    Entry{12, "Q4_K", 256, 144},   Entry{13, "Q5_K", 256, 176},   Entry{14, "Q6_K", 256, 210},
    Entry{15, "Q8_K", 256, 292},   Entry{16, "IQ2_XXS", 256, 66}, Entry{17, "IQ2_XS", 256, 74},
    Entry{18, "IQ3_XXS", 256, 98}, Entry{19, "IQ1_S", 256, 50},   Entry{20, "IQ4_NL", 32, 18},
    Entry{21, "IQ3_S", 256, 110},  Entry{22, "IQ2_S", 256, 82},   Entry{23, "IQ4_XS", 256, 136},
    Entry{24, "I8", 1, 1},         Entry{25, "I16", 1, 2},        Entry{26, "I32", 1, 4},
    Entry{27, "I64", 1, 8},        Entry{28, "F64", 1, 8},        Entry{29, "IQ1_M", 256, 56},
    Entry{30, "BF16", 1, 2},       Entry{34, "TQ1_0", 256, 54},   Entry{35, "TQ2_0", 256, 66},
    Entry{39, "MXFP4", 32, 17}};

const Entry* find(std::uint32_t number) {
  const auto* const found =
      std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.number == number; });
  return found == entries.end() ? nullptr : found;
}

const Entry& entry_of(GgmlType type) {
  const Entry* const entry = find(static_cast<std::uint32_t>(type));
  EXPECT(entry != nullptr, static_cast<std::uint32_t>(type));
  return *entry;
}

}  // namespace

std::optional<GgmlType> ggml_type_of(std::uint32_t number) {
  if (find(number) == nullptr) return std::nullopt;
  return static_cast<GgmlType>(number);
}

std::string to_string(GgmlType type) {
  return std::string(entry_of(type).name);
}

int block_size(GgmlType type) {
  return entry_of(type).values;
}

std::optional<std::int64_t> bytes_of(GgmlType type, const std::vector<std::int64_t>& shape) {
  const Entry& entry = entry_of(type);
  const std::int64_t row = shape.empty() ? 1 : shape.back();
  if (row % entry.values != 0) return std::nullopt;
  std::int64_t bytes = 0;
  if (__builtin_mul_overflow(row / entry.values, entry.bytes, &bytes)) return std::nullopt;
  for (std::size_t i = 0; i + 1 < shape.size(); ++i)
    if (__builtin_mul_overflow(bytes, shape[i], &bytes)) return std::nullopt;
  return bytes;
}

}  // namespace pare::framework
