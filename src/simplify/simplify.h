// Simplifies a graph: local rewrite rules from a work list until nothing changes, constant folding
// with growth control, dead and duplicate node removal. Inputs, outputs, their names, types and
// dynamic dimensions never change. Works on any ONNX model of opset 7 and later.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "onnx/graph.h"
#include "simplify/fold.h"

namespace onnxport::simplify {

struct Options {
  bool exact = false;          // leave out rules that change float rounding
  std::set<std::string> skip;  // rule names
  // A folded tensor may be larger than what it replaces by at most this many bytes.
  int64_t max_growth = 1 << 20;
  Evaluate evaluate;  // for constants that onnx::fold does not compute; may be null
};

struct Summary {
  size_t nodes_before = 0;
  size_t nodes_after = 0;
  std::map<std::string, int> fired;  // rule -> times
};

Result<Summary> simplify(onnx::Model& model, const Options& options = {});

}  // namespace onnxport::simplify
