#include "onnx/check.h"

#include <onnx/onnx_pb.h>

#include "base/file.h"
#include "onnx/file_fixture.h"
#include "onnx/write.h"

namespace onnxport::onnx {
namespace {

class Check : public FileTest {
 protected:
  std::string verdict(const Model& model, const WriteOptions& options = {}) {
    auto written = write_model(model, path("m.onnx"), options);
    EXPECT_TRUE(written.ok()) << written.error().str();
    const Status status = check_file(path("m.onnx"));
    return status.ok() ? "valid" : status.error().str();
  }
};

TEST_F(Check, AcceptsAValidModel) { EXPECT_EQ(verdict(sample_model()), "valid"); }

TEST_F(Check, AcceptsLargeInitializersInsideAndBeside) {
  EXPECT_EQ(verdict(sample_model(100000)), "valid");
  EXPECT_EQ(verdict(sample_model(100000), {.external_data_above = 0}), "valid");
  EXPECT_EQ(verdict(sample_model(1000), {.external_data_above = 0}), "valid");
}

TEST_F(Check, RefusesWhatTheCheckerRefuses) {
  Model model = sample_model();
  model.graph->first()->op_type = "NoSuchOperator";
  EXPECT_NE(verdict(model).find("NoSuchOperator"), std::string::npos);
  model = sample_model();
  model.graph->first()->set("no_such_attribute", 1);
  EXPECT_NE(verdict(model).find("no_such_attribute"), std::string::npos);
  model = sample_model();
  model.opset_imports.clear();
  EXPECT_NE(verdict(model), "valid");
  model = sample_model();
  model.ir_version = 99;
  EXPECT_NE(verdict(model).find("99"), std::string::npos);
}

TEST_F(Check, RefusesShapesThatDoNotFit) {
  Model model = sample_model();
  model.graph->find("y")->shape = Shape{Expr::symbol("batch_size"), 5};
  EXPECT_NE(verdict(model).find("m.onnx"), std::string::npos);
  model = sample_model();
  model.graph->inputs[0]->shape = Shape{Expr::symbol("batch_size"), 9};
  EXPECT_NE(verdict(model), "valid");
}

TEST_F(Check, RefusesAFileThatIsCutOff) {
  ASSERT_TRUE(write_model(sample_model(), path("m.onnx")).ok());
  const std::string whole = *read_file(path("m.onnx"));
  for (size_t size = 0; size < whole.size(); size += 7) {
    put(path("cut.onnx"), whole.substr(0, size));
    EXPECT_FALSE(check_file(path("cut.onnx")).ok()) << size;
  }
}

TEST_F(Check, FollowsASymbolicLinkToTheFile) {
  ASSERT_TRUE(write_model(sample_model(100000), path("m.onnx")).ok());
  std::filesystem::create_symlink(path("m.onnx"), path("link.onnx"));
  const Status status = check_file(path("link.onnx"));
  EXPECT_TRUE(status.ok()) << status.error().str();
}

}  // namespace
}  // namespace onnxport::onnx
