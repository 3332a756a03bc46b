// For the operators' tests: rows of nodes in ONNX's text form, and what is known of their output y.
#pragma once

#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "base/result.h"
#include "onnx/file_fixture.h"
#include "onnx/graph.h"

namespace onnxport::onnx::ops {

struct InferCase {
  const char* name;
  const char* inputs;     // and initializers
  const char* nodes;      // make y
  const char* expected;   // type and sizes; ? is unknown. Or "refused: " and a part of the error
  const char* ints = "";  // content, where it is known
  int opset = 17;
};

inline void PrintTo(const InferCase& c, std::ostream* out) { *out << c.name; }

std::string type_text(const Value& v);

class InferTable : public FileTest, public ::testing::WithParamInterface<InferCase> {
 protected:
  Result<Model> read(const InferCase& c);
  void check(const InferCase& c);
};

}  // namespace onnxport::onnx::ops

// A suite of `cases`, once in a file.
#define INFER_TABLE(Suite, cases)                                  \
  class Suite : public ::onnxport::onnx::ops::InferTable {};       \
  TEST_P(Suite, KnowsTheTypeOfY) { check(GetParam()); }            \
  INSTANTIATE_TEST_SUITE_P(Ops, Suite, ::testing::ValuesIn(cases), \
                           [](const auto& info) { return std::string(info.param.name); })
