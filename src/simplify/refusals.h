// Why rules leave the nodes that are left: the refusals of a run, by rule and reason.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "onnx/graph.h"
#include "simplify/simplify.h"

namespace onnxport::simplify {

class Refusals {
 public:
  void add(const Refusal& refusal);  // in the order in which they happen

  struct Group {
    std::string rule;
    std::string reason;
    std::vector<std::string> nodes;  // in the order of the graph
  };
  // Those of nodes that the model has, each with the last reason of each rule; by rule, and the
  // reason that most nodes have first. `only`: of this rule or this node; empty: of all.
  std::vector<Group> groups(const onnx::Model& model, const std::string& only = "") const;

 private:
  struct Last {
    std::string_view rule;
    const char* reason;
  };
  // By the name and operator of the node: one that took another's place may have its name.
  std::map<std::pair<std::string, std::string>, std::vector<Last>> last_;
};

}  // namespace onnxport::simplify
