// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "framework/io/temporary_file.hpp"
#include "kernels/core/matrix.hpp"
#include "kernels/core/matrix_view.hpp"

namespace pare::framework {

/// What a dataset can hold besides texts. Each has one type in the file: little-endian, of the same width.
template <class T>
concept H5Number = std::same_as<T, float> || std::same_as<T, double> ||(std::integral<T> && !std::same_as<T, bool>);

/// An HDF5 file, either written once from nothing or open for reading: the two ways in which pare uses HDF5.
///
///   H5File file = H5File::create("bank.h5");        H5File file = H5File::open("bank.h5");
///   file.write("/scale", scales);                   auto scales = file.read<float>("/scale");
///   file.describe("/scale", "1", "step of a code");
///   file.set_attribute("/", "key", key);            auto key = file.string_attribute("/", "key");
///   file.commit();
///
/// Design goals: a file exists under its name only when it is complete (create() writes a temporary file,
/// commit() renames it); equal contents give equal bytes (no times are stored); large contiguous datasets can
/// be mapped (dataset_offset()); files of strangers are checked for type, rank and size before memory is
/// taken. Non-goals: appending to a file, other element types, MPI-IO.
///
/// Names are absolute paths such as "/trials/kl"; groups in between must exist. Texts are fixed-length UTF-8,
/// padded with zeros. HDF5 is not thread-safe: all calls of a process take one lock, so any thread may use
/// any file. Movable. Throws InputError naming file and object when the file is not what the caller asks for
/// or the system refuses; InternalError when a caller breaks the rules (writing to a file opened for reading,
/// a name used twice).
class H5File {
 public:
  static H5File create(const std::filesystem::path& file);
  static H5File open(const std::filesystem::path& file);
  ~H5File();
  H5File(H5File&& other) noexcept;
  H5File& operator=(H5File&& other) noexcept;

  /// The name given to create() or open().
  const std::filesystem::path& path() const { return path_; }

  /// Closes, syncs and puts the file in place. Nothing may be called afterwards.
  void commit();

  void create_group(const std::string& name);

  template <H5Number T>
  void write(const std::string& name, std::span<const T> values);
  template <H5Number T>
  void write(const std::string& name, const std::vector<T>& values) {
    write(name, std::span<const T>(values));
  }
  /// 2-D. `deflate` compresses (with byte shuffling, in chunks of about 1 MiB), which rules out
  /// dataset_offset().
  template <H5Number T>
  void write(const std::string& name, kernels::MatrixView<const T> values, bool deflate = false);
  void write(const std::string& name, const std::vector<std::string>& values);

  /// A contiguous dataset to be filled with write_rows(), in any order; rows never written are zero. One
  /// dimension or more; a row is what remains when the first index is fixed.
  template <H5Number T>
  void create_dataset(const std::string& name, const std::vector<std::int64_t>& shape);
  /// Writes whole rows from `first_row` on.
  template <H5Number T>
  void write_rows(const std::string& name, std::int64_t first_row, std::span<const T> values);

  /// Attributes of a group or dataset; "/" is the root. Texts are limited to 60,000 bytes: longer ones belong
  /// into a dataset.
  void set_attribute(const std::string& object, const std::string& key, const std::string& value);
  void set_attribute(const std::string& object, const std::string& key, double value);
  template <std::integral T>
  void set_attribute(const std::string& object, const std::string& key, T value) {
    set_int_attribute(object, key, static_cast<std::int64_t>(value));
  }
  /// The attributes `units` ("1" for a plain number) and `description`.
  void describe(const std::string& dataset, const std::string& units, const std::string& description);

  bool contains(const std::string& name) const;
  std::vector<std::int64_t> shape(const std::string& name) const;

  /// A dataset of any rank, row-major. Its type must be T or one that T holds exactly.
  template <H5Number T>
  std::vector<T> read(const std::string& name) const;
  template <H5Number T>
  kernels::Matrix<T> read_matrix(const std::string& name) const;
  template <H5Number T>
  std::vector<T> read_rows(const std::string& name, std::int64_t first_row, std::int64_t rows) const;
  std::vector<std::string> read_strings(const std::string& name) const;

  bool has_attribute(const std::string& object, const std::string& key) const;
  std::string string_attribute(const std::string& object, const std::string& key) const;
  std::int64_t int_attribute(const std::string& object, const std::string& key) const;
  double double_attribute(const std::string& object, const std::string& key) const;

  /// Where the bytes of a contiguous dataset of type T start in the file, a multiple of 64 in files written
  /// here. Checks type and that the file is long enough, so that the bytes can be used from a MappedFile.
  template <H5Number T>
  std::int64_t dataset_offset(const std::string& name) const;

  struct Attribute {
    std::string key;
    std::string value;  ///< as text
  };
  struct Object {
    std::string name;                 ///< "/trials/kl"
    std::optional<std::string> type;  ///< "float64", "text", ...; none: a group
    std::vector<std::int64_t> shape;
    std::vector<Attribute> attributes;
  };
  /// The root and everything below it, in the order of names; a group before its contents.
  std::vector<Object> objects() const;

 private:
  H5File() = default;
  std::string attribute_text(const std::string& object, const std::string& key) const;
  void set_int_attribute(const std::string& object, const std::string& key, std::int64_t value);

  std::filesystem::path path_;
  std::optional<TemporaryFile> temporary_;  ///< has a value: open for writing
  std::int64_t file_ = -1;                  ///< hid_t
};

}  // namespace pare::framework
