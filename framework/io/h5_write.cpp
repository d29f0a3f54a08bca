// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <numeric>

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

constexpr std::int64_t chunk_bytes = 1 << 20;
constexpr unsigned deflate_level = 4;

H5Handle make_space(const std::vector<std::int64_t>& shape) {
  const std::vector<hsize_t> sizes(shape.begin(), shape.end());
  return {H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr), H5Sclose};
}

/// Space is taken at once, because dataset_offset() needs it; what is never written reads as zero, as new
/// parts of files do.
H5Handle contiguous_layout() {
  H5Handle properties = detail::timeless(H5P_DATASET_CREATE);
  H5Pset_alloc_time(properties.get(), H5D_ALLOC_TIME_EARLY);
  H5Pset_fill_time(properties.get(), H5D_FILL_TIME_NEVER);
  return properties;
}

H5Handle deflated_layout(std::int64_t rows, std::int64_t cols, std::int64_t element_bytes) {
  H5Handle properties = detail::timeless(H5P_DATASET_CREATE);
  const std::int64_t chunk_cols = std::min(cols, chunk_bytes / element_bytes);
  const std::int64_t chunk_rows = std::clamp<std::int64_t>(chunk_bytes / (chunk_cols * element_bytes), 1, rows);
  const hsize_t chunk[] = {static_cast<hsize_t>(chunk_rows), static_cast<hsize_t>(chunk_cols)};
  H5Pset_chunk(properties.get(), 2, chunk);
  H5Pset_shuffle(properties.get());
  H5Pset_deflate(properties.get(), deflate_level);
  return properties;
}

H5Handle create_empty(hid_t file, const H5Place& place, hid_t type, const std::vector<std::int64_t>& shape,
                      const H5Handle& layout) {
  EXPECT(H5Lexists(file, place.object.c_str(), H5P_DEFAULT) <= 0, place.file.string(), ": ", place.object, " exists");
  const H5Handle space = make_space(shape);
  return {check(H5Dcreate2(file, place.object.c_str(), type, space.get(), H5P_DEFAULT, layout.get(), H5P_DEFAULT),
                place, "cannot create the dataset"),
          H5Dclose};
}

void write_all(const H5Handle& dataset, hid_t type, const void* data, const H5Place& place) {
  check(H5Dwrite(dataset.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data), place, "cannot be written");
}

void put_attribute(hid_t file, const H5Place& place, const std::string& key, hid_t type, const void* data) {
  const H5Handle object(check(H5Oopen(file, place.object.c_str(), H5P_DEFAULT), place, "cannot be opened"), H5Oclose);
  const H5Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  const H5Handle attribute(check(H5Acreate2(object.get(), key.c_str(), type, space.get(), H5P_DEFAULT, H5P_DEFAULT),
                                 place, "cannot create an attribute"),
                           H5Aclose);
  check(H5Awrite(attribute.get(), type, data), place, "cannot write an attribute");
}

}  // namespace

template <H5Number T>
void H5File::write(const std::string& name, std::span<const T> values) {
  const H5Lock lock;
  create_dataset<T>(name, {static_cast<std::int64_t>(values.size())});
  if (!values.empty()) write_rows(name, 0, values);
}

template <H5Number T>
void H5File::write(const std::string& name, kernels::MatrixView<const T> values, bool deflate) {
  const H5Lock lock;
  EXPECT(temporary_ && values.contiguous(), path_.string(), ": ", name);
  const bool has_chunks = deflate && values.rows > 0 && values.cols > 0;
  const H5Handle layout = has_chunks ? deflated_layout(values.rows, values.cols, sizeof(T)) : contiguous_layout();
  const H5Handle dataset = create_empty(file_, {path_, name}, file_type<T>(), {values.rows, values.cols}, layout);
  write_all(dataset, file_type<T>(), values.data, {path_, name});
}

void H5File::write(const std::string& name, const std::vector<std::string>& values) {
  const H5Lock lock;
  EXPECT(temporary_, path_.string(), ": ", name);
  std::size_t width = 1;
  for (const std::string& value : values) width = std::max(width, value.size());
  std::string padded(width * values.size(), '\0');
  for (std::size_t i = 0; i < values.size(); ++i) values[i].copy(padded.data() + i * width, width);
  const H5Handle type = detail::text_type(width);
  const H5Handle dataset =
      create_empty(file_, {path_, name}, type.get(), {static_cast<std::int64_t>(values.size())}, contiguous_layout());
  write_all(dataset, type.get(), padded.data(), {path_, name});
}

template <H5Number T>
void H5File::create_dataset(const std::string& name, const std::vector<std::int64_t>& shape) {
  const H5Lock lock;
  EXPECT(temporary_ && !shape.empty(), path_.string(), ": ", name);
  create_empty(file_, {path_, name}, file_type<T>(), shape, contiguous_layout());
}

template <H5Number T>
void H5File::write_rows(const std::string& name, std::int64_t first_row, std::span<const T> values) {
  const H5Lock lock;
  EXPECT(temporary_, path_.string(), ": ", name);
  const std::vector<std::int64_t> sizes = shape(name);
  const std::int64_t row = std::reduce(sizes.begin() + 1, sizes.end(), std::int64_t{1}, std::multiplies<>());
  const auto count = static_cast<std::int64_t>(values.size());
  EXPECT(row > 0 && count % row == 0 && first_row >= 0 && first_row + count / row <= sizes[0], path_.string(), ": ",
         name, ": ", count, " values from row ", first_row, " on, rows of ", row);
  if (count == 0) return;
  std::vector<hsize_t> start(sizes.size(), 0);
  std::vector<hsize_t> extent(sizes.begin(), sizes.end());
  start[0] = static_cast<hsize_t>(first_row);
  extent[0] = static_cast<hsize_t>(count / row);
  const H5Handle dataset = detail::open_dataset(file_, {path_, name});
  const H5Handle part(H5Dget_space(dataset.get()), H5Sclose);
  H5Sselect_hyperslab(part.get(), H5S_SELECT_SET, start.data(), nullptr, extent.data(), nullptr);
  const H5Handle memory(H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr), H5Sclose);
  check(H5Dwrite(dataset.get(), file_type<T>(), memory.get(), part.get(), H5P_DEFAULT, values.data()), {path_, name},
        "cannot be written");
}

void H5File::set_attribute(const std::string& object, const std::string& key, const std::string& value) {
  const H5Lock lock;
  EXPECT(temporary_ && value.size() <= 60'000, path_.string(), ": ", object, ": ", key, ": ", value.size(), " bytes");
  // HDF5 has no text type of size 0.
  const H5Handle type = detail::text_type(std::max<std::size_t>(1, value.size()));
  put_attribute(file_, {path_, object}, key, type.get(), value.c_str());
}

void H5File::set_int_attribute(const std::string& object, const std::string& key, std::int64_t value) {
  const H5Lock lock;
  EXPECT(temporary_, path_.string(), ": ", object, ": ", key);
  put_attribute(file_, {path_, object}, key, file_type<std::int64_t>(), &value);
}

void H5File::set_attribute(const std::string& object, const std::string& key, double value) {
  const H5Lock lock;
  EXPECT(temporary_, path_.string(), ": ", object, ": ", key);
  put_attribute(file_, {path_, object}, key, file_type<double>(), &value);
}

void H5File::describe(const std::string& dataset, const std::string& units, const std::string& description) {
  set_attribute(dataset, "units", units);
  set_attribute(dataset, "description", description);
}

#define PARE_INSTANTIATE(T)                                                                      \
  template void H5File::write<T>(const std::string&, std::span<const T>);                        \
  template void H5File::write<T>(const std::string&, kernels::MatrixView<const T>, bool);        \
  template void H5File::create_dataset<T>(const std::string&, const std::vector<std::int64_t>&); \
  template void H5File::write_rows<T>(const std::string&, std::int64_t, std::span<const T>);
PARE_FOR_EACH_H5_NUMBER(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::framework
