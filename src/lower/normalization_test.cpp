#include "lower/sketch_test.h"

namespace onnxport::lower {
namespace {

const Expr n = Expr::symbol("n");

std::string batch_norm(bool training) {
  Sketch s;
  auto x = s.input("x", {n, 4, 8, 8});
  auto y = s.call("aten::batch_norm",
                  {{"input", x},
                   {"weight", s.weight("w", {4})},
                   {"bias", s.weight("b", {4})},
                   {"running_mean", s.weight("m", {4})},
                   {"running_var", s.weight("v", {4})},
                   {"training", training},
                   {"momentum", 0.1},
                   {"eps", 1e-5},
                   {"cudnn_enabled", true}},
                  {n, 4, 8, 8});
  return s.returns(y).nodes();
}

TEST(Normalization, BatchNormOfATrainedModelIsOneNode) {
  EXPECT_EQ(batch_norm(false), "BatchNormalization");
}

TEST(Normalization, BatchNormInTrainingModeIsRefusedWithTheRemedy) {
  EXPECT_NE(batch_norm(true).find("model.eval()"), std::string::npos);
}

TEST(Normalization, LayerNormIsWrittenOutBelowOpset17) {
  Sketch s;
  auto x = s.input("x", {n, 5, 8});
  auto y = s.call("aten::layer_norm",
                  {{"input", x},
                   {"normalized_shape", list(std::vector<int64_t>{8})},
                   {"weight", s.weight("w", {8})},
                   {"bias", s.weight("b", {8})}},
                  {n, 5, 8});
  s.returns(y);
  EXPECT_EQ(s.nodes(17), "LayerNormalization");
  EXPECT_EQ(s.nodes(16), "ReduceMean Sub Mul ReduceMean Add Sqrt Div Mul Add");
}

std::string group_norm(int64_t groups, int64_t opset) {
  Sketch s;
  auto x = s.input("x", {n, 4, 8, 8});
  auto y = s.call("aten::group_norm",
                  {{"input", x},
                   {"num_groups", Expr(groups)},
                   {"weight", s.weight("w", {4})},
                   {"bias", s.weight("b", {4})}},
                  {n, 4, 8, 8});
  return s.returns(y).nodes(opset);
}

TEST(Normalization, GroupNormIsOneNodeFromOpset21AndForGroupsOfOneChannel) {
  EXPECT_EQ(group_norm(2, 21), "GroupNormalization");
  EXPECT_EQ(group_norm(2, 20), "Reshape InstanceNormalization Reshape Mul Add");
  EXPECT_EQ(group_norm(4, 17), "InstanceNormalization");
}

TEST(Normalization, RmsNormIsOneNodeFromOpset23) {
  Sketch s;
  auto x = s.input("x", {n, 8});
  auto y = s.call("aten::rms_norm",
                  {{"input", x},
                   {"normalized_shape", list(std::vector<int64_t>{8})},
                   {"weight", s.weight("w", {8})},
                   {"eps", 1e-6}},
                  {n, 8});
  s.returns(y);
  EXPECT_EQ(s.nodes(23), "RMSNormalization");
  EXPECT_EQ(s.nodes(22), "Mul ReduceMean Add Sqrt Div Mul");
}

}  // namespace
}  // namespace onnxport::lower
