// SPDX-License-Identifier: Apache-2.0
#include "framework/io/h5_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <numeric>

#include "framework/io/mapped_file.hpp"
#include "tests/framework/config/expect_error.hpp"
#include "tests/search/store/scratch_directory.hpp"

namespace pare::test {
namespace {

using framework::H5File;

class H5FileTest : public testing::Test {
 protected:
  std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(directory_.path()), std::filesystem::directory_iterator()));
  }
  std::string error(const std::string& text) const { return path_.string() + ": " + text; }

  ScratchDirectory directory_;
  std::filesystem::path path_ = directory_ / "f.h5";
};

template <class T>
void expect_round_trip(const std::filesystem::path& path, const std::vector<T>& values) {
  H5File file = H5File::create(path);
  file.write("/x", values);
  file.commit();
  EXPECT_EQ(H5File::open(path).read<T>("/x"), values);
}

template <class T>
std::vector<T> extremes() {
  return {std::numeric_limits<T>::lowest(), T{0}, T{1}, std::numeric_limits<T>::max()};
}

TEST_F(H5FileTest, ReadsBackEveryNumberType) {
  expect_round_trip(path_, extremes<std::int8_t>());
  expect_round_trip(path_, extremes<std::int16_t>());
  expect_round_trip(path_, extremes<std::int32_t>());
  expect_round_trip(path_, extremes<std::int64_t>());
  expect_round_trip(path_, extremes<std::uint8_t>());
  expect_round_trip(path_, extremes<std::uint16_t>());
  expect_round_trip(path_, extremes<std::uint32_t>());
  expect_round_trip(path_, extremes<std::uint64_t>());
  expect_round_trip(path_, extremes<float>());
  expect_round_trip(path_, extremes<double>());
  expect_round_trip(path_, std::vector<double>{});
}

TEST_F(H5FileTest, ReadsBackMatricesWithAndWithoutCompression) {
  kernels::Matrix<std::int32_t> values(700, 900);
  std::iota(values.data(), values.data() + values.size(), 0);
  H5File file = H5File::create(path_);
  file.write("/plain", std::as_const(values).view());
  file.write("/packed", std::as_const(values).view(), true);
  file.write("/none", kernels::MatrixView<const std::int32_t>(nullptr, 0, 900), true);
  file.commit();

  const H5File read = H5File::open(path_);
  for (const char* name : {"/plain", "/packed"}) {
    const auto matrix = read.read_matrix<std::int32_t>(name);
    ASSERT_EQ(matrix.rows(), 700);
    ASSERT_EQ(matrix.cols(), 900);
    EXPECT_EQ(std::memcmp(matrix.data(), values.data(), 4u * 700 * 900), 0) << name;
  }
  EXPECT_EQ(read.shape("/none"), (std::vector<std::int64_t>{0, 900}));
  EXPECT_LT(std::filesystem::file_size(path_), 2u * 4 * 700 * 900);
}

TEST_F(H5FileTest, ReadsBackTexts) {
  const std::vector<std::string> texts = {"", "a", "größer", "two\nlines", std::string(3000, 'x')};
  H5File file = H5File::create(path_);
  file.write("/texts", texts);
  file.write("/none", std::vector<std::string>{});
  file.commit();

  const H5File read = H5File::open(path_);
  EXPECT_EQ(read.read_strings("/texts"), texts);
  EXPECT_TRUE(read.read_strings("/none").empty());
}

TEST_F(H5FileTest, ReadsBackAttributes) {
  H5File file = H5File::create(path_);
  file.create_group("/group");
  file.write("/group/x", std::vector<float>{1});
  file.describe("/group/x", "nats/token", "loss");
  file.set_attribute("/", "text", "käse");
  file.set_attribute("/", "empty", "");
  file.set_attribute("/group", "count", 7);
  file.set_attribute("/group", "least", std::numeric_limits<std::int64_t>::min());
  file.set_attribute("/group", "share", 0.1);
  file.commit();

  const H5File read = H5File::open(path_);
  EXPECT_EQ(read.string_attribute("/", "text"), "käse");
  EXPECT_EQ(read.string_attribute("/", "empty"), "");
  EXPECT_EQ(read.string_attribute("/group/x", "units"), "nats/token");
  EXPECT_EQ(read.int_attribute("/group", "count"), 7);
  EXPECT_EQ(read.int_attribute("/group", "least"), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(read.double_attribute("/group", "share"), 0.1);
  EXPECT_TRUE(read.has_attribute("/group", "share"));
  EXPECT_FALSE(read.has_attribute("/group", "none"));
  EXPECT_FALSE(read.has_attribute("/none", "none"));
}

TEST_F(H5FileTest, FillsADatasetByRowsInAnyOrder) {
  H5File file = H5File::create(path_);
  file.create_dataset<float>("/x", {4, 3});
  file.write_rows<float>("/x", 3, std::vector<float>{10, 11, 12});
  file.write_rows<float>("/x", 0, std::vector<float>{1, 2, 3, 4, 5, 6});
  file.create_dataset<std::uint8_t>("/list", {5});
  file.write_rows<std::uint8_t>("/list", 2, std::vector<std::uint8_t>{7, 8});
  file.create_dataset<std::uint8_t>("/nothing", {0});
  file.commit();

  const H5File read = H5File::open(path_);
  EXPECT_EQ(read.read<float>("/x"), (std::vector<float>{1, 2, 3, 4, 5, 6, 0, 0, 0, 10, 11, 12}));
  EXPECT_EQ(read.read_rows<float>("/x", 1, 1), (std::vector<float>{4, 5, 6}));
  EXPECT_EQ(read.read<std::uint8_t>("/list"), (std::vector<std::uint8_t>{0, 0, 7, 8, 0}));
  EXPECT_EQ(read.read_rows<std::uint8_t>("/list", 3, 2), (std::vector<std::uint8_t>{8, 0}));
  EXPECT_TRUE(read.read<std::uint8_t>("/nothing").empty());
}

TEST_F(H5FileTest, GivesAlignedOffsetsForMapping) {
  H5File file = H5File::create(path_);
  for (int i = 0; i < 20; ++i) {
    const std::string name = "/x" + std::to_string(i);
    file.write(name, std::vector<std::uint32_t>(static_cast<std::size_t>(1 + 37 * i), static_cast<std::uint32_t>(i)));
    file.describe(name, "1", "a dataset among attributes");
  }
  file.commit();

  const H5File read = H5File::open(path_);
  const framework::MappedFile mapped(path_);
  for (int i = 0; i < 20; ++i) {
    const std::int64_t offset = read.dataset_offset<std::uint32_t>("/x" + std::to_string(i));
    EXPECT_EQ(offset % 64, 0) << i;
    std::uint32_t last = 0;
    std::memcpy(&last, mapped.bytes().data() + offset + 4 * 37 * i, 4);
    EXPECT_EQ(last, static_cast<std::uint32_t>(i));
  }
}

TEST_F(H5FileTest, GivesNoOffsetForOtherTypesAndForCompressedData) {
  const kernels::Matrix<float> values(64, 64);
  std::fill_n(const_cast<float*>(values.data()), values.size(), 1.0f);
  H5File file = H5File::create(path_);
  file.write("/packed", values.view(), true);
  file.write("/x", std::vector<float>{1});
  file.commit();

  const H5File read = H5File::open(path_);
  EXPECT_EQ(error_of([&] { read.dataset_offset<float>("/packed"); }),
            error("/packed: is not stored in one piece, so it cannot be mapped"));
  EXPECT_EQ(error_of([&] { read.dataset_offset<double>("/x"); }), error("/x: holds float32, should hold float64"));
}

TEST_F(H5FileTest, IsNotThereWithoutCommit) {
  {
    H5File file = H5File::create(path_);
    file.write("/x", std::vector<float>{1});
    EXPECT_FALSE(std::filesystem::exists(path_));
    EXPECT_EQ(files(), 1u);
  }
  EXPECT_EQ(files(), 0u);
}

TEST_F(H5FileTest, ReplacesTheOldFileAtCommitOnly) {
  expect_round_trip<float>(path_, {1});
  H5File file = H5File::create(path_);
  file.write("/x", std::vector<float>{2});
  EXPECT_EQ(H5File::open(path_).read<float>("/x"), std::vector<float>{1});

  H5File moved = std::move(file);
  moved.commit();

  EXPECT_EQ(H5File::open(path_).read<float>("/x"), std::vector<float>{2});
  EXPECT_EQ(files(), 1u);
}

TEST_F(H5FileTest, GivesEqualBytesForEqualContents) {
  std::vector<std::vector<std::byte>> contents;
  for (int i = 0; i < 2; ++i) {
    H5File file = H5File::create(path_);
    file.create_group("/g");
    file.write("/g/x", std::vector<double>{1, 2});
    file.write("/g/names", std::vector<std::string>{"a", "b"});
    file.set_attribute("/g", "n", 1);
    file.commit();
    contents.push_back(read_bytes(path_));
    sleep(i == 0 ? 1 : 0);  // times are stored in seconds
  }
  EXPECT_EQ(contents[0], contents[1]);
}

TEST_F(H5FileTest, RefusesToCreateWhereItCannotWrite) {
  const std::filesystem::path path = directory_ / "none/f.h5";
  EXPECT_EQ(error_of([&] { H5File::create(path); }), path.string() + ": cannot be created in the directory " +
                                                         path.parent_path().string() + " (No such file or directory)");
}

TEST_F(H5FileTest, RefusesFilesThatAreNotHdf5) {
  EXPECT_EQ(error_of([&] { H5File::open(path_); }), error("there is no such file"));
  write_bytes(path_, std::as_bytes(std::span(std::string_view("not hdf5"))));
  EXPECT_THAT(error_of([&] { H5File::open(path_); }), testing::StartsWith(error("cannot be read as an HDF5 file (")));
}

TEST_F(H5FileTest, RefusesATruncatedFile) {
  expect_round_trip(path_, std::vector<float>(10'000, 1.0f));
  std::filesystem::resize_file(path_, 20'000);
  EXPECT_THAT(error_of([&] { H5File::open(path_); }), testing::StartsWith(error("cannot be read as an HDF5 file (")));
}

TEST_F(H5FileTest, NamesWhatIsWrongWithADataset) {
  H5File file = H5File::create(path_);
  file.create_group("/group");
  file.write("/words", std::vector<std::string>{"a"});
  file.write("/numbers", std::vector<std::uint32_t>{1, 2, 3});
  file.write("/wide", std::vector<std::int64_t>{1});
  file.commit();
  const H5File read = H5File::open(path_);

  EXPECT_EQ(error_of([&] { read.read<float>("/none"); }), error("/none: there is no such dataset"));
  EXPECT_EQ(error_of([&] { read.read<float>("/none/x"); }), error("/none/x: there is no such dataset"));
  EXPECT_EQ(error_of([&] { read.read<float>("/group"); }), error("/group: is a group, not a dataset"));
  EXPECT_EQ(error_of([&] { read.read<float>("/numbers"); }), error("/numbers: holds uint32, should hold float32"));
  EXPECT_EQ(error_of([&] { read.read<std::int32_t>("/numbers"); }), error("/numbers: holds uint32, should hold int32"));
  EXPECT_EQ(error_of([&] { read.read<std::int32_t>("/wide"); }), error("/wide: holds int64, should hold int32"));
  EXPECT_EQ(error_of([&] { read.read<std::uint8_t>("/words"); }), error("/words: holds text, should hold uint8"));
  EXPECT_EQ(error_of([&] { read.read_strings("/numbers"); }), error("/numbers: holds uint32, should hold text"));
  EXPECT_EQ(error_of([&] { read.read_matrix<std::uint32_t>("/numbers"); }),
            error("/numbers: has 1 dimensions, should have 2"));
  EXPECT_EQ(error_of([&] { read.read_rows<std::uint32_t>("/numbers", 2, 2); }),
            error("/numbers: has 3 rows, rows 2 to 4 are wanted"));
  EXPECT_EQ(error_of([&] { read.string_attribute("/", "none"); }), error("/: there is no attribute 'none'"));
  EXPECT_EQ(read.read<std::int64_t>("/numbers"), (std::vector<std::int64_t>{1, 2, 3}));
}

TEST_F(H5FileTest, RefusesAttributesOfAnotherType) {
  H5File file = H5File::create(path_);
  file.set_attribute("/", "text", "a");
  file.set_attribute("/", "number", 1.5);
  file.commit();
  const H5File read = H5File::open(path_);

  EXPECT_EQ(error_of([&] { read.int_attribute("/", "number"); }),
            error("/: attribute 'number' is float64, should be int64"));
  EXPECT_EQ(error_of([&] { read.double_attribute("/", "text"); }),
            error("/: attribute 'text' is text, should be float64"));
  EXPECT_EQ(error_of([&] { read.string_attribute("/", "number"); }),
            error("/: attribute 'number' is float64, should be text"));
}

TEST_F(H5FileTest, ListsWhatIsInTheFile) {
  H5File file = H5File::create(path_);
  file.create_group("/b");
  file.write("/b/x", std::vector<float>{1, 2});
  file.describe("/b/x", "1", "numbers");
  file.write("/a", std::vector<std::string>{"t"});
  file.set_attribute("/", "count", 3);
  file.commit();

  const auto objects = H5File::open(path_).objects();

  ASSERT_EQ(objects.size(), 4u);
  EXPECT_EQ(objects[0].name, "/");
  EXPECT_EQ(objects[0].attributes.at(0).key, "count");
  EXPECT_EQ(objects[0].attributes.at(0).value, "3");
  EXPECT_EQ(objects[1].name, "/a");
  EXPECT_EQ(objects[1].type, "text");
  EXPECT_EQ(objects[2].name, "/b");
  EXPECT_FALSE(objects[2].type);
  EXPECT_EQ(objects[3].name, "/b/x");
  EXPECT_EQ(objects[3].type, "float32");
  EXPECT_EQ(objects[3].shape, std::vector<std::int64_t>{2});
}

TEST_F(H5FileTest, AnswersWhatIsThere) {
  H5File file = H5File::create(path_);
  file.create_group("/b");
  file.write("/b/x", std::vector<float>{1});

  EXPECT_TRUE(file.contains("/"));
  EXPECT_TRUE(file.contains("/b/x"));
  EXPECT_FALSE(file.contains("/b/y"));
  EXPECT_FALSE(file.contains("/c/d/e"));
}

}  // namespace
}  // namespace pare::test
