// Reads TorchScript by running it, with numbers where numbers are known and a record of calls where
// they are not: a partial evaluator.
//
// The code is run for several shape samples at once, which differ in the dynamic sizes (batch 2, 3,
// 5, 7). In every sample Python's values are real (ints, strings, lists with their identity,
// modules), and tensors are on the meta device: shapes, strides and types without data. Tensors
// that are made of constants and sizes alone are computed for good, so that arithmetic on sizes
// that a tracer wrote as tensors is followed as well. Each call on tensors is recorded as a node;
// an int carries its formula (Expr) along, checked against all samples, and a result's sizes get
// theirs from the arguments'.
//
// A branch is taken when all samples agree. One that depends on data becomes a prim::If of the
// program, a loop whose end depends on data a prim::Loop (control_flow.cpp). When the samples
// disagree the code is not the same for every size (FixedSize).
//
// What is known of values lies in the parts below, one responsibility each. Operators are builtins
// (builtin.h) or, where there is none, run as they are: tensor_calls.h, plain_calls.h.
#pragma once

#include <string>
#include <vector>

#include "torchscript/archive.h"
#include "torchscript/call.h"
#include "torchscript/recorder.h"
#include "torchscript/sizes.h"
#include "torchscript/tensor_data.h"

namespace torch::jit {
struct Graph;
}

namespace onnxport::torchscript {

class Evaluator {
 public:
  Evaluator() = default;
  Evaluator(const Evaluator&) = delete;
  Evaluator& operator=(const Evaluator&) = delete;

  Sizes& sizes() { return sizes_; }
  Recorder& recorder() { return recorder_; }
  TensorData& data() { return data_; }
  Archive& archive() { return archive_; }

  // --- the walk
  std::vector<Ref> run_graph(const torch::jit::Graph& graph, std::vector<Ref> args, Frame frame);
  // The results of the block.
  std::vector<Ref> run_block(const torch::jit::Block& block, Frame& frame);
  std::vector<Ref> call_method(const Ref& self, const std::string& method, std::vector<Ref> args,
                               int depth);

 private:
  void run_node(torch::jit::Node* node, Frame& frame);
  void dispatch(Call& call);

  Names names_;
  Sizes sizes_{names_};
  Recorder recorder_{names_, sizes_};
  TensorData data_;
  Archive archive_;
  size_t steps_ = 0;
};

}  // namespace onnxport::torchscript
