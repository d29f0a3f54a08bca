// SPDX-License-Identifier: Apache-2.0
#include "framework/io/h5_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <system_error>

#include "framework/io/h5_handle.hpp"

namespace pare::framework {
namespace {

using detail::H5Handle;
namespace fs = std::filesystem;

template <class T>
hid_t h5_type();
template <> hid_t h5_type<std::byte>() { return H5T_NATIVE_UINT8; }
template <> hid_t h5_type<std::uint8_t>() { return H5T_NATIVE_UINT8; }
template <> hid_t h5_type<std::int32_t>() { return H5T_NATIVE_INT32; }
template <> hid_t h5_type<std::uint32_t>() { return H5T_NATIVE_UINT32; }
template <> hid_t h5_type<std::int64_t>() { return H5T_NATIVE_INT64; }
template <> hid_t h5_type<std::uint64_t>() { return H5T_NATIVE_UINT64; }
template <> hid_t h5_type<float>() { return H5T_NATIVE_FLOAT; }
template <> hid_t h5_type<double>() { return H5T_NATIVE_DOUBLE; }

std::int64_t product(const std::vector<std::int64_t>& shape) {
  std::int64_t elements = 1;
  for (const std::int64_t size : shape) elements *= size;
  return elements;
}

H5Handle make_space(const std::vector<std::int64_t>& shape, const std::string& where) {
  const std::vector<hsize_t> dimensions(shape.begin(), shape.end());
  return {H5Screate_simple(static_cast<int>(dimensions.size()), dimensions.data(), nullptr), H5Sclose, where, "no data space"};
}

H5Handle make_dataset(hid_t file, const std::string& name, hid_t type, const std::vector<std::int64_t>& shape, bool compress,
                      const std::string& where) {
  const H5Handle space = make_space(shape, where);
  const H5Handle link(H5Pcreate(H5P_LINK_CREATE), H5Pclose, where, "no link properties");
  H5Pset_create_intermediate_group(link, 1);
  const H5Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, where, "no dataset properties");
  H5Pset_obj_track_times(creation, false);  // the same content gives the same bytes
  if (compress && product(shape) > 0) {
    std::vector<hsize_t> chunk(shape.begin(), shape.end());
    chunk[0] = std::min<hsize_t>(chunk[0], 1024);
    H5Pset_chunk(creation, static_cast<int>(chunk.size()), chunk.data());
    H5Pset_shuffle(creation);
    H5Pset_deflate(creation, 4);
  }
  return {H5Dcreate2(file, name.c_str(), type, space, link, creation, H5P_DEFAULT), H5Dclose, where, "cannot be created (disk full?)"};
}

H5Handle open_dataset(hid_t file, const std::string& name, const std::string& where) {
  return {H5Dopen2(file, name.c_str(), H5P_DEFAULT), H5Dclose, where, "no such dataset"};
}

std::vector<std::int64_t> shape_of(hid_t dataset, const std::string& where) {
  const H5Handle space(H5Dget_space(dataset), H5Sclose, where, "has no data space");
  const int rank = H5Sget_simple_extent_ndims(space);
  VALIDATE(rank >= 0 && rank <= 8, where, ": is not an array of at most 8 dimensions");
  std::vector<hsize_t> sizes(static_cast<std::size_t>(rank));
  if (rank > 0) H5Sget_simple_extent_dims(space, sizes.data(), nullptr);
  std::int64_t total = 1;
  for (const hsize_t size : sizes) {
    VALIDATE(size < (hsize_t{1} << 48) && !__builtin_mul_overflow(total, static_cast<std::int64_t>(size), &total), where, ": is too large");
  }
  return {sizes.begin(), sizes.end()};
}

void check_type(hid_t dataset, hid_t wanted, const std::string& where) {
  const H5Handle type(H5Dget_type(dataset), H5Tclose, where, "has no type");
  VALIDATE(H5Tget_class(type) == H5Tget_class(wanted) && H5Tget_size(type) == H5Tget_size(wanted) &&
               (H5Tget_class(type) != H5T_INTEGER || H5Tget_sign(type) == H5Tget_sign(wanted)),
           where, ": has another element type than expected");
}

}  // namespace

H5File H5File::create(const fs::path& path) {
  const std::lock_guard lock(detail::h5_mutex());
  detail::h5_initialise();
  H5File file;
  file.path_ = path;
  file.temporary_ = path.string() + ".tmp" + std::to_string(::getpid());
  const H5Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, path.string(), "no file properties");
  H5Pset_alignment(access, 4096, 64);
  file.handle_ = H5Fcreate(file.temporary_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access);
  VALIDATE(file.handle_ >= 0, path.string(), ": cannot be written, is the directory there and writable?");
  return file;
}

H5File H5File::open(const fs::path& path) {
  const std::lock_guard lock(detail::h5_mutex());
  detail::h5_initialise();
  VALIDATE(fs::exists(path), path.string(), ": no such file");
  H5File file;
  file.path_ = path;
  file.handle_ = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  VALIDATE(file.handle_ >= 0, path.string(), ": is not an HDF5 file, or it is damaged");
  return file;
}

H5File::~H5File() {
  close();
  if (!temporary_.empty()) {
    std::error_code ignored;
    fs::remove(temporary_, ignored);
  }
}

H5File::H5File(H5File&& other) noexcept
    : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, {})), handle_(std::exchange(other.handle_, -1)) {}

H5File& H5File::operator=(H5File&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(temporary_, other.temporary_);
  std::swap(handle_, other.handle_);
  return *this;
}

void H5File::close() {
  const std::lock_guard lock(detail::h5_mutex());
  if (handle_ >= 0) H5Fclose(handle_);
  handle_ = -1;
}

void H5File::commit() {
  EXPECT(!temporary_.empty());
  {
    const std::lock_guard lock(detail::h5_mutex());
    VALIDATE(H5Fclose(std::exchange(handle_, -1)) >= 0, path_.string(), ": cannot be finished (disk full?)");
  }
  const int descriptor = ::open(temporary_.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = descriptor >= 0 && ::fsync(descriptor) == 0;
  if (descriptor >= 0) ::close(descriptor);
  VALIDATE(synced, path_.string(), ": cannot be synced to disk");
  std::error_code error;
  fs::rename(temporary_, path_, error);
  VALIDATE(!error, path_.string(), ": cannot be renamed into place (", error.message(), ")");
  temporary_.clear();
  const fs::path directory = path_.has_parent_path() ? path_.parent_path() : fs::path(".");
  const int parent = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (parent >= 0) {
    ::fsync(parent);
    ::close(parent);
  }
}

template <class T>
void H5File::write(const std::string& name, std::span<const T> elements, const std::vector<std::int64_t>& shape, bool compress) {
  const std::lock_guard lock(detail::h5_mutex());
  EXPECT(product(shape) == static_cast<std::int64_t>(elements.size()), name);
  const std::string where = path_.string() + ": " + name;
  const H5Handle dataset = make_dataset(handle_, name, h5_type<T>(), shape, compress, where);
  if (elements.empty()) return;
  VALIDATE(H5Dwrite(dataset, h5_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, elements.data()) >= 0, where,
           ": cannot be written (disk full?)");
}

void H5File::write_strings(const std::string& name, const std::vector<std::string>& strings) {
  const std::lock_guard lock(detail::h5_mutex());
  const std::string where = path_.string() + ": " + name;
  std::size_t length = 1;
  for (const std::string& text : strings) length = std::max(length, text.size());
  const H5Handle type(H5Tcopy(H5T_C_S1), H5Tclose, where, "no string type");
  H5Tset_size(type, length);
  H5Tset_cset(type, H5T_CSET_UTF8);
  H5Tset_strpad(type, H5T_STR_NULLPAD);
  const H5Handle dataset = make_dataset(handle_, name, type, {static_cast<std::int64_t>(strings.size())}, false, where);
  if (strings.empty()) return;
  std::vector<char> padded(strings.size() * length, '\0');
  for (std::size_t i = 0; i < strings.size(); ++i) std::memcpy(padded.data() + i * length, strings[i].data(), strings[i].size());
  VALIDATE(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, padded.data()) >= 0, where, ": cannot be written (disk full?)");
}

template <class T>
void H5File::reserve(const std::string& name, const std::vector<std::int64_t>& shape) {
  const std::lock_guard lock(detail::h5_mutex());
  make_dataset(handle_, name, h5_type<T>(), shape, false, path_.string() + ": " + name);
}

template <class T>
void H5File::write_part(const std::string& name, std::int64_t first_element, std::span<const T> elements) {
  if (elements.empty()) return;
  const std::lock_guard lock(detail::h5_mutex());
  const std::string where = path_.string() + ": " + name;
  const H5Handle dataset = open_dataset(handle_, name, where);
  const auto shape = shape_of(dataset, where);
  const std::int64_t cols = shape.size() > 1 ? product({shape.begin() + 1, shape.end()}) : 1;
  const auto count = static_cast<std::int64_t>(elements.size());
  EXPECT(shape.size() <= 2 && cols > 0 && first_element % cols == 0 && count % cols == 0, name);
  std::vector<hsize_t> start{static_cast<hsize_t>(first_element / cols)};
  std::vector<hsize_t> extent{static_cast<hsize_t>(count / cols)};
  if (shape.size() == 2) {
    start.push_back(0);
    extent.push_back(static_cast<hsize_t>(cols));
  }
  const H5Handle target(H5Dget_space(dataset), H5Sclose, where, "has no data space");
  VALIDATE(H5Sselect_hyperslab(target, H5S_SELECT_SET, start.data(), nullptr, extent.data(), nullptr) >= 0, where, ": part is out of range");
  const H5Handle source = make_space({extent.begin(), extent.end()}, where);
  VALIDATE(H5Dwrite(dataset, h5_type<T>(), source, target, H5P_DEFAULT, elements.data()) >= 0, where, ": cannot be written (disk full?)");
}

bool H5File::has(const std::string& name) const {
  const std::lock_guard lock(detail::h5_mutex());
  for (std::size_t slash = name.find('/', 1);; slash = name.find('/', slash + 1)) {
    if (H5Lexists(handle_, name.substr(0, slash).c_str(), H5P_DEFAULT) <= 0) return false;
    if (slash == std::string::npos) return true;
  }
}

std::vector<std::int64_t> H5File::shape(const std::string& name) const {
  const std::lock_guard lock(detail::h5_mutex());
  const std::string where = path_.string() + ": " + name;
  return shape_of(open_dataset(handle_, name, where), where);
}

template <class T>
std::vector<T> H5File::read(const std::string& name) const {
  const std::lock_guard lock(detail::h5_mutex());
  const std::string where = path_.string() + ": " + name;
  const H5Handle dataset = open_dataset(handle_, name, where);
  check_type(dataset, h5_type<T>(), where);
  const std::int64_t count = product(shape_of(dataset, where));
  const auto stored = static_cast<std::int64_t>(H5Dget_storage_size(dataset));
  const auto file_bytes = static_cast<std::int64_t>(fs::file_size(path_));
  // Deflate shrinks at most about a thousandfold: more elements than that cannot be in the file.
  VALIDATE(count == 0 || (stored > 0 && stored <= file_bytes && count <= file_bytes * 1032), where, ": is larger than its file");
  std::vector<T> elements(static_cast<std::size_t>(count));
  if (count == 0) return elements;
  VALIDATE(H5Dread(dataset, h5_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, elements.data()) >= 0, where, ": cannot be read (damaged file?)");
  return elements;
}

std::vector<std::string> H5File::read_strings(const std::string& name) const {
  const std::lock_guard lock(detail::h5_mutex());
  const std::string where = path_.string() + ": " + name;
  const H5Handle dataset = open_dataset(handle_, name, where);
  const H5Handle type(H5Dget_type(dataset), H5Tclose, where, "has no type");
  VALIDATE(H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0, where, ": does not hold fixed-length strings");
  const std::size_t length = H5Tget_size(type);
  const auto count = static_cast<std::size_t>(product(shape_of(dataset, where)));
  VALIDATE(count * length <= fs::file_size(path_), where, ": is larger than its file");
  std::vector<char> padded(count * length);
  if (count > 0) {
    VALIDATE(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, padded.data()) >= 0, where, ": cannot be read (damaged file?)");
  }
  std::vector<std::string> strings;
  for (std::size_t i = 0; i < count; ++i) {
    const char* begin = padded.data() + i * length;
    strings.emplace_back(begin, ::strnlen(begin, length));
  }
  return strings;
}

template <class T>
std::int64_t H5File::contiguous_offset(const std::string& name, std::int64_t elements) const {
  const std::lock_guard lock(detail::h5_mutex());
  const std::string where = path_.string() + ": " + name;
  const H5Handle dataset = open_dataset(handle_, name, where);
  check_type(dataset, h5_type<T>(), where);
  VALIDATE(product(shape_of(dataset, where)) == elements, where, ": holds ", product(shape_of(dataset, where)), " elements, expected ", elements);
  if (elements == 0) return 0;
  const haddr_t offset = H5Dget_offset(dataset);
  VALIDATE(offset != HADDR_UNDEF, where, ": is not stored in one piece");
  const auto bytes = static_cast<std::uint64_t>(elements) * sizeof(T);
  VALIDATE(offset + bytes <= fs::file_size(path_), where, ": is cut off (truncated file?)");
  return static_cast<std::int64_t>(offset);
}

#define PARE_INSTANTIATE(T)                                                                                                     \
  template void H5File::write<T>(const std::string&, std::span<const T>, const std::vector<std::int64_t>&, bool);                \
  template void H5File::reserve<T>(const std::string&, const std::vector<std::int64_t>&);                                        \
  template void H5File::write_part<T>(const std::string&, std::int64_t, std::span<const T>);                                     \
  template std::vector<T> H5File::read<T>(const std::string&) const;                                                             \
  template std::int64_t H5File::contiguous_offset<T>(const std::string&, std::int64_t) const;
PARE_INSTANTIATE(std::byte)
PARE_INSTANTIATE(std::uint8_t)
PARE_INSTANTIATE(std::int32_t)
PARE_INSTANTIATE(std::uint32_t)
PARE_INSTANTIATE(std::int64_t)
PARE_INSTANTIATE(std::uint64_t)
PARE_INSTANTIATE(float)
PARE_INSTANTIATE(double)
#undef PARE_INSTANTIATE

}  // namespace pare::framework
