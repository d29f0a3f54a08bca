// SPDX-License-Identifier: Apache-2.0
#pragma once

// Private to the h5_*.cpp files of this room: it is the only header that includes hdf5.h.

#include <hdf5.h>

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <utility>

namespace pare::framework::detail {

/// Holds the lock that all HDF5 calls of this process share (Debian's library is not thread-safe). The first
/// one prepares the library: no clean-up at exit, which crashes after a full disk, and no error stack on
/// standard error.
class H5Lock {
 public:
  H5Lock();

 private:
  std::unique_lock<std::recursive_mutex> lock_;
};

/// An HDF5 identifier that is closed once.
class H5Handle {
 public:
  using Close = herr_t (*)(hid_t);
  H5Handle(hid_t id, Close close) : id_(id), close_(close) {}
  ~H5Handle() {
    if (id_ >= 0) close_(id_);
  }
  H5Handle(H5Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  H5Handle& operator=(H5Handle&&) = delete;
  hid_t get() const { return id_; }

 private:
  hid_t id_;
  Close close_;
};

/// What every call is about, for the text of errors.
struct H5Place {
  const std::filesystem::path& file;
  const std::string& object;
};

/// The innermost reason HDF5 has for its last failure.
std::string last_h5_reason();

/// Throws InputError "FILE: OBJECT: WHAT (reason)".
[[noreturn]] void throw_h5_error(const H5Place& place, const char* what);

/// The result of an HDF5 call, which is negative when it failed.
template <std::signed_integral Result>
Result check(Result result, const H5Place& place, const char* what) {
  if (result < 0) throw_h5_error(place, what);
  return result;
}

H5Handle open_dataset(hid_t file, const H5Place& place);
/// Property list of a new dataset or group without times, so that equal contents give equal files.
H5Handle timeless(hid_t property_class);
H5Handle text_type(std::size_t bytes);

/// The type of T in files.
template <class T>
hid_t file_type() {
  if constexpr (std::same_as<T, float>) return H5T_IEEE_F32LE;
  if constexpr (std::same_as<T, double>) return H5T_IEEE_F64LE;
  if constexpr (std::integral<T>) {
    constexpr bool is_signed = std::is_signed_v<T>;
    if constexpr (sizeof(T) == 1) return is_signed ? H5T_STD_I8LE : H5T_STD_U8LE;
    if constexpr (sizeof(T) == 2) return is_signed ? H5T_STD_I16LE : H5T_STD_U16LE;
    if constexpr (sizeof(T) == 4) return is_signed ? H5T_STD_I32LE : H5T_STD_U32LE;
    if constexpr (sizeof(T) == 8) return is_signed ? H5T_STD_I64LE : H5T_STD_U64LE;
  }
}

/// "uint32", "float64", "text" or "other".
std::string type_name(hid_t type);

/// The numbers types that pare reads and writes, for explicit instantiation. `long long` is left out: it is
/// no fixed-width type here.
#define PARE_FOR_EACH_H5_NUMBER(apply)                                                               \
  apply(std::int8_t) apply(std::int16_t) apply(std::int32_t) apply(std::int64_t) apply(std::uint8_t) \
      apply(std::uint16_t) apply(std::uint32_t) apply(std::uint64_t) apply(float) apply(double)

}  // namespace pare::framework::detail
