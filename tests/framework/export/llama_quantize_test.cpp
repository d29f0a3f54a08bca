// SPDX-License-Identifier: Apache-2.0
#include "framework/export/llama_quantize.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/calibration/stage_calibrator.hpp"
#include "framework/io/gguf_file.hpp"
#include "tests/framework/config/expect_error.hpp"
#include "tests/framework/export/exported_world.hpp"

namespace pare::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(LlamaQuantize, TypesAreNamedByWholeTensorNames) {
  const ExportedWorld exported("q4_0-imatrix");

  const std::string text = framework::tensor_type_file(exported.world.model, exported.layers);

  EXPECT_THAT(text, StartsWith("^blk\\.0\\.attn_q\\.weight$=q4_0\n"));
  EXPECT_EQ(std::ranges::count(text, '\n'), 14);
}

TEST(LlamaQuantize, OptionsThatChangeWeightsFirstAreRefused) {
  const ExportedWorld exported("50%-magnitude-dense+q8_0");

  EXPECT_THAT(error_of([&] { framework::tensor_type_file(exported.world.model, exported.layers); }),
              HasSubstr("that tool prunes nothing, use --format gguf"));
}

TEST(LlamaQuantize, CommandNamesTheMatrixWhereThereIsOne) {
  EXPECT_THAT(framework::llama_quantize_script("pare", true), HasSubstr("--imatrix \"$here/imatrix.gguf\" --tensor"));
  EXPECT_EQ(framework::llama_quantize_script("pare", false).find("--imatrix"), std::string::npos);
}

TEST(ImportanceMatrix, HoldsSumsOfSquaresAndTokensOfEveryLinear) {
  const RandomModel files;
  const framework::Model model(files.write());
  const ScratchDirectory directory;
  framework::CalibrationWriter writer(directory / "calibration.h5", "key");
  for (const framework::Stage& stage : model.stages()) {
    for (const std::size_t reader : framework::input_readers(stage)) {
      framework::ActivationStatistics statistics(stage.linears[reader].inputs);
      kernels::Matrix<float> tile(3, stage.linears[reader].inputs);
      std::fill(tile.data(), tile.data() + tile.size(), 2.0f);
      statistics.add(tile.view());
      writer.add(stage, reader, statistics);
    }
  }
  writer.commit();

  framework::write_importance_matrix(model, framework::CalibrationFile(directory / "calibration.h5", "key"),
                                     {"texts", 5, 128}, directory / "imatrix.gguf");

  const framework::GgufFile file(directory / "imatrix.gguf");
  EXPECT_EQ(file.text("general.type"), "imatrix");
  EXPECT_EQ(file.whole("imatrix.chunk_count", 0, 99), 5);
  EXPECT_EQ(file.whole("imatrix.chunk_size", 0, 999), 128);
  EXPECT_EQ(file.keys().find("imatrix.datasets")->as_texts()->front(), "texts");
  EXPECT_EQ(file.tensors().size(), 28u);
  const auto& down = file.at("blk.1.ffn_down.weight.in_sum2");
  EXPECT_EQ(down.shape, (std::vector<std::int64_t>{96}));
  float sum = 0, count = 0;
  std::memcpy(&sum, file.bytes(down).data(), 4);
  std::memcpy(&count, file.bytes(file.at("blk.1.ffn_down.weight.counts")).data(), 4);
  EXPECT_EQ(sum, 12);
  EXPECT_EQ(count, 3);
}

}  // namespace
}  // namespace pare::test
