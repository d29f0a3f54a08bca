// SPDX-License-Identifier: Apache-2.0
#include "framework/io/gguf.hpp"

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "framework/config/utf8.hpp"
#include "framework/io/safetensors.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

using Type = GgufValue::Type;

constexpr std::uint64_t longest_key = 65'535;
constexpr std::uint64_t longest_name = 64;
constexpr std::uint32_t most_sizes = 4;
// What a key and a tensor take at least: lengths, types, counts, offset, and a value of one byte.
constexpr std::uint64_t least_key_bytes = 13;
constexpr std::uint64_t least_tensor_bytes = 24;

/// The header, read from its front; every step is checked.
class Cursor {
 public:
  Cursor(std::span<const std::byte> file, const std::string& source) : file_(file), source_(source) {}

  std::size_t place() const { return at_; }
  std::uint64_t left() const { return file_.size() - at_; }

  std::span<const std::byte> take(std::uint64_t bytes, const char* what) {
    VALIDATE(bytes <= left(), source_, ": cut off or damaged at byte ", at_, ", ", what, " should take ", bytes,
             " bytes, ", left(), " are left");
    at_ += bytes;
    return file_.subspan(at_ - bytes, bytes);
  }

  template <class T>
  T number(const char* what) {
    T value;
    std::memcpy(&value, take(sizeof(T), what).data(), sizeof(T));
    return value;
  }

  std::string name(std::uint64_t longest, const char* what) {
    const std::size_t start = at_;
    const auto length = number<std::uint64_t>(what);
    VALIDATE(length > 0 && length <= longest, source_, ": byte ", start, ": ", what, " of ", length, " bytes, 1 to ",
             longest, " are allowed");
    const auto bytes = take(length, what);
    std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    VALIDATE(!first_invalid_utf8(text), source_, ": byte ", start, ": ", what, " is not UTF-8");
    return text;
  }

  /// A count of things that take at least `each` bytes.
  std::uint64_t count(std::uint64_t each, const char* what) {
    const std::size_t start = at_;
    const auto count = number<std::uint64_t>(what);
    VALIDATE(count <= left() / each, source_, ": byte ", start, ": ", count, " ", what, " in a file of ", file_.size(),
             " bytes, there is no room for them");
    return count;
  }

 private:
  std::span<const std::byte> file_;
  const std::string& source_;
  std::size_t at_ = 0;
};

std::vector<std::byte> copy(std::span<const std::byte> bytes) {
  return {bytes.begin(), bytes.end()};
}

class Reader {
 public:
  Reader(std::span<const std::byte> file, const std::string& source)
      : file_(file), source_(source), cursor_(file, source) {}

  GgufHeader read() {
    read_magic();
    const auto tensors = cursor_.count(least_tensor_bytes, "tensors");
    const auto keys = cursor_.count(least_key_bytes, "keys");
    for (std::uint64_t i = 0; i < keys; ++i) read_key();
    for (std::uint64_t i = 0; i < tensors; ++i) read_tensor();
    place_tensors();
    return std::move(header_);
  }

 private:
  void read_magic() {
    VALIDATE(file_.size() >= 4 && std::memcmp(file_.data(), "GGUF", 4) == 0, source_, ": not a GGUF file");
    cursor_.take(4, "the magic");
    header_.version = cursor_.number<std::uint32_t>("the version");
    VALIDATE((header_.version & 0xffffu) != 0, source_, ": a big-endian GGUF file, convert it to little-endian");
    VALIDATE(header_.version == 2 || header_.version == 3, source_, ": GGUF version ", header_.version,
             " is not supported (supported: 2, 3)");
  }

  void read_key() {
    const std::string key = cursor_.name(longest_key, "a key");
    const auto fail = [&](const auto&... text) {
      throw InputError(pare::detail::concatenate(source_, ": key '", printable(key), "': ", text...));
    };
    if (!known_.insert(key).second) fail("is there twice");
    const auto number = cursor_.number<std::uint32_t>("the type of a value");
    const auto type = gguf_value_type_of(number);
    if (!type) fail("unknown type of value ", number, ", 0 to 12 are known");
    if (*type != Type::array) {
      header_.keys.append(key, GgufValue(*type, copy(read_elements(*type, 1))));
      return;
    }
    const auto element_number = cursor_.number<std::uint32_t>("the type of an array");
    const auto element = gguf_value_type_of(element_number);
    if (!element || *element == Type::array)
      fail("an array of type ", element_number, ", 0 to 8 and 10 to 12 are known");
    const auto count = cursor_.count(std::max<std::uint64_t>(1, bytes_of(*element)), "elements of an array");
    header_.keys.append(key, GgufValue(*element, count, copy(read_elements(*element, count))));
  }

  std::span<const std::byte> read_elements(Type type, std::uint64_t count) {
    if (const std::size_t width = bytes_of(type); width > 0) return cursor_.take(width * count, "a value");
    const std::size_t start = cursor_.place();
    for (std::uint64_t i = 0; i < count; ++i) cursor_.take(cursor_.number<std::uint64_t>("a text"), "a text");
    return file_.subspan(start, cursor_.place() - start);
  }

  void read_tensor() {
    GgufTensor tensor;
    tensor.name = cursor_.name(longest_name, "the name of a tensor");
    const auto fail = [&](const auto&... text) {
      throw InputError(pare::detail::concatenate(source_, ": tensor '", printable(tensor.name), "': ", text...));
    };
    if (!names_.insert(tensor.name).second) fail("is there twice");
    const auto sizes = cursor_.number<std::uint32_t>("the number of sizes");
    if (sizes > most_sizes) fail(sizes, " sizes, at most 4 are allowed");
    for (std::uint32_t i = 0; i < sizes; ++i) {
      const auto size = cursor_.number<std::uint64_t>("a size");
      if (size >> 62 != 0) fail("a size of ", size, " is too large to exist");
      tensor.shape.insert(tensor.shape.begin(), static_cast<std::int64_t>(size));
    }
    const auto number = cursor_.number<std::uint32_t>("the type of a tensor");
    const auto type = ggml_type_of(number);
    if (!type) fail("unknown type ", number, " (the newest that is known is 39, MXFP4)");
    tensor.type = *type;
    const auto bytes = bytes_of(tensor.type, tensor.shape);
    if (!bytes)
      fail("shape ", shape_text(tensor.shape), " is no whole number of blocks of ", to_string(tensor.type), " (",
           block_size(tensor.type), "), or too large to exist");
    tensor.bytes = *bytes;
    const auto offset = cursor_.number<std::uint64_t>("the offset of a tensor");
    if (offset > file_.size()) fail("begins at ", offset, ", beyond the end of the file (is the file cut off?)");
    tensor.offset = static_cast<std::int64_t>(offset);
    header_.tensors.push_back(std::move(tensor));
  }

  std::int64_t alignment() const {
    const GgufValue* const value = header_.keys.find("general.alignment");
    if (value == nullptr) return gguf_alignment;
    const auto number = value->as_whole();
    VALIDATE(number && *number > 0 && *number <= 1 << 20 && (*number & (*number - 1)) == 0, source_,
             ": key 'general.alignment': ", value->describe(), ", should be a power of two up to 1048576");
    return *number;
  }

  /// Offsets count from the end of the header, rounded up.
  void place_tensors() {
    const std::int64_t step = alignment();
    const std::int64_t start = (static_cast<std::int64_t>(cursor_.place()) + step - 1) / step * step;
    const auto file_bytes = static_cast<std::int64_t>(file_.size());
    std::vector<const GgufTensor*> sorted;
    for (GgufTensor& tensor : header_.tensors) {
      VALIDATE(tensor.offset % step == 0, source_, ": tensor '", printable(tensor.name), "': begins at ", tensor.offset,
               ", should be a multiple of the alignment ", step);
      tensor.offset += start;
      VALIDATE(tensor.offset <= file_bytes && tensor.bytes <= file_bytes - tensor.offset, source_, ": tensor '",
               printable(tensor.name), "': ends beyond the end of the file (is the file cut off?)");
      sorted.push_back(&tensor);
    }
    std::ranges::sort(sorted, [](const auto* a, const auto* b) {
      return std::pair(a->offset, a->bytes) < std::pair(b->offset, b->bytes);
    });
    for (std::size_t i = 1; i < sorted.size(); ++i) {
      VALIDATE(sorted[i - 1]->offset + sorted[i - 1]->bytes <= sorted[i]->offset, source_, ": tensor '",
               printable(sorted[i]->name), "': begins inside tensor '", printable(sorted[i - 1]->name), "'");
    }
  }

  std::span<const std::byte> file_;
  const std::string& source_;
  Cursor cursor_;
  GgufHeader header_;
  std::set<std::string> known_, names_;
};

}  // namespace

GgufHeader parse_gguf(std::span<const std::byte> file, const std::string& source) {
  return Reader(file, source).read();
}

}  // namespace pare::framework
