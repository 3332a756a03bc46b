// Tests of single rules, as rows beside the rules they test. Each row tries one rule alone.
//
// A Rewrite says which graph comes out, with attributes and constants, and both graphs are run in
// ONNX Runtime on random inputs: they give the same to the byte, or within rounding where the rule
// is a RULE_ROUNDING. A Refused says why the rule leaves its graph as it is. rule_rows_test.cpp
// runs them, and holds that no rule and no reason is without a row.
#pragma once

#include <initializer_list>
#include <iosfwd>

namespace onnxport::simplify {

// Graphs are in ONNX's text form, without the words around it: "float[N] x => float[N] y" and
// "<float c = {2}> { y = Mul(x, c) }".
struct Rewrite {
  const char* rule;
  const char* name;  // what the row is about; a part of the test's name
  const char* signature;
  const char* before;
  const char* after;
  int opset = 17;
  double low = -2, high = 2;  // between which the inputs are drawn, integers too
};

struct Refused {
  const char* rule;
  const char* reason;  // exactly
  const char* signature;
  const char* graph;
  int opset = 17;
};

void PrintTo(const Rewrite& row, std::ostream* out);
void PrintTo(const Refused& row, std::ostream* out);

// Called while the program starts, by each file with rows.
bool add_rows(std::initializer_list<Rewrite> rewrites, std::initializer_list<Refused> refused);

}  // namespace onnxport::simplify
