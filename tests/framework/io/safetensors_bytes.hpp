// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace pare::test {

/// A safetensors file with this header, whatever it says, and this data.
inline std::vector<std::byte> raw_safetensors(const std::string& header, std::size_t data_bytes) {
  std::vector<std::byte> file(8 + header.size() + data_bytes, std::byte{0});
  const std::uint64_t length = header.size();
  std::memcpy(file.data(), &length, 8);
  std::memcpy(file.data() + 8, header.data(), header.size());
  return file;
}

/// A tensor to be written.
struct TensorBytes {
  std::string name;
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::vector<std::byte> bytes;
};

inline TensorBytes float_tensor(const std::string& name, const std::vector<std::int64_t>& shape,
                                const std::vector<float>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {name, "F32", shape, {bytes.begin(), bytes.end()}};
}

/// A well-formed file with these tensors, in their order.
inline std::vector<std::byte> make_safetensors(const std::vector<TensorBytes>& tensors) {
  std::string header;
  std::size_t end = 0;
  for (const TensorBytes& tensor : tensors) {
    header += fmt::format(R"({}"{}":{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})", header.empty() ? "" : ",",
                          tensor.name, tensor.dtype, fmt::join(tensor.shape, ","), end, end + tensor.bytes.size());
    end += tensor.bytes.size();
  }
  std::vector<std::byte> file = raw_safetensors("{" + header + "}", 0);
  for (const TensorBytes& tensor : tensors) file.insert(file.end(), tensor.bytes.begin(), tensor.bytes.end());
  return file;
}

}  // namespace pare::test
