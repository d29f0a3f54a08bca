// SPDX-License-Identifier: Apache-2.0
#include "framework/io/h5_handle.hpp"

#include <fmt/format.h>

#include "kernels/core/error.hpp"

namespace pare::framework::detail {
namespace {

std::recursive_mutex& library_mutex() {
  static std::recursive_mutex mutex;
  return mutex;
}

void prepare_library() {
  H5dont_atexit();
  H5open();
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

herr_t keep_description(unsigned, const H5E_error2_t* error, void* text) {
  if (error->desc != nullptr) *static_cast<std::string*>(text) = error->desc;
  return 0;
}

}  // namespace

H5Lock::H5Lock() : lock_(library_mutex()) {
  static const bool prepared = (prepare_library(), true);
  static_cast<void>(prepared);
}

std::string last_h5_reason() {
  std::string reason;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, keep_description, &reason);
  // HDF5 adds name, descriptor and flags after the text of errno; only the latter helps a reader.
  const std::string marker = "error message = '";
  if (const auto begin = reason.find(marker); begin != std::string::npos) {
    const auto end = reason.find('\'', begin + marker.size());
    reason = reason.substr(begin + marker.size(), end - begin - marker.size());
  }
  return reason.empty() ? "no reason given" : reason;
}

void throw_h5_error(const H5Place& place, const char* what) {
  throw InputError(fmt::format("{}: {}{}{} ({})", place.file.string(), place.object, place.object.empty() ? "" : ": ",
                               what, last_h5_reason()));
}

H5Handle open_dataset(hid_t file, const H5Place& place) {
  const htri_t exists = H5Lexists(file, place.object.c_str(), H5P_DEFAULT);
  if (exists <= 0) throw InputError(place.file.string() + ": " + place.object + ": there is no such dataset");
  H5Handle object(check(H5Oopen(file, place.object.c_str(), H5P_DEFAULT), place, "cannot be opened"), H5Oclose);
  if (H5Iget_type(object.get()) != H5I_DATASET) {
    throw InputError(place.file.string() + ": " + place.object + ": is a group, not a dataset");
  }
  return object;
}

H5Handle timeless(hid_t property_class) {
  H5Handle properties(H5Pcreate(property_class), H5Pclose);
  H5Pset_obj_track_times(properties.get(), false);
  return properties;
}

H5Handle text_type(std::size_t bytes) {
  H5Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.get(), bytes);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  H5Tset_strpad(type.get(), H5T_STR_NULLPAD);
  return type;
}

std::string type_name(hid_t type) {
  const std::size_t bits = 8 * H5Tget_size(type);
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      return fmt::format("{}int{}", H5Tget_sign(type) == H5T_SGN_NONE ? "u" : "", bits);
    case H5T_FLOAT:
      return fmt::format("float{}", bits);
    case H5T_STRING:
      return "text";
    default:
      return "other";
  }
}

}  // namespace pare::framework::detail
