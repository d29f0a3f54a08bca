// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdlib>

#include "framework/io/atomic_file.hpp"
#include "framework/io/h5_file.hpp"
#include "tests/framework/config/expect_error.hpp"
#include "tests/search/store/scratch_directory.hpp"

namespace pare::test {
namespace {

using framework::H5File;

constexpr const char* python = "/usr/bin/python3";

/// Files are exchanged with h5py, which other people use.
class H5PythonTest : public testing::Test {
 protected:
  void SetUp() override {
    if (std::system((std::string(python) + " -c 'import h5py' 2>/dev/null").c_str()) != 0) {
      GTEST_SKIP() << python << " has no h5py";
    }
  }

  /// Runs a script that knows the file as `path` and h5py, numpy as np; its exit status.
  int run(const std::string& script) {
    const std::filesystem::path file = directory_ / "script.py";
    framework::write_file_atomically(file, "import sys, h5py, numpy as np\npath = sys.argv[1]\n" + script);
    return std::system((std::string(python) + " " + file.string() + " " + path_.string()).c_str());
  }

  ScratchDirectory directory_;
  std::filesystem::path path_ = directory_ / "f.h5";
};

TEST_F(H5PythonTest, ReadsOurFiles) {
  kernels::Matrix<float> matrix(2, 3);
  for (int i = 0; i < 6; ++i) matrix.data()[i] = static_cast<float>(i);
  H5File file = H5File::create(path_);
  file.create_group("/g");
  file.write("/g/x", std::vector<std::uint32_t>{1, 2, 4000000000u});
  file.write("/g/m", std::as_const(matrix).view(), true);
  file.write("/names", std::vector<std::string>{"a", "größer"});
  file.describe("/g/x", "tokens", "counts");
  file.set_attribute("/", "n", -5);
  file.set_attribute("/", "empty", "");
  file.commit();

  EXPECT_EQ(run(R"(
f = h5py.File(path, "r")
assert f["g/x"].dtype == np.uint32 and f["g/x"][:].tolist() == [1, 2, 4000000000]
assert f["g/m"].dtype == np.float32 and f["g/m"][:].tolist() == [[0, 1, 2], [3, 4, 5]]
assert f["names"].asstr()[:].tolist() == ["a", "größer"]
text = lambda value: value.decode() if isinstance(value, bytes) else str(value)
assert text(f["g/x"].attrs["units"]) == "tokens"
assert f.attrs["n"] == -5
)"),
            0);
}

TEST_F(H5PythonTest, WritesFilesWeRead) {
  ASSERT_EQ(run(R"(
f = h5py.File(path, "w")
f["tokens"] = np.arange(5, dtype=np.uint32)
f.create_dataset("packed", data=np.arange(100, dtype=np.int64), compression="gzip")
f["names"] = ["a", "größer"]
f["fixed"] = np.array([b"ab", b"c"], dtype="S4")
f["scalar"] = 2.5
f.attrs["source"] = "käse"
f.attrs["vocab_size"] = 512
f.attrs["flag"] = np.uint8(1)
f.attrs["many"] = [1, 2]
f.attrs["none"] = h5py.Empty("f8")
)"),
            0);
  const H5File read = H5File::open(path_);

  EXPECT_EQ(read.read<std::uint32_t>("/tokens"), (std::vector<std::uint32_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(read.read<std::int64_t>("/packed").back(), 99);
  EXPECT_EQ(read.read_strings("/names"), (std::vector<std::string>{"a", "größer"}));
  EXPECT_EQ(read.read_strings("/fixed"), (std::vector<std::string>{"ab", "c"}));
  EXPECT_EQ(read.read<double>("/scalar"), std::vector<double>{2.5});
  EXPECT_EQ(read.string_attribute("/", "source"), "käse");
  EXPECT_EQ(read.int_attribute("/", "vocab_size"), 512);
  EXPECT_EQ(read.int_attribute("/", "flag"), 1);
  EXPECT_EQ(error_of([&] { read.int_attribute("/", "many"); }),
            path_.string() + ": /: attribute 'many' is not a single value");
  EXPECT_EQ(error_of([&] { read.double_attribute("/", "none"); }),
            path_.string() + ": /: attribute 'none' is not a single value");
  EXPECT_EQ(read.objects().front().attributes.size(), 5u);
}

TEST_F(H5PythonTest, RefusesDatasetsThatClaimMoreThanTheFileCanHold) {
  ASSERT_EQ(run(R"(
f = h5py.File(path, "w")
f.create_dataset("huge", shape=(2**40, 2**20), dtype="f4", chunks=(1024, 1024))
f.create_dataset("overflow", shape=(2**62, 8), dtype="u1", chunks=(1024, 8))
f.create_dataset("names", shape=(2**50,), dtype="S8", chunks=(1024,))
f.create_dataset("vlen", shape=(2**50,), dtype=h5py.string_dtype(), chunks=(1024,))
)"),
            0);
  const H5File read = H5File::open(path_);

  for (const char* name : {"/huge", "/overflow", "/names", "/vlen"}) {
    const std::string error = error_of([&] {
      if (std::string(name) == "/huge") read.read_matrix<float>(name);
      if (std::string(name) == "/overflow") read.read<std::uint8_t>(name);
      read.read_strings(name);
    });
    EXPECT_NE(error.find(": has more elements than a file of "), std::string::npos) << error;
  }
}

}  // namespace
}  // namespace pare::test
