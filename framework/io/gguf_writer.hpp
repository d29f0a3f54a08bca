// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "framework/io/gguf.hpp"

namespace pare::framework {

/// A tensor that is to be written. EXPECTed: a name of at most 64 bytes, rows of whole blocks.
struct GgufTensorSpec {
  std::string name;
  GgmlType type = GgmlType::f32;
  std::vector<std::int64_t> shape;  ///< rows first

  std::int64_t bytes() const;
};

/// Writes a GGUF file of version 3 tensor by tensor, so that no more than one of them is in memory. Throws InputError
/// naming the file when the disk is full; the file is then incomplete, so it should be a TemporaryFile.
class GgufWriter {
 public:
  /// Tensors come in the given order; they are aligned as the key general.alignment says.
  GgufWriter(const std::filesystem::path& file, const GgufKeys& keys, std::vector<GgufTensorSpec> tensors);

  /// All bytes of the next tensor. EXPECTs as many as its type and shape say.
  void write(std::span<const std::byte> tensor);
  /// EXPECTs that every tensor was written.
  void finish();

 private:
  void put(std::span<const std::byte> bytes);
  void pad();

  std::filesystem::path path_;
  std::vector<GgufTensorSpec> tensors_;
  std::int64_t alignment_ = gguf_alignment;
  std::size_t next_ = 0;
  std::int64_t written_ = 0;
  std::ofstream out_;
};

}  // namespace pare::framework
