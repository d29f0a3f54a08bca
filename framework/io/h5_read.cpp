// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "framework/io/h5_file.hpp"
#include "framework/io/h5_handle.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {

using detail::check;
using detail::file_type;
using detail::H5Handle;
using detail::H5Lock;
using detail::H5Place;

namespace {

// zlib packs at most 1032 bytes into one, so a file of n bytes holds no more than this many times n.
constexpr std::int64_t largest_expansion = 1032;
constexpr int largest_rank = 32;

template <class... Parts>
[[noreturn]] void refuse(const H5Place& place, fmt::format_string<Parts...> text, Parts&&... parts) {
  throw InputError(
      fmt::format("{}: {}: {}", place.file.string(), place.object, fmt::format(text, std::forward<Parts>(parts)...)));
}

std::vector<std::int64_t> shape_of(hid_t space, const H5Place& place) {
  const int rank = H5Sget_simple_extent_ndims(space);
  if (rank < 0 || rank > largest_rank) refuse(place, "has no usable shape");
  hsize_t sizes[largest_rank] = {};
  H5Sget_simple_extent_dims(space, sizes, nullptr);
  std::vector<std::int64_t> shape;
  for (int i = 0; i < rank; ++i) {
    if (sizes[i] > static_cast<hsize_t>(std::numeric_limits<std::int64_t>::max())) refuse(place, "has no usable shape");
    shape.push_back(static_cast<std::int64_t>(sizes[i]));
  }
  return shape;
}

hsize_t file_size(hid_t file, const H5Place& place) {
  hsize_t bytes = 0;
  check(H5Fget_filesize(file, &bytes), place, "cannot tell the size of the file");
  return bytes;
}

/// The elements of a dataset, when the file is long enough to hold them.
std::int64_t checked_elements(hid_t file, const H5Place& place, const std::vector<std::int64_t>& shape,
                              std::size_t element_bytes) {
  const auto file_bytes = static_cast<std::int64_t>(file_size(file, place));
  std::int64_t elements = 1;
  std::int64_t bytes = 0;
  const auto too_many = [&] { refuse(place, "has more elements than a file of {} bytes can hold", file_bytes); };
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
  for (const std::int64_t size : shape) {
    if (__builtin_mul_overflow(elements, size, &elements)) too_many();
  }
  if (__builtin_mul_overflow(elements, static_cast<std::int64_t>(element_bytes), &bytes)) too_many();
  if (bytes / largest_expansion > file_bytes) too_many();
  return elements;
}

/// Whether every value of the stored type has the same value as a `wanted`.
bool fits(hid_t stored, hid_t wanted) {
  const H5T_class_t type_class = H5Tget_class(stored);
  if (type_class != H5Tget_class(wanted)) return false;
  if (type_class == H5T_FLOAT) return H5Tget_size(stored) <= H5Tget_size(wanted);
  if (type_class != H5T_INTEGER) return false;
  const bool stored_signed = H5Tget_sign(stored) != H5T_SGN_NONE;
  const bool wanted_signed = H5Tget_sign(wanted) != H5T_SGN_NONE;
  if (stored_signed == wanted_signed) return H5Tget_size(stored) <= H5Tget_size(wanted);
  return wanted_signed && H5Tget_size(stored) < H5Tget_size(wanted);
}

void expect_type(hid_t stored, hid_t wanted, const H5Place& place) {
  if (!fits(stored, wanted)) {
    refuse(place, "holds {}, should hold {}", detail::type_name(stored), detail::type_name(wanted));
  }
}

template <class T>
H5Handle open_numbers(hid_t file, const H5Place& place) {
  H5Handle dataset = detail::open_dataset(file, place);
  const H5Handle type(H5Dget_type(dataset.get()), H5Tclose);
  expect_type(type.get(), file_type<T>(), place);
  return dataset;
}

std::vector<std::int64_t> dataset_shape(const H5Handle& dataset, const H5Place& place) {
  const H5Handle space(H5Dget_space(dataset.get()), H5Sclose);
  return shape_of(space.get(), place);
}

/// The texts of a dataset or attribute, of fixed length (as written here) or of variable length (as h5py
/// writes). `read` gets a memory type and a buffer.
template <class Read>
std::vector<std::string> read_texts(hid_t type, hid_t space, std::int64_t count, const H5Place& place,
                                    const Read& read) {
  std::vector<std::string> texts;
  if (count == 0) return texts;
  if (H5Tget_class(type) != H5T_STRING) refuse(place, "holds {}, should hold text", detail::type_name(type));
  if (H5Tis_variable_str(type) > 0) {
    std::vector<char*> pointers(static_cast<std::size_t>(count), nullptr);
    check(read(type, pointers.data()), place, "cannot be read");
    for (const char* pointer : pointers) texts.emplace_back(pointer == nullptr ? "" : pointer);
    H5Dvlen_reclaim(type, space, H5P_DEFAULT, pointers.data());
    return texts;
  }
  const std::size_t width = H5Tget_size(type);
  std::string padded(width * static_cast<std::size_t>(count), '\0');
  check(read(type, padded.data()), place, "cannot be read");
  const bool is_space_padded = H5Tget_strpad(type) == H5T_STR_SPACEPAD;
  for (std::int64_t i = 0; i < count; ++i) {
    std::string text = padded.substr(static_cast<std::size_t>(i) * width, width);
    const auto last = text.find_last_not_of(is_space_padded ? ' ' : '\0');
    texts.push_back(text.substr(0, last == std::string::npos ? 0 : last + 1));
  }
  return texts;
}

H5Handle open_attribute(hid_t file, const H5Place& place, const std::string& key) {
  const htri_t exists = H5Aexists_by_name(file, place.object.c_str(), key.c_str(), H5P_DEFAULT);
  if (exists <= 0) refuse(place, "there is no attribute '{}'", key);
  return {check(H5Aopen_by_name(file, place.object.c_str(), key.c_str(), H5P_DEFAULT, H5P_DEFAULT), place,
                "an attribute cannot be opened"),
          H5Aclose};
}

void expect_scalar(const H5Handle& attribute, const H5Place& place, const std::string& key) {
  const H5Handle space(H5Aget_space(attribute.get()), H5Sclose);
  if (H5Sget_simple_extent_npoints(space.get()) != 1) refuse(place, "attribute '{}' is not a single value", key);
}

template <class T>
T read_number_attribute(hid_t file, const H5Place& place, const std::string& key) {
  const H5Handle attribute = open_attribute(file, place, key);
  expect_scalar(attribute, place, key);
  const H5Handle type(H5Aget_type(attribute.get()), H5Tclose);
  if (!fits(type.get(), file_type<T>())) {
    refuse(place, "attribute '{}' is {}, should be {}", key, detail::type_name(type.get()),
           detail::type_name(file_type<T>()));
  }
  T value{};
  check(H5Aread(attribute.get(), file_type<T>(), &value), place, "an attribute cannot be read");
  return value;
}

}  // namespace

std::vector<std::int64_t> H5File::shape(const std::string& name) const {
  const H5Lock lock;
  return dataset_shape(detail::open_dataset(file_, {path_, name}), {path_, name});
}

template <H5Number T>
std::vector<T> H5File::read(const std::string& name) const {
  const H5Lock lock;
  const H5Place place{path_, name};
  const H5Handle dataset = open_numbers<T>(file_, place);
  std::vector<T> values(
      static_cast<std::size_t>(checked_elements(file_, place, dataset_shape(dataset, place), sizeof(T))));
  if (values.empty()) return values;
  check(H5Dread(dataset.get(), file_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), place, "cannot be read");
  return values;
}

template <H5Number T>
kernels::Matrix<T> H5File::read_matrix(const std::string& name) const {
  const H5Lock lock;
  const H5Place place{path_, name};
  const H5Handle dataset = open_numbers<T>(file_, place);
  const std::vector<std::int64_t> sizes = dataset_shape(dataset, place);
  if (sizes.size() != 2) refuse(place, "has {} dimensions, should have 2", sizes.size());
  checked_elements(file_, place, sizes, sizeof(T));
  kernels::Matrix<T> values(sizes[0], sizes[1]);
  if (values.size() == 0) return values;
  check(H5Dread(dataset.get(), file_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), place, "cannot be read");
  return values;
}

template <H5Number T>
std::vector<T> H5File::read_rows(const std::string& name, std::int64_t first_row, std::int64_t rows) const {
  const H5Lock lock;
  const H5Place place{path_, name};
  const H5Handle dataset = open_numbers<T>(file_, place);
  std::vector<std::int64_t> sizes = dataset_shape(dataset, place);
  if (sizes.empty()) refuse(place, "is a single value, should have rows");
  if (first_row < 0 || rows < 0 || rows > sizes[0] || first_row > sizes[0] - rows) {
    refuse(place, "has {} rows, rows {} to {} are wanted", sizes[0], first_row, first_row + rows);
  }
  std::vector<hsize_t> start(sizes.size(), 0);
  start[0] = static_cast<hsize_t>(first_row);
  sizes[0] = rows;
  const std::vector<hsize_t> extent(sizes.begin(), sizes.end());
  std::vector<T> values(static_cast<std::size_t>(checked_elements(file_, place, sizes, sizeof(T))));
  if (values.empty()) return values;
  const H5Handle part(H5Dget_space(dataset.get()), H5Sclose);
  H5Sselect_hyperslab(part.get(), H5S_SELECT_SET, start.data(), nullptr, extent.data(), nullptr);
  const H5Handle memory(H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr), H5Sclose);
  check(H5Dread(dataset.get(), file_type<T>(), memory.get(), part.get(), H5P_DEFAULT, values.data()), place,
        "cannot be read");
  return values;
}

std::vector<std::string> H5File::read_strings(const std::string& name) const {
  const H5Lock lock;
  const H5Place place{path_, name};
  const H5Handle dataset = detail::open_dataset(file_, place);
  const H5Handle type(H5Dget_type(dataset.get()), H5Tclose);
  const H5Handle space(H5Dget_space(dataset.get()), H5Sclose);
  const std::int64_t count = checked_elements(file_, place, shape_of(space.get(), place), H5Tget_size(type.get()));
  return read_texts(type.get(), space.get(), count, place, [&](hid_t memory_type, void* buffer) {
    return H5Dread(dataset.get(), memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, buffer);
  });
}

bool H5File::has_attribute(const std::string& object, const std::string& key) const {
  const H5Lock lock;
  return H5Aexists_by_name(file_, object.c_str(), key.c_str(), H5P_DEFAULT) > 0;
}

std::string H5File::string_attribute(const std::string& object, const std::string& key) const {
  const H5Lock lock;
  const H5Place place{path_, object};
  const H5Handle attribute = open_attribute(file_, place, key);
  expect_scalar(attribute, place, key);
  const H5Handle type(H5Aget_type(attribute.get()), H5Tclose);
  const H5Handle space(H5Aget_space(attribute.get()), H5Sclose);
  if (H5Tget_class(type.get()) != H5T_STRING) {
    refuse(place, "attribute '{}' is {}, should be text", key, detail::type_name(type.get()));
  }
  checked_elements(file_, place, {}, H5Tget_size(type.get()));
  return read_texts(type.get(), space.get(), 1, place,
                    [&](hid_t memory_type, void* buffer) { return H5Aread(attribute.get(), memory_type, buffer); })
      .front();
}

std::int64_t H5File::int_attribute(const std::string& object, const std::string& key) const {
  const H5Lock lock;
  return read_number_attribute<std::int64_t>(file_, {path_, object}, key);
}

double H5File::double_attribute(const std::string& object, const std::string& key) const {
  const H5Lock lock;
  return read_number_attribute<double>(file_, {path_, object}, key);
}

template <H5Number T>
std::int64_t H5File::dataset_offset(const std::string& name) const {
  const H5Lock lock;
  const H5Place place{path_, name};
  const H5Handle dataset = detail::open_dataset(file_, place);
  const H5Handle type(H5Dget_type(dataset.get()), H5Tclose);
  if (H5Tequal(type.get(), file_type<T>()) <= 0) {
    refuse(place, "holds {}, should hold {}", detail::type_name(type.get()), detail::type_name(file_type<T>()));
  }
  const std::int64_t bytes =
      checked_elements(file_, place, dataset_shape(dataset, place), sizeof(T)) * static_cast<std::int64_t>(sizeof(T));
  const haddr_t offset = H5Dget_offset(dataset.get());
  if (offset == HADDR_UNDEF) refuse(place, "is not stored in one piece, so it cannot be mapped");
  const hsize_t file_bytes = file_size(file_, place);
  if (static_cast<hsize_t>(bytes) > file_bytes || offset > file_bytes - static_cast<hsize_t>(bytes)) {
    refuse(place, "lies beyond the end of the file");
  }
  return static_cast<std::int64_t>(offset);
}

#define PARE_INSTANTIATE(T)                                                                           \
  template std::vector<T> H5File::read<T>(const std::string&) const;                                  \
  template kernels::Matrix<T> H5File::read_matrix<T>(const std::string&) const;                       \
  template std::vector<T> H5File::read_rows<T>(const std::string&, std::int64_t, std::int64_t) const; \
  template std::int64_t H5File::dataset_offset<T>(const std::string&) const;
PARE_FOR_EACH_H5_NUMBER(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::framework
