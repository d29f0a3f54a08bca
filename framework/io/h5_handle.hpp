// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <hdf5.h>

#include <mutex>
#include <string>
#include <utility>

#include "kernels/core/contract.hpp"

namespace pare::framework::detail {

/// The lock that every call into the library is made under.
inline std::mutex& h5_mutex() {
  static std::mutex mutex;
  return mutex;
}

/// Turns the library's own error printing off, and its exit handler, which crashes after a full disk. Called before anything else.
inline void h5_initialise() {
  static const bool done = [] {
    H5dont_atexit();
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    return true;
  }();
  static_cast<void>(done);
}

/// Owns one identifier of any kind.
class H5Handle {
 public:
  using Close = herr_t (*)(hid_t);

  /// Throws InputError("<where>: <what>") when the library refused.
  H5Handle(hid_t id, Close close, const std::string& where, const char* what) : id_(id), close_(close) {
    VALIDATE(id >= 0, where, ": ", what);
  }
  ~H5Handle() {
    if (id_ >= 0) close_(id_);
  }
  H5Handle(H5Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  H5Handle& operator=(H5Handle&&) = delete;

  operator hid_t() const { return id_; }

 private:
  hid_t id_;
  Close close_;
};

}  // namespace pare::framework::detail
