// SPDX-License-Identifier: Apache-2.0
#include "framework/io/safetensors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/io/mapped_file.hpp"
#include "tests/framework/config/expect_error.hpp"
#include "tests/framework/io/safetensors_bytes.hpp"
#include "tests/framework/io/test_data.hpp"

namespace pare::test {
namespace {

using framework::parse_safetensors;
using framework::SafetensorsHeader;
using framework::StoredType;

std::string error_of_file(const std::vector<std::byte>& file) {
  return error_of([&] { parse_safetensors(file, "f.safetensors"); });
}

std::string error_of_header(const std::string& header, std::size_t data_bytes = 0) {
  return error_of_file(raw_safetensors(header, data_bytes));
}

TEST(Safetensors, ReadsTensorsInTheOrderOfTheirBytes) {
  const std::string header = R"({"__metadata__":{"format":"pt"},)"
                             R"("b":{"dtype":"BF16","shape":[2,3],"data_offsets":[4,16]},)"
                             R"("a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}   )";

  const SafetensorsHeader read = parse_safetensors(raw_safetensors(header, 16), "f");

  ASSERT_EQ(read.tensors.size(), 2u);
  const auto data = static_cast<std::int64_t>(8 + header.size());
  EXPECT_EQ(read.tensors[0].name, "a");
  EXPECT_EQ(read.tensors[0].type, StoredType::f32);
  EXPECT_TRUE(read.tensors[0].shape.empty());
  EXPECT_EQ(read.tensors[0].offset, data);
  EXPECT_EQ(read.tensors[1].name, "b");
  EXPECT_EQ(read.tensors[1].shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(read.tensors[1].offset, data + 4);
  EXPECT_EQ(read.tensors[1].bytes, 12);
  EXPECT_THAT(read.metadata, testing::ElementsAre(testing::Pair("format", "pt")));
}

TEST(Safetensors, AcceptsFilesWithoutTensorsAndTensorsWithoutElements) {
  EXPECT_TRUE(parse_safetensors(raw_safetensors("{}", 0), "f").tensors.empty());

  const std::string header = R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                             R"("empty":{"dtype":"F32","shape":[0,5],"data_offsets":[0,0]}})";
  const SafetensorsHeader read = parse_safetensors(raw_safetensors(header, 2), "f");
  EXPECT_EQ(read.tensors[0].name, "empty");
  EXPECT_EQ(read.tensors[1].name, "a");
}

TEST(Safetensors, ReadsRealFiles) {
  const auto path = test_data("safetensors-samples/retsim.safetensors");
  PARE_SKIP_WITHOUT(path);
  const framework::MappedFile file(path);

  const SafetensorsHeader read = parse_safetensors(file.bytes(), path.string());

  EXPECT_FALSE(read.tensors.empty());
  EXPECT_EQ(read.tensors.back().offset + read.tensors.back().bytes, static_cast<std::int64_t>(file.bytes().size()));
}

TEST(Safetensors, RefusesFilesThatAreTooShort) {
  EXPECT_EQ(error_of_file({}),
            "f.safetensors: not a safetensors file (0 bytes, the length of the header alone takes 8)");
  EXPECT_EQ(error_of_file(std::vector<std::byte>(7)),
            "f.safetensors: not a safetensors file (7 bytes, the length of the header alone takes 8)");
}

TEST(Safetensors, RefusesAHeaderLongerThanTheFile) {
  std::vector<std::byte> file = raw_safetensors("{}", 0);
  file[0] = std::byte{200};

  EXPECT_EQ(error_of_file(file),
            "f.safetensors: cut off or not a safetensors file (a header of 200 bytes in a file of 10)");
}

TEST(Safetensors, RefusesAHeaderBeyondTheLimitOfTheFormat) {
  std::vector<std::byte> file = raw_safetensors("{}", 0);
  for (std::size_t i = 0; i < 8; ++i) file[i] = std::byte{0xff};

  EXPECT_EQ(error_of_file(file),
            "f.safetensors: not a safetensors file (a header of 18446744073709551615 bytes, at most "
            "100000000 are allowed)");
}

TEST(Safetensors, RefusesTensorsThatOverlap) {
  EXPECT_EQ(error_of_header(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                            R"("b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})",
                            6),
            "f.safetensors: tensor 'b': its data begins at 2, inside another tensor, it should begin at 4");
}

TEST(Safetensors, RefusesGaps) {
  EXPECT_EQ(error_of_header(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[1,5]}})", 5),
            "f.safetensors: tensor 'a': its data begins at 1, which leaves a gap, it should begin at 0");
}

TEST(Safetensors, RefusesTensorsBeyondTheEndOfTheFile) {
  EXPECT_EQ(error_of_header(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 5),
            "f.safetensors: tensor 'a': its data ends 3 bytes beyond the end of the file (is the file cut off?)");
}

TEST(Safetensors, RefusesBytesThatBelongToNoTensor) {
  EXPECT_EQ(error_of_header(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 11),
            "f.safetensors: 3 bytes at the end of the file belong to no tensor");
}

TEST(Safetensors, RefusesAShapeThatDoesNotFitItsBytes) {
  EXPECT_EQ(error_of_header(R"({"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,8]}})", 8),
            "f.safetensors: tensor 'a': data_offsets [0, 8] hold 8 bytes, shape [2, 2] of F32 needs 16");
}

TEST(Safetensors, RefusesShapesWhoseProductOverflows) {
  EXPECT_EQ(error_of_header(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})"),
            "f.safetensors: tensor 'a': shape [4294967296, 4294967296] is too large to exist");
}

TEST(Safetensors, RefusesOffsetsThatEndBeforeTheyBegin) {
  EXPECT_EQ(error_of_header(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[8,4]}})", 8),
            "f.safetensors: tensor 'a': data_offsets [8, 4] end before they begin");
}

TEST(Safetensors, RefusesUnknownTypes) {
  EXPECT_THAT(error_of_header(R"({"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}})", 4),
              testing::StartsWith("f.safetensors: tensor 'a': unknown dtype 'F31' (known: BOOL, U8, "));
}

TEST(Safetensors, RefusesDuplicateNames) {
  EXPECT_EQ(error_of_header(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                            R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
                            1),
            "f.safetensors: tensor 'a' is there twice");
  EXPECT_EQ(error_of_header(R"({"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}})", 1),
            "f.safetensors: tensor 'a': key 'dtype' is there twice");
  EXPECT_EQ(error_of_header(R"({"__metadata__":{"k":"1","k":"2"}})"),
            "f.safetensors: key 'k' is there twice in __metadata__");
  EXPECT_EQ(error_of_header(R"({"__metadata__":{},"__metadata__":{}})"),
            "f.safetensors: tensor '__metadata__' is there twice");
}

struct BadHeader {
  std::string header;
  std::string error;
};

TEST(Safetensors, RefusesHeadersOfAnotherForm) {
  const std::vector<BadHeader> cases = {
      {" {}", "not a safetensors file (the header does not start with '{')"},
      {"[]", "not a safetensors file (the header does not start with '{')"},
      {"", "not a safetensors file (the header does not start with '{')"},
      {"{", "the header is not JSON (at its byte 2)"},
      {"{}x", "the header is not JSON (at its byte 3)"},
      {R"({"a":})", "the header is not JSON (at its byte 6)"},
      {"{\"\xff\":1}", "the header is not JSON (at its byte 3)"},
      {std::string("{}\0{}", 5), "the header is not JSON (there is a zero byte at its byte 3)"},
      {R"({"a":1})", "tensor 'a': is a number, should be an object with dtype, shape and data_offsets"},
      {R"({"a":[]})", "tensor 'a': is a list, should be an object with dtype, shape and data_offsets"},
      {R"({"a":{}})", "tensor 'a': needs dtype, shape and data_offsets"},
      {R"({"a":{"dtype":1}})", "tensor 'a': dtype is a number, should be a text"},
      {R"({"a":{"shape":4}})", "tensor 'a': shape holds a number, should be a list of whole numbers"},
      {R"({"a":{"shape":[[1]]}})", "tensor 'a': shape holds a list, should be a list of whole numbers"},
      {R"({"a":{"shape":[-1]}})", "tensor 'a': shape holds a negative number, should be a list of whole numbers"},
      {R"({"a":{"shape":[1.0]}})",
       "tensor 'a': shape holds a number with fraction or exponent, should be a list of whole numbers"},
      {R"({"a":{"shape":[18446744073709551615]}})",
       "tensor 'a': shape holds a number beyond 2^63, should be a list of whole numbers"},
      {R"({"a":{"shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}})", "tensor 'a': shape has more than 16 sizes"},
      {R"({"a":{"data_offsets":[0]}})", "tensor 'a': data_offsets needs two numbers"},
      {R"({"a":{"data_offsets":[0,1,2]}})", "tensor 'a': data_offsets needs two numbers"},
      {R"({"a":{"data_offsets":null}})", "tensor 'a': data_offsets holds null, should be two whole numbers"},
      {R"({"a":{"stride":[1]}})", "tensor 'a': unknown key 'stride' (known: dtype, shape, data_offsets)"},
      {R"({"__metadata__":{"k":1}})", "__metadata__ may hold texts only, not a number"},
      {R"({"__metadata__":{"k":{}}})", "__metadata__ may hold texts only, not an object"},
      {R"({"__metadata__":"x"})", "__metadata__ may hold texts only, not a text"},
      {"{\"a\\nb\":1}", "tensor 'a\\x0ab': is a number, should be an object with dtype, shape and data_offsets"},
      {"{\"" + std::string(5000, 'n') + "\":{}}",
       "tensor '" + std::string(100, 'n') + "...': the name is longer than 4096 bytes"},
  };
  for (const BadHeader& bad : cases)
    EXPECT_EQ(error_of_header(bad.header), "f.safetensors: " + bad.error) << bad.header;
}

TEST(Safetensors, RefusesDeepNestingWithoutRecursion) {
  const std::string deep = R"({"a":{"shape":)" + std::string(1'000'000, '[');
  EXPECT_EQ(error_of_header(deep), "f.safetensors: tensor 'a': shape holds a list, should be a list of whole numbers");
}

}  // namespace
}  // namespace pare::test
