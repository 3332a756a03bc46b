// Scales that go into the weights of grouped convolutions, as a table; and the weights.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "simplify/simplify.h"
#include "simplify/table_test.h"

namespace onnxport::simplify {
namespace {

using ::testing::ElementsAre;

class Groups : public GraphText, public ::testing::WithParamInterface<Pair> {};

TEST_P(Groups, GivesTheOperatorsOfTheTable) { expect_operators(GetParam()); }

TEST_P(Groups, ChangesNothingTheSecondTime) { expect_settled(GetParam()); }

constexpr Pair kPairs[] = {
    {"scale_into_grouped_conv_transpose",
     "g (float[N, 4, H] x) => (float[N, 4, H2] y) <float[4, 2, 1] w = {1, 2, 3, 4, 5, 6, 7, 8}, "
     "float[4, 1] k = {2, 3, 5, 7}> { a = ConvTranspose<group = 2>(x, w) y = Mul(a, k) }",
     "ConvTranspose"},
    {"batch_normalization_into_grouped_conv_transpose",
     "g (float[N, 2, H] x) => (float[N, 4, H2] y) <float[2, 2, 1] w = {1, 2, 3, 4}, "
     "float[4] b = {1, 1, 2, 2}, float[4] s = {2, 3, 5, 7}, float[4] m = {0, 1, 0, 1}, "
     "float[4] v = {1, 4, 1, 4}> "
     "{ a = ConvTranspose<group = 2>(x, w, b) y = BatchNormalization(a, s, b, m, v) }",
     "ConvTranspose"},
    {"scale_before_grouped_conv_transpose",
     "g (float[N, 2, H] x) => (float[N, 4, H2] y) <float[2, 2, 1] w = {1, 2, 3, 4}, "
     "float[2, 1] k = {2, 3}> "
     "{ r = Relu(x) a = Mul(r, k) y = ConvTranspose<group = 2>(a, w) }",
     "Relu ConvTranspose"},
    {"scale_before_grouped_conv",
     "g (float[N, 4, H] x) => (float[N, 2, H2] y) <float[2, 2, 1] w = {1, 2, 3, 4}, "
     "float[4, 1] k = {2, 3, 5, 7}> { r = Relu(x) a = Mul(r, k) y = Conv<group = 2>(a, w) }",
     "Relu Conv"},
    {"scale_of_a_weight_without_elements_stays",  // of so many channels that no list holds them
     "g (float[1, 0, 4] x) => (float[1, C, 4] y) <float[1099511627776, 0, 1] w = {}, float k = {2}> "
     "{ a = Conv(x, w) y = Mul(a, k) }",
     "Conv Mul"},
    {"scale_of_a_shared_grouped_conv_transpose_stays",
     "g (float[N, 4, H] x) => (float[N, 4, H2] y) <float[4, 2, 1] w = {1, 2, 3, 4, 5, 6, 7, 8}, "
     "float[4, 1] k = {2, 3, 5, 7}> "
     "{ a = ConvTranspose<group = 2>(x, w) b = Mul(a, k) y = Add(a, b) }",
     "ConvTranspose Mul Add"},
};

INSTANTIATE_TEST_SUITE_P(Table, Groups, ::testing::ValuesIn(kPairs),
                         [](const auto& info) { return std::string(info.param.name); });

class Weights : public GraphText {
 protected:
  std::vector<float> weight_after(const char* graph) {
    onnx::Model model = parse(graph);
    EXPECT_TRUE(simplify(model).ok());
    for (const onnx::Node* node : model.graph->nodes()) {
      if (node->is("Conv") || node->is("ConvTranspose")) {
        return node->input(1)->constant()->values<float>();
      }
    }
    return {};
  }
};

// Inputs 0 and 1 are of group 0, which makes outputs 0 and 1.
TEST_F(Weights, OfATransposedConvolutionHaveAFactorForEachOutputOfAGroup) {
  EXPECT_THAT(weight_after("g (float[N, 4, H] x) => (float[N, 4, H2] y) "
                           "<float[4, 2, 1] w = {1, 2, 3, 4, 5, 6, 7, 8}, "
                           "float[4, 1] k = {2, 3, 5, 7}> "
                           "{ a = ConvTranspose<group = 2>(x, w) y = Mul(a, k) }"),
              ElementsAre(1 * 2, 2 * 3, 3 * 2, 4 * 3, 5 * 5, 6 * 7, 7 * 5, 8 * 7));
}

TEST_F(Weights, OfAConvolutionHaveAFactorForEachInputOfAGroup) {
  EXPECT_THAT(weight_after("g (float[N, 4, H] x) => (float[N, 4, H2] y) "
                           "<float[4, 2, 1] w = {1, 2, 3, 4, 5, 6, 7, 8}, "
                           "float[4, 1] k = {2, 3, 5, 7}> "
                           "{ a = Mul(x, k) y = Conv<group = 2>(a, w) }"),
              ElementsAre(1 * 2, 2 * 3, 3 * 2, 4 * 3, 5 * 5, 6 * 7, 7 * 5, 8 * 7));
}

TEST_F(Weights, OfATransposedConvolutionHaveAFactorForEachInput) {
  EXPECT_THAT(weight_after("g (float[N, 4, H] x) => (float[N, 4, H2] y) "
                           "<float[4, 2, 1] w = {1, 2, 3, 4, 5, 6, 7, 8}, "
                           "float[4, 1] k = {2, 3, 5, 7}> "
                           "{ a = Mul(x, k) y = ConvTranspose<group = 2>(a, w) }"),
              ElementsAre(1 * 2, 2 * 2, 3 * 3, 4 * 3, 5 * 5, 6 * 5, 7 * 7, 8 * 7));
}

}  // namespace
}  // namespace onnxport::simplify
