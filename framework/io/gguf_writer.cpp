// SPDX-License-Identifier: Apache-2.0
#include "framework/io/gguf_writer.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "framework/io/system_error.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

std::int64_t round_up(std::int64_t bytes, std::int64_t step) {
  return (bytes + step - 1) / step * step;
}

/// Little-endian, as the machine is.
class Encoder {
 public:
  template <class T>
  void number(T value) {
    const auto* const data = reinterpret_cast<const std::byte*>(&value);
    bytes.insert(bytes.end(), data, data + sizeof(T));
  }
  void text(std::string_view text) {
    number<std::uint64_t>(text.size());
    const auto* const data = reinterpret_cast<const std::byte*>(text.data());
    bytes.insert(bytes.end(), data, data + text.size());
  }
  void value(const GgufValue& value) {
    number(static_cast<std::uint32_t>(value.type()));
    if (value.is_array()) {
      number(static_cast<std::uint32_t>(value.element_type()));
      number(value.count());
    }
    bytes.insert(bytes.end(), value.bytes().begin(), value.bytes().end());
  }

  std::vector<std::byte> bytes;
};

}  // namespace

std::int64_t GgufTensorSpec::bytes() const {
  const auto bytes = bytes_of(type, shape);
  EXPECT(bytes, name);
  return bytes.value_or(0);
}

GgufWriter::GgufWriter(const std::filesystem::path& file, const GgufKeys& keys, std::vector<GgufTensorSpec> tensors)
    : path_(file), tensors_(std::move(tensors)), out_(file, std::ios::binary) {
  if (const GgufValue* const value = keys.find("general.alignment"))
    alignment_ = value->as_whole().value_or(gguf_alignment);
  Encoder header;
  header.number(std::uint32_t{0x46554747});  // "GGUF"
  header.number(std::uint32_t{3});
  header.number<std::uint64_t>(tensors_.size());
  header.number<std::uint64_t>(keys.list().size());
  for (const auto& [key, value] : keys.list()) {
    header.text(key);
    header.value(value);
  }
  std::int64_t offset = 0;
  for (const GgufTensorSpec& tensor : tensors_) {
    header.text(tensor.name);
    header.number(static_cast<std::uint32_t>(tensor.shape.size()));
    std::for_each(tensor.shape.rbegin(), tensor.shape.rend(),
                  [&](std::int64_t size) { header.number(static_cast<std::uint64_t>(size)); });
    header.number(static_cast<std::uint32_t>(tensor.type));
    header.number(static_cast<std::uint64_t>(offset));
    offset += round_up(tensor.bytes(), alignment_);
  }
  put(header.bytes);
  pad();
}

void GgufWriter::write(std::span<const std::byte> tensor) {
  EXPECT(next_ < tensors_.size() && static_cast<std::int64_t>(tensor.size()) == tensors_[next_].bytes(), path_.string(),
         ": tensor ", next_, " has ", tensor.size(), " bytes");
  ++next_;
  put(tensor);
  pad();
}

void GgufWriter::finish() {
  EXPECT(next_ == tensors_.size(), path_.string(), ": ", next_, " of ", tensors_.size(), " tensors");
  out_.close();
  VALIDATE(!out_.fail(), path_.string(), ": cannot be written (", system_reason(errno), ")");
}

void GgufWriter::put(std::span<const std::byte> bytes) {
  out_.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  VALIDATE(!out_.fail(), path_.string(), ": cannot be written (", system_reason(errno), ")");
  written_ += static_cast<std::int64_t>(bytes.size());
}

void GgufWriter::pad() {
  const std::vector<std::byte> zeros(static_cast<std::size_t>(round_up(written_, alignment_) - written_));
  put(zeros);
}

}  // namespace pare::framework
