// SPDX-License-Identifier: Apache-2.0
#include "framework/io/h5_file.hpp"

#include "framework/io/h5_handle.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {

using detail::check;
using detail::H5Handle;
using detail::H5Lock;
using detail::H5Place;

namespace {

const std::string no_object;

H5Handle access_properties() {
  H5Handle properties(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  H5Pset_fclose_degree(properties.get(), H5F_CLOSE_STRONG);
  // Files are private until they are complete and are never changed afterwards, so locks, which fail on some
  // cluster file systems, protect nothing.
  H5Pset_file_locking(properties.get(), false, true);
  // Cache lines, so that mapped numbers are aligned.
  H5Pset_alignment(properties.get(), 1, 64);
  return properties;
}

}  // namespace

H5File H5File::create(const std::filesystem::path& path) {
  const H5Lock lock;
  H5File result;
  result.path_ = path;
  result.temporary_.emplace(path);
  const H5Handle creation = detail::timeless(H5P_FILE_CREATE);
  result.file_ =
      check(H5Fcreate(result.temporary_->path().c_str(), H5F_ACC_TRUNC, creation.get(), access_properties().get()),
            {path, no_object}, "cannot be created");
  return result;
}

H5File H5File::open(const std::filesystem::path& path) {
  const H5Lock lock;
  std::error_code unknown;
  VALIDATE(std::filesystem::exists(path, unknown) || unknown, path.string(), ": there is no such file");
  H5File result;
  result.path_ = path;
  result.file_ = check(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access_properties().get()), {path, no_object},
                       "cannot be read as an HDF5 file");
  return result;
}

H5File::~H5File() {
  if (file_ < 0) return;
  const H5Lock lock;
  H5Fclose(file_);
}

H5File::H5File(H5File&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, std::nullopt)),
      file_(std::exchange(other.file_, -1)) {}

H5File& H5File::operator=(H5File&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(temporary_, other.temporary_);
  std::swap(file_, other.file_);
  return *this;
}

void H5File::commit() {
  EXPECT(temporary_ && file_ >= 0, path_.string(), " is not open for writing");
  {
    const H5Lock lock;
    check(H5Fclose(std::exchange(file_, -1)), {path_, no_object}, "cannot be written");
  }
  temporary_->commit();
  temporary_.reset();
}

bool H5File::contains(const std::string& name) const {
  const H5Lock lock;
  // H5Lexists fails, instead of answering no, when a group on the way is missing.
  for (std::size_t end = name.find('/', 1);; end = name.find('/', end + 1)) {
    if (H5Lexists(file_, name.substr(0, end).c_str(), H5P_DEFAULT) <= 0) return name == "/";
    if (end == std::string::npos) return true;
  }
}

void H5File::create_group(const std::string& name) {
  const H5Lock lock;
  EXPECT(temporary_ && !contains(name), path_.string(), ": ", name);
  const H5Handle creation = detail::timeless(H5P_GROUP_CREATE);
  const H5Handle group(check(H5Gcreate2(file_, name.c_str(), H5P_DEFAULT, creation.get(), H5P_DEFAULT), {path_, name},
                             "cannot create the group"),
                       H5Gclose);
}

}  // namespace pare::framework
