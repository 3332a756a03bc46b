// Every rule that needs a later opset, by a call that needs it: refused one opset earlier, with
// what the rule declares, and lowered at that opset. So the list of `onnxport operators` is true.
#include <gmock/gmock.h>

#include <functional>
#include <map>
#include <set>

#include "lower/operators.h"
#include "lower/rule.h"
#include "lower/sketch_test.h"

namespace onnxport::lower {
namespace {

using testing::HasSubstr;
using Args = Sketch::Args;
using Id = Sketch::Id;

const Expr n = Expr::symbol("n");

// A call of each operator that needs what it declares as a whole.
struct Call {
  const char* what;  // as declared
  std::vector<const char*> overloads;
  std::function<Args(Sketch&)> args;
  Shape out;
  DType dtype = DType::kFloat;
};

Id image(Sketch& s) { return s.input("x", {n, 2, 8, 8}); }
Id flat(Sketch& s, const char* name = "x") { return s.input(name, {5}); }
Id places(Sketch& s) { return s.input("index", {3}, DType::kInt64); }

Args grid(Sketch& s) {
  return {{"", image(s)}, {"", s.input("grid", {n, 4, 4, 2})}, {"", 0}, {"", 0}, {"", false}};
}
Args volume_grid(Sketch& s) {
  return {{"", s.input("x", {n, 2, 3, 3, 3})},
          {"", s.input("grid", {n, 4, 4, 4, 3})},
          {"", 0},
          {"", 0},
          {"", false}};
}
Args scattered(Sketch& s) {
  return {{"self", flat(s)}, {"dim", 0}, {"index", places(s)}, {"src", s.input("src", {3})}};
}
Args scattered(Sketch& s, const char* reduce) {
  Args args = scattered(s);
  args.push_back({"reduce", reduce});
  return args;
}
Args scattered_value(Sketch& s, const char* reduce) {
  return {{"self", flat(s)}, {"dim", 0}, {"index", places(s)}, {"value", 2}, {"reduce", reduce}};
}
Args accumulated(Sketch& s) {
  return {{"self", flat(s)},
          {"indices", std::vector<std::optional<Id>>{places(s)}},
          {"values", s.input("values", {3})},
          {"accumulate", true}};
}
Args attention(Sketch& s, bool bias) {
  const Shape shape = {n, 2, Expr::symbol("length"), 8};
  Args args = {{"query", s.input("q", shape)},
               {"key", s.input("k", shape)},
               {"value", s.input("v", shape)},
               {"is_causal", true}};
  if (bias) {
    args.push_back({"attn_bias", {}});
    args.push_back({"compute_log_sumexp", false});
  }
  return args;
}
Args bits(Sketch& s) {
  Id x = s.input("x", {n}, DType::kInt64);
  return {{"self", x}, {"other", x}};
}
Args bits_and_number(Sketch& s) {
  return {{"self", s.input("x", {n}, DType::kInt64)}, {"other", 3}};
}

const std::vector<Call>& calls() {
  static const Shape attended = {n, 2, Expr::symbol("length"), 8};
  static const std::vector<Call> all = {
      {"grid_sample", {"aten::grid_sampler", "aten::grid_sampler_2d"}, grid, {n, 2, 4, 4}},
      {"grid_sample of volumes",
       {"aten::grid_sampler", "aten::grid_sampler_3d"},
       volume_grid,
       {n, 2, 4, 4, 4}},
      {"affine_grid of volumes or of dynamic size",
       {"aten::affine_grid_generator"},
       [](Sketch& s) -> Args {
         return {{"theta", s.input("theta", {n, 2, 3})},
                 {"size", Shape{n, 3, s.size("h"), 4}},
                 {"align_corners", false}};
       },
       {n, Expr::symbol("h"), 4, 2}},
      {"interpolation with antialias=True",
       {"aten::_upsample_bilinear2d_aa", "aten::_upsample_bicubic2d_aa"},
       [](Sketch& s) -> Args {
         return {{"self", image(s)}, {"output_size", list({4, 4})}, {"align_corners", false}};
       },
       {n, 2, 4, 4}},
      {"interpolation with antialias=True",
       {"aten::_upsample_bilinear2d_aa.vec", "aten::_upsample_bicubic2d_aa.vec"},
       [](Sketch& s) -> Args {
         return {{"input", image(s)},
                 {"output_size", list({4, 4})},
                 {"align_corners", false},
                 {"scale_factors", {}}};
       },
       {n, 2, 4, 4}},
      {"index_put with accumulate=True",
       {"aten::index_put", "aten::_unsafe_index_put"},
       accumulated,
       {5}},
      {"index_put with accumulate=True",
       {"aten::index_put.hacked_twin"},
       [](Sketch& s) -> Args {
         return {{"self", flat(s)},
                 {"indices", tensors({places(s)})},
                 {"values", s.input("values", {3})},
                 {"accumulate", true}};
       },
       {5}},
      {"index_add",
       {"aten::index_add"},
       [](Sketch& s) -> Args {
         return {
             {"self", flat(s)}, {"dim", 0}, {"index", places(s)}, {"source", s.input("src", {3})}};
       },
       {5}},
      {"scatter_add", {"aten::scatter_add"}, [](Sketch& s) { return scattered(s); }, {5}},
      {"scatter with a reduction",
       {"aten::scatter.reduce"},
       [](Sketch& s) { return scattered(s, "add"); },
       {5}},
      {"scatter with a reduction",
       {"aten::scatter_reduce.two"},
       [](Sketch& s) { return scattered(s, "prod"); },
       {5}},
      {"scatter with a reduction",
       {"aten::scatter.value_reduce"},
       [](Sketch& s) { return scattered_value(s, "multiply"); },
       {5}},
      {"scatter with reduce=\"amax\" or \"amin\"",
       {"aten::scatter.reduce", "aten::scatter_reduce.two"},
       [](Sketch& s) { return scattered(s, "amin"); },
       {5}},
      {"scatter with reduce=\"amax\" or \"amin\"",
       {"aten::scatter.value_reduce"},
       [](Sketch& s) { return scattered_value(s, "amax"); },
       {5}},
      {"a causal mask of dynamic size",
       {"aten::scaled_dot_product_attention", "aten::_scaled_dot_product_attention_math",
        "aten::_scaled_dot_product_flash_attention_for_cpu",
        "aten::_scaled_dot_product_flash_attention"},
       [](Sketch& s) { return attention(s, false); },
       attended},
      {"a causal mask of dynamic size",
       {"aten::_scaled_dot_product_efficient_attention"},
       [](Sketch& s) { return attention(s, true); },
       attended},
      {"bitwise logic of integers",
       {"aten::bitwise_and.Tensor", "aten::bitwise_or.Tensor", "aten::bitwise_xor.Tensor",
        "aten::__and__.Tensor", "aten::__or__.Tensor", "aten::__xor__.Tensor"},
       bits,
       {n},
       DType::kInt64},
      {"bitwise logic of integers",
       {"aten::bitwise_and.Scalar", "aten::bitwise_or.Scalar", "aten::bitwise_xor.Scalar",
        "aten::__and__.Scalar", "aten::__or__.Scalar", "aten::__xor__.Scalar"},
       bits_and_number,
       {n},
       DType::kInt64},
      {"roi_align with aligned=True",
       {"torchvision::roi_align"},
       [](Sketch& s) -> Args {
         return {
             {"", image(s)}, {"", s.input("rois", {3, 5})}, {"", 1.0}, {"", 2}, {"", 2}, {"", 2},
             {"", true}};
       },
       {3, 2, 2, 2}},
      {"deform_conv2d",
       {"torchvision::deform_conv2d"},
       [](Sketch& s) -> Args {
         Args args = {{"", image(s)},
                      {"", s.weight("w", {4, 2, 3, 3})},
                      {"", s.input("offset", {n, 18, 6, 6})},
                      {"", s.input("mask", {n, 9, 6, 6})},
                      {"", s.weight("b", {4})}};
         for (int number : {1, 1, 0, 0, 1, 1, 1, 1}) args.push_back({"", number});
         args.push_back({"", true});
         return args;
       },
       {n, 4, 6, 6}},
  };
  return all;
}

// The need as the rule declares it.
const OpsetNeed* need_of(const char* full_name, const char* what) {
  const Rule* rule = find_rule(full_name);
  if (rule == nullptr) return nullptr;
  for (const OpsetNeed& need : rule->needs) {
    if (std::string_view(need.what) == what) return &need;
  }
  return nullptr;
}

TEST(OpsetNeeds, AreWhatMakesTheDifferenceBetweenTwoOpsets) {
  for (const Call& call : calls()) {
    for (const char* overload : call.overloads) {
      SCOPED_TRACE(std::string(overload) + ", " + call.what);
      const OpsetNeed* need = need_of(overload, call.what);
      ASSERT_NE(need, nullptr);
      Sketch s;
      s.returns(s.call(overload, call.args(s), call.out, call.dtype));
      EXPECT_THAT(s.nodes(need->opset - 1),
                  HasSubstr(std::string(call.what) + " needs opset " + std::to_string(need->opset) +
                            " (asked for: "));
      EXPECT_THAT(s.nodes(need->opset - 1), testing::Not(HasSubstr("internal error")));
      EXPECT_THAT(s.nodes(need->opset), testing::Not(HasSubstr("refused")));
    }
  }
}

TEST(OpsetNeeds, AreAllTried) {
  std::set<std::string> tried;
  for (const Call& call : calls()) {
    for (const char* overload : call.overloads) tried.insert(std::string(overload) + call.what);
  }
  for (const Rule* rule : all_rules()) {
    for (const OpsetNeed& need : rule->needs) {
      EXPECT_GT(need.opset, kLeastOpset) << rule->schema_text;
      EXPECT_TRUE(tried.contains(rule->schema.full_name() + need.what))
          << rule->schema.full_name() << ": " << need.what;
    }
  }
}

TEST(SupportedOperators, AreTheRulesByOperator) {
  size_t overloads = 0;
  std::map<std::string, SupportedOperator> by_name;
  for (const SupportedOperator& op : supported_operators()) {
    overloads += op.overloads.size();
    EXPECT_TRUE(by_name.emplace(op.name, op).second) << op.name << " has two rows";
  }
  EXPECT_EQ(overloads, all_rules().size());
  EXPECT_EQ(by_name.at("aten::grid_sampler_3d").since(), 20);
  EXPECT_EQ(by_name.at("aten::scatter").since(), 13);
  for (const SupportedOverload& overload : by_name.at("aten::scatter").overloads) {
    const bool reduces = overload.name.find("reduce") != std::string::npos;
    EXPECT_EQ(overload.since, reduces ? 16 : 13) << overload.name;
    EXPECT_EQ(overload.parts.size(), reduces ? 1U : 0U) << overload.name;
  }
}

}  // namespace
}  // namespace onnxport::lower
