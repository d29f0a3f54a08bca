// SPDX-License-Identifier: Apache-2.0
#include "framework/io/safetensors_writer.hpp"

#include <cerrno>
#include <utility>

#include "framework/io/json.hpp"
#include "framework/io/system_error.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {

std::int64_t TensorSpec::bytes() const {
  std::int64_t bytes = bytes_of(type);
  for (const std::int64_t size : shape) bytes *= size;
  return bytes;
}

bool comes_before(const TensorSpec& a, const TensorSpec& b) {
  const std::int64_t width_a = bytes_of(a.type), width_b = bytes_of(b.type);
  return width_a != width_b ? width_a > width_b : a.name < b.name;
}

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& file, std::vector<TensorSpec> tensors)
    : path_(file), tensors_(std::move(tensors)), out_(file, std::ios::binary) {
  Json header{{"__metadata__", {{"format", "pt"}}}};
  std::int64_t end = 0;
  for (const TensorSpec& tensor : tensors_) {
    const std::int64_t begin = end;
    end += tensor.bytes();
    header[tensor.name] = {{"dtype", to_string(tensor.type)}, {"shape", tensor.shape}, {"data_offsets", {begin, end}}};
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = text.size();
  out_.write(reinterpret_cast<const char*>(&length), sizeof(length));  // the format and the machine are little-endian
  out_.write(text.data(), static_cast<std::streamsize>(text.size()));
  require_written();
}

void SafetensorsWriter::write(std::span<const std::byte> tensor) {
  EXPECT(next_ < tensors_.size() && static_cast<std::int64_t>(tensor.size()) == tensors_[next_].bytes(), path_.string(),
         ": tensor ", next_, " has ", tensor.size(), " bytes");
  ++next_;
  out_.write(reinterpret_cast<const char*>(tensor.data()), static_cast<std::streamsize>(tensor.size()));
  require_written();
}

void SafetensorsWriter::finish() {
  EXPECT(next_ == tensors_.size(), path_.string(), ": ", next_, " of ", tensors_.size(), " tensors");
  out_.close();
  require_written();
}

void SafetensorsWriter::require_written() {
  VALIDATE(!out_.fail(), path_.string(), ": cannot be written (", system_reason(errno), ")");
}

}  // namespace pare::framework
