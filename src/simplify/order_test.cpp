// The result does not depend on the order in which rules are registered.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "onnx/file_fixture.h"
#include "onnx/text_model.h"
#include "simplify/engine.h"

namespace onnxport::simplify {
namespace {

// Several rules fit each of its nodes.
constexpr const char* kModel = R"(
<ir_version: 8, opset_import: ["" : 17]>
g (float[N, 3, 8, 8] x) => (float[N, 4] y, float[N, 192] z)
<float[4, 3, 3, 3] w = {1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9,
1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9,
1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9},
 float[4] s = {1,2,3,4}, float[4] b = {1,2,3,4}, float[4] m = {1,2,3,4}, float[4] v = {1,2,3,4},
 float one = {1}, float zero = {0}, float[4, 1, 1] k = {1,2,3,4}, int64[8] p = {0,0,1,1,0,0,1,1},
 int64 i = {0}, int64[1] ax = {0}, int64[1] minus = {-1}>
{
  padded = Pad(x, p)
  c = Conv(padded, w)
  n = BatchNormalization(c, s, b, m, v)
  k1 = Mul(n, k)
  k2 = Mul(k1, one)
  k3 = Add(k2, zero)
  r = Relu(k3)
  r2 = Relu(r)
  g1 = GlobalAveragePool(r2)
  y = Flatten(g1)
  t = Transpose<perm = [0, 2, 3, 1]>(x)
  a = Sigmoid(t)
  t2 = Transpose<perm = [0, 3, 1, 2]>(a)
  a2 = Sigmoid(t)
  t3 = Transpose<perm = [0, 3, 1, 2]>(a2)
  sum = Add(t2, t3)
  shape = Shape(sum)
  batch = Gather(shape, i)
  u = Unsqueeze(batch, ax)
  target = Concat<axis = 0>(u, minus)
  z1 = Reshape(sum, target)
  e = Identity(z1)
  z = Dropout(e)
}
)";

class Order : public onnx::FileTest {
 protected:
  std::string simplified() {
    onnx::Model model = onnx::text_model(kModel, path("m.onnx"));
    auto summary = simplify(model);
    EXPECT_TRUE(summary.ok());
    return onnx::dump(model);
  }
};

TEST_F(Order, OfRegistrationChangesNothing) {
  const std::vector<Rule> before = registered_rules();
  const std::string expected = simplified();
  EXPECT_EQ(expected.find("BatchNormalization"), std::string::npos);
  EXPECT_EQ(expected.find("Transpose"), std::string::npos);
  for (uint32_t seed = 0; seed < 20; ++seed) {
    std::shuffle(registered_rules().begin(), registered_rules().end(), std::mt19937(seed));
    EXPECT_EQ(simplified(), expected) << "shuffled with seed " << seed;
  }
  std::reverse(registered_rules().begin(), registered_rules().end());
  EXPECT_EQ(simplified(), expected);
  registered_rules() = before;
}

}  // namespace
}  // namespace onnxport::simplify
