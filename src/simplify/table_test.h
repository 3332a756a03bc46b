// Rows of the simplifier's tests: a graph in ONNX's text form, and the operators that are left.
#pragma once

#include <gtest/gtest.h>
#include <onnx/defs/parser.h>
#include <onnx/onnx_pb.h>

#include <string>

#include "onnx/file_fixture.h"
#include "onnx/infer.h"
#include "onnx/read.h"
#include "simplify/simplify.h"

namespace onnxport::simplify {

struct Pair {
  const char* name;
  const char* before;  // a graph
  const char* after;   // operators in order, separated by spaces
  int opset = 17;
};

inline void PrintTo(const Pair& pair, std::ostream* out) { *out << pair.name; }

inline std::string operators(const onnx::Model& model) {
  std::string text;
  for (const onnx::Node* node : model.graph->nodes()) {
    if (!text.empty()) text += ' ';
    text += node->op_type;
  }
  return text;
}

class GraphText : public onnx::FileTest {
 protected:
  onnx::Model parse(const std::string& graph, int opset_version = 17) {
    ::onnx::ModelProto proto;
    ::onnx::OnnxParser parser(graph.c_str());
    EXPECT_TRUE(parser.Parse(*proto.mutable_graph()).IsOK()) << graph;
    proto.set_ir_version(8);
    auto* opset = proto.add_opset_import();
    opset->set_version(opset_version);
    std::string bytes;
    EXPECT_TRUE(proto.SerializeToString(&bytes));
    put(path("before.onnx"), bytes);
    auto model = onnx::read_model(path("before.onnx"));
    EXPECT_TRUE(model.ok()) << (model.ok() ? "" : model.error().str());
    EXPECT_TRUE(onnx::infer(*model).ok());
    return std::move(model).value();
  }

  // The model as it is left, for what a table asks besides.
  onnx::Model expect_operators(const Pair& pair) {
    onnx::Model model = parse(pair.before, pair.opset);
    auto summary = simplify(model);
    EXPECT_TRUE(summary.ok()) << summary.error().str();
    if (!summary.ok()) return model;
    EXPECT_EQ(operators(model), pair.after);
    EXPECT_LE(summary->nodes_after, summary->nodes_before);
    return model;
  }

  void expect_settled(const Pair& pair) {
    onnx::Model model = parse(pair.before, pair.opset);
    auto first = simplify(model);
    ASSERT_TRUE(first.ok());
    EXPECT_TRUE(first->notes.empty()) << first->notes[0];  // the rules came to an end
    const std::string once = onnx::dump(model);
    auto again = simplify(model);
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(onnx::dump(model), once);
    EXPECT_TRUE(again->fired.empty());
  }
};

}  // namespace onnxport::simplify
