#include "lower/sketch_test.h"

namespace onnxport::lower {
namespace {

const Expr n = Expr::symbol("n");

using Index = std::optional<Sketch::Id>;

Index none() { return std::nullopt; }

std::string index(Shape x_shape, std::vector<Index> (*make)(Sketch&), Shape result) {
  Sketch s;
  auto x = s.input("x", std::move(x_shape));
  auto y = s.call("aten::index.Tensor", {{"self", x}, {"indices", make(s)}}, std::move(result));
  return s.returns(y).nodes();
}

Index numbers(Sketch& s, std::vector<int64_t> dims, std::vector<int64_t> values) {
  return s.constant("i", Tensor::of<int64_t>(DType::kInt64, std::move(dims), values));
}

TEST(Indexing, OneIndexIsGather) {
  EXPECT_EQ(index({n, 5, 6},
                  [](Sketch& s) {
                    return std::vector<Index>{none(), numbers(s, {2, 2}, {0, 1, 2, -1})};
                  },
                  {n, 2, 2, 6}),
            "Gather");
}

TEST(Indexing, AMeshIsAGatherAnAxis) {
  EXPECT_EQ(index({n, 5, 6},
                  [](Sketch& s) {
                    return std::vector<Index>{none(), numbers(s, {2, 1}, {0, 3}),
                                              numbers(s, {3}, {0, 1, 5})};
                  },
                  {n, 2, 3}),
            "Gather Gather");
}

TEST(Indexing, KnownNeighboursAreOneGatherInTheFlattenedAxes) {
  EXPECT_EQ(
      index({n, 5, 6},
            [](Sketch& s) {
              return std::vector<Index>{none(), numbers(s, {2}, {0, 3}), numbers(s, {2}, {1, -1})};
            },
            {n, 2}),
      "Reshape Gather");
}

TEST(Indexing, ApartIndicesComeFirst) {
  EXPECT_EQ(index({n, 5, 6, 7},
                  [](Sketch& s) {
                    return std::vector<Index>{none(), numbers(s, {2}, {0, 3}), none(),
                                              numbers(s, {2}, {1, 2})};
                  },
                  {2, n, 6}),
            "Transpose GatherND");
}

TEST(Indexing, AMaskAndOneValueAreWhere) {
  Sketch s;
  auto x = s.input("x", {n, 5});
  auto mask = s.input("m", {n, 5}, DType::kBool);
  auto y = s.call("aten::index_put",
                  {{"self", x},
                   {"indices", tensors({mask})},
                   {"values", s.constant("v", Tensor::scalar(DType::kFloat, 2))}},
                  {n, 5});
  EXPECT_EQ(s.returns(y).nodes(), "Where");
}

TEST(Indexing, ScatterAddNeedsOpset16) {
  Sketch s;
  auto x = s.input("x", {n, 5});
  auto i = s.input("i", {n, 2}, DType::kInt64);
  auto v = s.input("v", {n, 2});
  s.returns(s.call("aten::scatter_add", {{"self", x}, {"dim", Expr(1)}, {"index", i}, {"src", v}},
                   {n, 5}));
  EXPECT_EQ(s.nodes(16), "ScatterElements");
  EXPECT_NE(s.nodes(15).find("opset 16"), std::string::npos);
}

}  // namespace
}  // namespace onnxport::lower
