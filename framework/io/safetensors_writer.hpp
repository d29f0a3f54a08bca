// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "framework/io/safetensors.hpp"

namespace pare::framework {

/// A tensor that is to be written.
struct TensorSpec {
  std::string name;
  StoredType type = StoredType::f32;
  std::vector<std::int64_t> shape;

  std::int64_t bytes() const;
};

/// Wide types first, then by name: the order in which the format's own writer lays tensors out, so that every tensor is
/// aligned to its element.
bool comes_before(const TensorSpec& a, const TensorSpec& b);

/// Writes a safetensors file tensor by tensor, so that no more than one of them is in memory. The header is padded to
/// 8 bytes and says {"format": "pt"}, which transformers asks for. Throws InputError naming the file when the disk is
/// full; the file is then incomplete, so it belongs into a StagedDirectory.
class SafetensorsWriter {
 public:
  /// Tensors come in the given order.
  SafetensorsWriter(const std::filesystem::path& file, std::vector<TensorSpec> tensors);

  /// All bytes of the next tensor. EXPECTs as many as its type and shape say.
  void write(std::span<const std::byte> tensor);
  /// EXPECTs that every tensor was written.
  void finish();

 private:
  void require_written();

  std::filesystem::path path_;
  std::vector<TensorSpec> tensors_;
  std::size_t next_ = 0;
  std::ofstream out_;
};

}  // namespace pare::framework
