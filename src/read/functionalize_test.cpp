// Programs with in-place calls as text, and what becomes of them. tests/fixtures has whole models,
// whose results are compared with PyTorch's (src/verify/fixtures_test.cpp); here are the cases one
// by one.
#include "read/functionalize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "read/prune.h"

namespace onnxport::read {
namespace {

using aten::Arg;
using aten::ArgList;
using aten::Node;
using aten::Program;
using aten::Value;
using aten::ValueId;
using testing::AllOf;
using testing::HasSubstr;

Shape contiguous(const Shape& shape) {
  Shape out(shape.size());
  Expr stride(1);
  for (size_t i = shape.size(); i-- > 0;) {
    out[i] = stride;
    stride *= shape[i];
  }
  return out;
}

class Making {
 public:
  ValueId input(const std::string& name, Shape shape, DType dtype = DType::kFloat) {
    ValueId id = value(name, std::move(shape), dtype);
    p.inputs.push_back({id, name});
    return id;
  }
  ValueId call(const std::string& op, std::vector<aten::NamedArg> args, const std::string& name,
               Shape shape, DType dtype = DType::kFloat) {
    ValueId id = value(name, std::move(shape), dtype);
    add(op, std::move(args), {id});
    return id;
  }
  void add(const std::string& op, std::vector<aten::NamedArg> args, std::vector<ValueId> outputs) {
    Node node;
    size_t dot = op.find('.');
    node.op = op.substr(0, dot);
    if (dot != std::string::npos) node.overload = op.substr(dot + 1);
    node.args = std::move(args);
    node.outputs = std::move(outputs);
    node.module_path = "block.0";
    node.source = "model.py:7 in forward";
    p.nodes.push_back(std::move(node));
  }
  ValueId value(const std::string& name, Shape shape, DType dtype = DType::kFloat) {
    Value v;
    v.name = name;
    v.dtype = dtype;
    v.strides = contiguous(shape);
    v.shape = std::move(shape);
    return p.add_value(std::move(v));
  }
  void output(ValueId id) { p.outputs.push_back({id, ""}); }

  // The functional program's calls and outputs, without places; or the error.
  std::string run() {
    if (Status s = functionalize(p); !s.ok()) return s.error().str();
    prune(p);
    EXPECT_TRUE(aten::validate(p).ok());
    for (Node& node : p.nodes) node.module_path = node.source = "";
    std::string text = aten::dump(p);
    std::string out;
    for (size_t at = 0; at < text.size();) {
      size_t end = text.find('\n', at);
      std::string line = text.substr(at, end - at);
      if (line.starts_with("%") || line.starts_with("output")) out += line + "\n";
      at = end + 1;
    }
    return out;
  }

  Program p;
};

TEST(Functionalize, AWriteToABaseIsTheFunctionalCall) {
  Making m;
  ValueId x = m.input("x", {2, 3});
  ValueId y = m.call("aten::relu", {{"self", Arg(x)}}, "y", {2, 3});
  m.call("aten::add_.Tensor", {{"self", Arg(y)}, {"other", Arg(x)}}, "z", {2, 3});
  m.output(y);
  EXPECT_EQ(m.run(),
            "%y: float32 [2, 3] = aten::relu(self=%x)\n"
            "%z: float32 [2, 3] = aten::add.Tensor(self=%y, other=%x)\n"
            "output %z\n");
}

TEST(Functionalize, AWriteToAViewReachesItsBaseAndOtherViews) {
  Making m;
  ValueId x = m.input("x", {2, 3});
  ValueId y = m.call("aten::clone", {{"self", Arg(x)}}, "y", {2, 3});
  ValueId row = m.call("aten::select.int", {{"self", Arg(y)}, {"dim", Arg(0)}, {"index", Arg(1)}},
                       "row", {3});
  ValueId flat =
      m.call("aten::view", {{"self", Arg(y)}, {"size", Arg(ArgList{Arg(6)})}}, "flat", {6});
  m.call("aten::zero_", {{"self", Arg(row)}}, "zeroed", {3});
  m.output(flat);
  m.output(row);
  m.output(y);
  EXPECT_EQ(
      m.run(),
      "%y: float32 [2, 3] = aten::clone(self=%x)\n"
      "%row: float32 [3] = aten::select.int(self=%y, dim=0, index=1)\n"
      "%zeroed: float32 [3] = aten::zeros_like(self=%row)\n"
      "%y_after_1: float32 [2, 3] = aten::select_scatter(self=%y, src=%zeroed, dim=0, index=1)\n"
      "%flat_after_1: float32 [6] = aten::reshape(self=%y_after_1, shape=[6])\n"
      "output %flat_after_1\n"
      "output %zeroed\n"
      "output %y_after_1\n");
}

TEST(Functionalize, APieceIsPutBackWhereItCameFrom) {
  Making m;
  ValueId x = m.input("x", {2, Expr::symbol("w")});
  ValueId y = m.call("aten::clone", {{"self", Arg(x)}}, "y", {2, Expr::symbol("w")});
  ValueId a = m.value("a", {2, 3});
  ValueId b = m.value("b", {2, Expr::symbol("w") - 3});
  m.add("aten::split_with_sizes",
        {{"self", Arg(y)},
         {"split_sizes", Arg(ArgList{Arg(3), Arg(Expr::symbol("w") - 3)})},
         {"dim", Arg(1)}},
        {a, b});
  m.call("aten::neg_", {{"self", Arg(b)}}, "n", {2, Expr::symbol("w") - 3});
  m.output(y);
  EXPECT_THAT(m.run(),
              HasSubstr("aten::slice_scatter(self=%y, src=%n, dim=1, start=3, end=w, step=1)"));
}

TEST(Functionalize, CopyConvertsAndExpands) {
  Making m;
  ValueId x = m.input("x", {3}, DType::kInt64);
  ValueId y = m.call("aten::zeros", {{"size", Arg(ArgList{Arg(2), Arg(3)})}}, "y", {2, 3});
  m.call("aten::copy_", {{"self", Arg(y)}, {"src", Arg(x)}}, "c", {2, 3});
  m.output(y);
  EXPECT_EQ(m.run(),
            "%x_after_1: float32 [3] = aten::to.dtype(self=%x, dtype=float32)\n"
            "%y_after_1: float32 [2, 3] = aten::expand(self=%x_after_1, size=[2, 3])\n"
            "output %y_after_1\n");
}

TEST(Functionalize, TheWrittenTensorKeepsItsType) {
  Making m;
  ValueId x = m.input("x", {3}, DType::kFloat16);
  ValueId wide = m.input("wide", {3});
  ValueId y = m.call("aten::clone", {{"self", Arg(x)}}, "y", {3}, DType::kFloat16);
  m.call("aten::mul_.Tensor", {{"self", Arg(y)}, {"other", Arg(wide)}}, "z", {3}, DType::kFloat16);
  m.output(y);
  EXPECT_THAT(m.run(),
              AllOf(HasSubstr("%z_after_1: float32 [3] = aten::mul.Tensor(self=%y, other=%wide)"),
                    HasSubstr("%z: float16 [3] = aten::to.dtype(self=%z_after_1, dtype=float16)")));
}

TEST(Functionalize, AComparisonInPlaceGivesTheTypeBack) {
  Making m;
  ValueId x = m.input("x", {3});
  ValueId y = m.call("aten::clone", {{"self", Arg(x)}}, "y", {3});
  m.call("aten::gt_.Scalar", {{"self", Arg(y)}, {"other", Arg(0.5)}}, "z", {3});
  m.output(y);
  EXPECT_THAT(m.run(), AllOf(HasSubstr("bool [3] = aten::gt.Scalar(self=%y, other=0.5)"),
                             HasSubstr("%z: float32 [3] = aten::to.dtype")));
}

TEST(Functionalize, AWriteToAnInputIsNoted) {
  Making m;
  ValueId x = m.input("x", {3});
  m.call("aten::relu_", {{"self", Arg(x)}}, "y", {3});
  m.output(x);
  EXPECT_EQ(m.run(), "%y: float32 [3] = aten::relu(self=%x)\noutput %y\n");
  ASSERT_EQ(m.p.notes.size(), 1U);
  EXPECT_THAT(m.p.notes[0], HasSubstr("changes its input `x`"));
}

TEST(Functionalize, SqueezeInPlaceChangesEveryNameOfTheTensor) {
  Making m;
  ValueId x = m.input("x", {1, 3});
  ValueId y = m.call("aten::clone", {{"self", Arg(x)}}, "y", {1, 3});
  m.call("aten::squeeze_.dim", {{"self", Arg(y)}, {"dim", Arg(0)}}, "z", {3});
  ValueId r = m.call("aten::relu", {{"self", Arg(y)}}, "r", {3});
  m.output(r);
  EXPECT_EQ(m.run(),
            "%y: float32 [1, 3] = aten::clone(self=%x)\n"
            "%z: float32 [3] = aten::squeeze.dim(self=%y, dim=0)\n"
            "%r: float32 [3] = aten::relu(self=%z)\n"
            "output %r\n");
}

TEST(Functionalize, DropoutInPlaceIsNothingInEvalMode) {
  Making m;
  ValueId x = m.input("x", {3});
  ValueId y = m.call("aten::relu", {{"self", Arg(x)}}, "y", {3});
  ValueId d = m.call("aten::dropout_", {{"self", Arg(y)}, {"p", Arg(0.5)}, {"train", Arg(false)}},
                     "d", {3});
  m.output(d);
  EXPECT_EQ(m.run(), "%y: float32 [3] = aten::relu(self=%x)\noutput %y\n");
}

// A reshape of a tensor that does not lie in order may copy or not.
std::string unclear(bool read_the_other_later) {
  Making m;
  ValueId x = m.input("x", {2, 3});
  ValueId t = m.call("aten::mul.Scalar", {{"self", Arg(x)}, {"other", Arg(2.0)}}, "t", {2, 3});
  m.p.values[static_cast<size_t>(t.index)].strides = Shape{1, 2};
  ValueId r =
      m.call("aten::reshape", {{"self", Arg(t)}, {"shape", Arg(ArgList{Arg(6)})}}, "r", {6});
  m.call("aten::neg_", {{"self", Arg(r)}}, "n", {6});
  m.output(r);
  if (read_the_other_later) m.output(t);
  return m.run();
}

TEST(Functionalize, AnUnclearAliasIsRefusedOnlyWhereItMatters) {
  EXPECT_THAT(unclear(false), HasSubstr("%n: float32 [6] = aten::neg(self=%r)"));
  EXPECT_THAT(unclear(true), AllOf(HasSubstr("aten::neg_ in block.0 at model.py:7"),
                                   HasSubstr("`t`"), HasSubstr(".clone()")));
}

TEST(Functionalize, WhatCannotBeFollowedIsRefusedByName) {
  for (const char* op :
       {"aten::resize_", "aten::set_", "aten::as_strided_", "mylib::twist_", "aten::add.out"}) {
    Making m;
    ValueId x = m.input("x", {3});
    m.call(op, {{"self", Arg(x)}}, "y", {3});
    m.output(x);
    EXPECT_THAT(m.run(), AllOf(HasSubstr(op), HasSubstr("in block.0 at model.py:7"),
                               HasSubstr("not known here")));
  }
}

TEST(Functionalize, AWriteThroughAnExpandedViewIsRefused) {
  Making m;
  ValueId x = m.input("x", {1, 3});
  ValueId e = m.call("aten::expand", {{"self", Arg(x)}, {"size", Arg(ArgList{Arg(2), Arg(3)})}},
                     "e", {2, 3});
  m.call("aten::neg_", {{"self", Arg(e)}}, "n", {2, 3});
  m.output(x);
  EXPECT_THAT(m.run(), HasSubstr("through the view `e` that aten::expand made"));
}

TEST(Functionalize, AProgramWithoutInPlaceCallsIsLeftAlone) {
  Making m;
  ValueId x = m.input("x", {2, 3});
  ValueId v = m.call("aten::view", {{"self", Arg(x)}, {"size", Arg(ArgList{Arg(6)})}}, "v", {6});
  m.output(v);
  EXPECT_EQ(m.run(), "%v: float32 [6] = aten::view(self=%x, size=[6])\noutput %v\n");
}

TEST(Prune, DropsWhatNoOutputNeeds) {
  Making m;
  ValueId x = m.input("x", {3});
  ValueId y = m.call("aten::relu", {{"self", Arg(x)}}, "y", {3});
  m.call("aten::exp", {{"self", Arg(x)}}, "dead", {3});
  ValueId d = m.call("aten::detach", {{"self", Arg(y)}}, "d", {3});
  m.output(d);
  EXPECT_EQ(m.run(), "%y: float32 [3] = aten::relu(self=%x)\noutput %y\n");
}

TEST(Validate, FindsUsesBeforeDefinitionsAndNamesTwice) {
  Making m;
  ValueId x = m.input("x", {3});
  ValueId y = m.value("y", {3});
  m.add("aten::add.Tensor", {{"self", Arg(x)}, {"other", Arg(y)}}, {});
  EXPECT_THAT(aten::validate(m.p).error().str(), HasSubstr("uses `y` before it is defined"));
  Making twice;
  twice.input("x", {3});
  twice.input("x", {3});
  EXPECT_THAT(aten::validate(twice.p).error().str(), HasSubstr("two values have the name `x`"));
  Making again;
  ValueId z = again.input("z", {3});
  again.add("aten::relu", {{"self", Arg(z)}}, {z});
  EXPECT_THAT(aten::validate(again.p).error().str(), HasSubstr("defines `z` a second time"));
  Making outside;
  outside.output(ValueId{7});
  EXPECT_FALSE(aten::validate(outside.p).ok());
}

}  // namespace
}  // namespace onnxport::read
