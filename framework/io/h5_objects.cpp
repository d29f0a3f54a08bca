// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>

#include "framework/io/h5_file.hpp"
#include "framework/io/h5_handle.hpp"

namespace pare::framework {

using detail::H5Handle;
using detail::H5Lock;
using detail::H5Place;

namespace {

herr_t append_name(hid_t, const char* name, const H5O_info_t*, void* names) {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

herr_t append_attribute_name(hid_t, const char* name, const H5A_info_t*, void* names) {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

}  // namespace

std::vector<H5File::Object> H5File::objects() const {
  const H5Lock lock;
  std::vector<std::string> names;
  detail::check(H5Ovisit2(file_, H5_INDEX_NAME, H5_ITER_INC, append_name, &names, H5O_INFO_BASIC), {path_, "/"},
                "cannot be listed");
  std::vector<Object> objects;
  for (const std::string& name : names) {
    Object& object = objects.emplace_back();
    object.name = name == "." ? "/" : "/" + name;
    const H5Handle handle(
        detail::check(H5Oopen(file_, object.name.c_str(), H5P_DEFAULT), {path_, object.name}, "cannot be opened"),
        H5Oclose);
    if (H5Iget_type(handle.get()) == H5I_DATASET) {
      const H5Handle type(H5Dget_type(handle.get()), H5Tclose);
      object.type = detail::type_name(type.get());
      object.shape = shape(object.name);
    }
    std::vector<std::string> keys;
    hsize_t start = 0;
    H5Aiterate2(handle.get(), H5_INDEX_NAME, H5_ITER_INC, &start, append_attribute_name, &keys);
    for (const std::string& key : keys) object.attributes.push_back({key, attribute_text(object.name, key)});
  }
  return objects;
}

std::string H5File::attribute_text(const std::string& object, const std::string& key) const {
  const H5Handle attribute(H5Aopen_by_name(file_, object.c_str(), key.c_str(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  const H5Handle type(H5Aget_type(attribute.get()), H5Tclose);
  const H5Handle space(H5Aget_space(attribute.get()), H5Sclose);
  if (H5Sget_simple_extent_npoints(space.get()) != 1) return "(several values)";
  switch (H5Tget_class(type.get())) {
    case H5T_STRING:
      return string_attribute(object, key);
    case H5T_INTEGER: {
      std::int64_t value = 0;
      H5Aread(attribute.get(), H5T_NATIVE_INT64, &value);
      return fmt::format("{}", value);
    }
    case H5T_FLOAT:
      return fmt::format("{:.6g}", double_attribute(object, key));
    default:
      return "(" + detail::type_name(type.get()) + ")";
  }
}

}  // namespace pare::framework
