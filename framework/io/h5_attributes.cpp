// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "framework/io/h5_file.hpp"
#include "framework/io/h5_handle.hpp"

namespace pare::framework {
namespace {

using detail::H5Handle;

H5Handle open_object(hid_t file, const std::string& object, const std::string& where) {
  return {H5Oopen(file, object.c_str(), H5P_DEFAULT), H5Oclose, where, "no such object"};
}

H5Handle make_attribute(hid_t object, const std::string& key, hid_t type, const std::string& where) {
  const H5Handle space(H5Screate(H5S_SCALAR), H5Sclose, where, "no data space");
  return {H5Acreate2(object, key.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose, where, "cannot be written (disk full?)"};
}

H5Handle string_type(std::size_t length, const std::string& where) {
  H5Handle type(H5Tcopy(H5T_C_S1), H5Tclose, where, "no string type");
  H5Tset_size(type, std::max<std::size_t>(length, 1));
  H5Tset_cset(type, H5T_CSET_UTF8);
  H5Tset_strpad(type, H5T_STR_NULLPAD);
  return type;
}

H5Attribute read_opened(hid_t attribute, const std::string& where) {
  constexpr std::size_t max_string = std::size_t{16} << 20;
  const H5Handle type(H5Aget_type(attribute), H5Tclose, where, "has no type");
  const H5Handle space(H5Aget_space(attribute), H5Sclose, where, "has no data space");
  VALIDATE(H5Sget_simple_extent_npoints(space) == 1, where, ": is not a single value");
  bool read = false;
  H5Attribute value;
  if (H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) > 0) {
    char* text = nullptr;
    read = H5Aread(attribute, type, &text) >= 0;
    value = std::string(read && text != nullptr ? text : "");
    if (text != nullptr) H5free_memory(text);
  } else if (H5Tget_class(type) == H5T_STRING) {
    const std::size_t length = H5Tget_size(type);
    VALIDATE(length <= max_string, where, ": is too long");
    std::string text(length, '\0');
    read = H5Aread(attribute, type, text.data()) >= 0;
    text.resize(::strnlen(text.data(), length));
    value = std::move(text);
  } else if (H5Tget_class(type) == H5T_INTEGER) {
    std::int64_t number = 0;
    read = H5Aread(attribute, H5T_NATIVE_INT64, &number) >= 0;
    value = number;
  } else if (H5Tget_class(type) == H5T_FLOAT) {
    double number = 0;
    read = H5Aread(attribute, H5T_NATIVE_DOUBLE, &number) >= 0;
    value = number;
  }
  VALIDATE(read, where, ": is neither text nor a number, or it is damaged");
  return value;
}

std::string type_name(hid_t type) {
  const std::string bits = std::to_string(8 * H5Tget_size(type));
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      return (H5Tget_sign(type) == H5T_SGN_NONE ? "uint" : "int") + bits;
    case H5T_FLOAT:
      return "float" + bits;
    case H5T_STRING:
      return "string";
    default:
      return "other";
  }
}

std::map<std::string, H5Attribute> attributes_of(hid_t object, const std::string& where) {
  std::map<std::string, H5Attribute> attributes;
  H5O_info_t info;
  if (H5Oget_info2(object, &info, H5O_INFO_NUM_ATTRS) < 0) return attributes;
  for (hsize_t i = 0; i < info.num_attrs; ++i) {
    const H5Handle attribute(H5Aopen_by_idx(object, ".", H5_INDEX_NAME, H5_ITER_INC, i, H5P_DEFAULT, H5P_DEFAULT), H5Aclose, where,
                             "damaged attribute");
    std::string name(static_cast<std::size_t>(std::max<ssize_t>(0, H5Aget_name(attribute, 0, nullptr))) + 1, '\0');
    H5Aget_name(attribute, name.size(), name.data());
    name.pop_back();
    attributes[name] = read_opened(attribute, where + ": " + name);
  }
  return attributes;
}

struct Visit {
  std::vector<H5Object>* objects;
  std::string where;
  std::string error;
};

/// Exceptions may not pass through the C library: they are kept as text.
herr_t visit_object(hid_t file, const char* name, const H5O_info_t* info, void* data) {
  auto& visit = *static_cast<Visit*>(data);
  try {
    H5Object object;
    object.name = std::string(name) == "." ? "/" : "/" + std::string(name);
    const H5Handle handle = open_object(file, name, visit.where);
    object.attributes = attributes_of(handle, visit.where + ": " + object.name);
    object.is_group = info->type == H5O_TYPE_GROUP;
    if (info->type == H5O_TYPE_DATASET) {
      const H5Handle type(H5Dget_type(handle), H5Tclose, visit.where, "has no type");
      object.type = type_name(type);
      const H5Handle space(H5Dget_space(handle), H5Sclose, visit.where, "has no data space");
      std::vector<hsize_t> sizes(static_cast<std::size_t>(std::max(0, H5Sget_simple_extent_ndims(space))));
      if (!sizes.empty()) H5Sget_simple_extent_dims(space, sizes.data(), nullptr);
      object.shape.assign(sizes.begin(), sizes.end());
    }
    visit.objects->push_back(std::move(object));
    return 0;
  } catch (const std::exception& error) {
    visit.error = error.what();
    return -1;
  }
}

}  // namespace

void H5File::write_attribute(const std::string& object, const std::string& key, const H5Attribute& value) {
  const std::lock_guard lock(detail::h5_mutex());
  const std::string where = path_.string() + ": " + object + ": " + key;
  if (H5Lexists(handle_, object.c_str(), H5P_DEFAULT) == 0 && object != "/") {
    const H5Handle group(H5Gcreate2(handle_, object.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose, where, "no group");
  }
  const H5Handle opened = open_object(handle_, object, where);
  herr_t status = -1;
  if (const auto* text = std::get_if<std::string>(&value)) {
    const H5Handle type = string_type(text->size(), where);
    std::string padded = *text;
    padded.resize(H5Tget_size(type), '\0');
    status = H5Awrite(make_attribute(opened, key, type, where), type, padded.data());
  } else if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    status = H5Awrite(make_attribute(opened, key, H5T_NATIVE_INT64, where), H5T_NATIVE_INT64, whole);
  } else {
    status = H5Awrite(make_attribute(opened, key, H5T_NATIVE_DOUBLE, where), H5T_NATIVE_DOUBLE, &std::get<double>(value));
  }
  VALIDATE(status >= 0, where, ": cannot be written (disk full?)");
}

H5Attribute H5File::read_attribute(const std::string& object, const std::string& key) const {
  const std::lock_guard lock(detail::h5_mutex());
  const std::string where = path_.string() + ": " + object + ": " + key;
  const H5Handle opened = open_object(handle_, object, where);
  const H5Handle attribute(H5Aopen(opened, key.c_str(), H5P_DEFAULT), H5Aclose, where, "no such attribute");
  return read_opened(attribute, where);
}

std::string H5File::read_string_attribute(const std::string& object, const std::string& key) const {
  const H5Attribute value = read_attribute(object, key);
  const auto* text = std::get_if<std::string>(&value);
  VALIDATE(text != nullptr, path_.string(), ": ", object, ": ", key, ": is not text");
  return *text;
}

std::int64_t H5File::read_int_attribute(const std::string& object, const std::string& key) const {
  const H5Attribute value = read_attribute(object, key);
  const auto* number = std::get_if<std::int64_t>(&value);
  VALIDATE(number != nullptr, path_.string(), ": ", object, ": ", key, ": is not a whole number");
  return *number;
}

double H5File::read_double_attribute(const std::string& object, const std::string& key) const {
  const H5Attribute value = read_attribute(object, key);
  const auto* number = std::get_if<double>(&value);
  VALIDATE(number != nullptr, path_.string(), ": ", object, ": ", key, ": is not a floating-point number");
  return *number;
}

std::vector<H5Object> H5File::list() const {
  const std::lock_guard lock(detail::h5_mutex());
  std::vector<H5Object> objects;
  Visit visit{&objects, path_.string(), {}};
  const herr_t status = H5Ovisit2(handle_, H5_INDEX_NAME, H5_ITER_INC, visit_object, &visit, H5O_INFO_BASIC);
  VALIDATE(status >= 0, visit.error.empty() ? path_.string() + ": cannot be listed (damaged file?)" : visit.error);
  return objects;
}

}  // namespace pare::framework
