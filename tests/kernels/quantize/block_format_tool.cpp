// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "kernels/core/contract.hpp"
#include "kernels/quantize/expand_blocks.hpp"
#include "kernels/quantize/quantize_blocks.hpp"

/// The block formats from the command line, for gguf_peer_test.py:
///   block_format_tool quantize FORMAT ROWS COLS WEIGHTS IMPORTANCE PACKED
///   block_format_tool expand   FORMAT ROWS COLS PACKED WEIGHTS
/// WEIGHTS and IMPORTANCE are files of raw binary32 numbers, row-major; IMPORTANCE may be "-" for none.

namespace pare::test {
namespace {

using namespace pare::kernels;

template <class T>
std::vector<T> read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  VALIDATE(file, path, " cannot be read");
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  std::vector<T> values(bytes.size() / sizeof(T));
  std::copy_n(bytes.data(), values.size() * sizeof(T), reinterpret_cast<char*>(values.data()));
  return values;
}

template <class T>
void write_all(const std::string& path, const std::vector<T>& values) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(T)));
  VALIDATE(file.flush(), path, " cannot be written");
}

void run(std::span<char*> words) {
  VALIDATE(words.size() >= 7, "usage: see the comment in block_format_tool.cpp");
  const std::string action = words[1];
  const auto format = block_format_named(words[2]);
  VALIDATE(format, words[2], " is no block format");
  const std::int64_t rows = std::atoll(words[3]);
  const std::int64_t cols = std::atoll(words[4]);
  if (action == "quantize" && words.size() == 8) {
    const auto weight = read_all<float>(words[5]);
    VALIDATE(static_cast<std::int64_t>(weight.size()) == rows * cols, weight.size(), " weights");
    const bool weighted = std::string(words[6]) != "-";
    const auto importance = weighted ? read_all<float>(words[6]) : std::vector<float>{};
    std::vector<std::byte> packed(static_cast<std::size_t>(blocks_bytes(*format, rows, cols)));
    quantize_blocks(*format, {weight.data(), rows, cols}, importance, packed);
    write_all(words[7], packed);
  } else if (action == "expand" && words.size() == 7) {
    std::vector<float> out(static_cast<std::size_t>(rows * cols));
    expand_blocks(*format, rows, cols, read_all<std::byte>(words[5]), {out.data(), rows, cols});
    write_all(words[6], out);
  } else {
    throw InputError("usage: see the comment in block_format_tool.cpp");
  }
}

}  // namespace
}  // namespace pare::test

int main(int argc, char** argv) {
  try {
    pare::test::run({argv, static_cast<std::size_t>(argc)});
    return EXIT_SUCCESS;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return EXIT_FAILURE;
  }
}
