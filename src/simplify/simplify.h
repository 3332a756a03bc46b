// Simplifies a graph: local rewrite rules from a work list until nothing changes, constant folding
// with growth control, dead and duplicate node removal. Inputs, outputs, their names, types and
// dynamic dimensions never change. Works on any ONNX model of opset 7 and later.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "onnx/graph.h"
#include "simplify/fold.h"

namespace onnxport::simplify {

// One rule applied once: for traces, and for the search of a wrong rule.
struct Application {
  std::string rule;
  std::string node;  // its name, or that of its first output; of an initializer where it is one
  std::string op_type;
  size_t removed = 0;  // nodes that this left without a use
  size_t made = 0;     // nodes that stand in their place
};

// A rule that looked at a node and left it as it is. It may look again later, and find another
// reason: the last one counts.
struct Refusal {
  const char* rule;
  std::string node;  // named as in an Application
  std::string op_type;
  const char* reason;
};

struct Options {
  bool exact = false;          // leave out rules that change float rounding
  std::set<std::string> skip;  // names of rules and of steps (see steps())
  // A folded tensor may be larger than what it replaces by at most this many bytes; the node
  // itself counts as some.
  int64_t max_growth = 1 << 20;
  // All constants together may be larger than they were by at most this many bytes: with a budget,
  // what makes the file smaller is folded first, then what costs, the cheapest first. What merging
  // duplicates saves may be spent.
  int64_t max_total_growth = INT64_MAX;
  // Constants no larger than one that folding adds may then be at most this part of all constants'
  // bytes; 1: no limit. It bounds the growth by the same part, and depends on nothing but the graph
  // as it is: so a second run stops where the first one did.
  double max_share = 1;
  // What all folding may add in bytes, and a single tensor take while it is computed. What would be
  // more stays a node; a note says so.
  uint64_t memory = uint64_t{4} << 30;
  Evaluate evaluate;  // for constants that onnx::fold does not compute; may be null
  // After so many applications nothing more is changed; what is unused is still dropped.
  size_t max_applications = SIZE_MAX;
  std::function<void(const Application&)> trace;  // called for each application, in order
  std::function<void(const Refusal&)> refused;    // called for each look in vain; costs time
  std::stop_token cancel;                         // looked at before every node
};

struct Summary {
  size_t nodes_before = 0;
  size_t nodes_after = 0;
  std::map<std::string, int> fired;  // rule or step -> times
  std::vector<std::string> notes;    // why it stopped early, if it did
  // What the nodes that are not constant give in one run of the graph as it was, about: sizes that
  // are not known count as a few dozen. Saturates.
  uint64_t run_bytes = 0;
};

// What is applied besides the rules of rule.h; can be skipped by name as they can.
struct Step {
  const char* name;
  const char* what;
};
const std::vector<Step>& steps();

Result<Summary> simplify(onnx::Model& model, const Options& options = {});

}  // namespace onnxport::simplify
