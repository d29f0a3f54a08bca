// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace pare::framework {

/// An attribute of a file, group or dataset.
using H5Attribute = std::variant<std::string, std::int64_t, double>;

/// A dataset or group as `list` finds it.
struct H5Object {
  std::string name;                 ///< absolute, "/trials/kl_mean"
  bool is_group = false;
  std::string type;                 ///< "uint8", "float64", "string", ...; empty for groups
  std::vector<std::int64_t> shape;  ///< empty for groups
  std::map<std::string, H5Attribute> attributes;
};

/// An HDF5 file, through the C API with every call checked.
///
/// Writing: `create` works under a temporary name in the same directory; `commit` closes it, syncs it and renames it into place, so that
/// there is never half a file under the final name. Without commit the destructor removes it.
/// Reading: files come from strangers; kind, rank and size of everything are checked.
///
/// Element types: uint8, int32, uint32, int64, uint64, float, double (std::byte reads and writes as uint8). Names are
/// absolute; missing groups are made on the way. Every member throws InputError that starts with the file's path. Calls are serialised by
/// one lock for the process, because the library is not thread-safe.
class H5File {
 public:
  static H5File create(const std::filesystem::path& path);
  static H5File open(const std::filesystem::path& path);
  ~H5File();
  H5File(H5File&& other) noexcept;
  H5File& operator=(H5File&& other) noexcept;

  void commit();

  /// `shape` multiplies to the number of elements. compress: chunked, shuffled and deflated; else contiguous.
  template <class T>
  void write(const std::string& name, std::span<const T> elements, const std::vector<std::int64_t>& shape, bool compress = false);
  template <class T>
  void write(const std::string& name, const std::vector<T>& elements) {
    write(name, std::span<const T>(elements), {static_cast<std::int64_t>(elements.size())});
  }
  /// Fixed-length UTF-8, padded with zeros.
  void write_strings(const std::string& name, const std::vector<std::string>& strings);
  void write_attribute(const std::string& object, const std::string& key, const H5Attribute& value);

  /// A contiguous dataset to be filled by write_part, element by element in row-major order.
  template <class T>
  void reserve(const std::string& name, const std::vector<std::int64_t>& shape);
  template <class T>
  void write_part(const std::string& name, std::int64_t first_element, std::span<const T> elements);

  bool has(const std::string& name) const;
  std::vector<std::int64_t> shape(const std::string& name) const;
  template <class T>
  std::vector<T> read(const std::string& name) const;
  std::vector<std::string> read_strings(const std::string& name) const;
  H5Attribute read_attribute(const std::string& object, const std::string& key) const;
  std::string read_string_attribute(const std::string& object, const std::string& key) const;
  std::int64_t read_int_attribute(const std::string& object, const std::string& key) const;
  double read_double_attribute(const std::string& object, const std::string& key) const;

  /// Where the bytes of a contiguous dataset begin in the file, for mapping; checks that it holds `elements` values of T. 64-byte aligned
  /// in files that `create` made.
  template <class T>
  std::int64_t contiguous_offset(const std::string& name, std::int64_t elements) const;

  /// Everything in the file, groups before what they hold.
  std::vector<H5Object> list() const;

  const std::filesystem::path& path() const { return path_; }

 private:
  H5File() = default;
  void close();

  std::filesystem::path path_;
  std::filesystem::path temporary_;  ///< empty when reading
  std::int64_t handle_ = -1;
};

}  // namespace pare::framework
