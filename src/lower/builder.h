// Builder: the vocabulary in which lowering rules are written. Builds nodes into the graph, infers
// shapes (symbolic ones too), folds what is already known, names everything after the aten node at
// hand.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "aten/program.h"
#include "base/expr.h"
#include "base/result.h"
#include "base/tensor.h"
#include "lower/opset_need.h"
#include "lower/refusal.h"
#include "onnx/graph.h"

namespace onnxport::lower {

using onnx::Attributes;
using Value = onnx::Value*;  // never null in a rule, but for omitted optional inputs
using Values = std::vector<Value>;

class Builder {
 public:
  Builder(onnx::Model& model, const aten::Program& program);

  int64_t opset() const;

  // --- nodes --------------------------------------------------------------------------------
  // Any operator by its ONNX name. A null input is an omitted optional one. One output.
  Value op(std::string_view op_type, Values inputs, Attributes attributes = {});
  // fold: false keeps the node even if its result is known.
  Values op_n(std::string_view op_type, Values inputs, Attributes attributes, size_t outputs,
              bool fold = true);

  // --- constants (equal ones are shared) ------------------------------------------------------
  Value constant(Tensor tensor, std::string_view name = "");
  Value ints(const std::vector<int64_t>& values);  // int64, 1-D
  Value scalar(double value, DType dtype);         // 0-D
  Value scalar_like(double value, Value like);     // 0-D of like's dtype
  // An int64 1-D tensor of these sizes: a constant if all are known, else built with as few Shape
  // nodes as possible from whichever tensors carry the symbols.
  Value shape_tensor(const Shape& sizes);
  Value int_scalar(const Expr& value);  // int64, 0-D

  // --- what every family uses -----------------------------------------------------------------
  // They return their argument when there is nothing to do, and know each opset's spelling.
  Value cast(Value x, DType to);
  Value reshape(Value x, const Shape& sizes);  // 0 and -1 are chosen so that no Shape is needed
  Value transpose(Value x, std::vector<int64_t> perm);
  Value unsqueeze(Value x, std::vector<int64_t> axes);
  Value squeeze(Value x, std::vector<int64_t> axes);
  Value expand(Value x, const Shape& sizes);
  Value concat(Values xs, int64_t axis);
  Value slice(Value x, int64_t axis, Expr start, Expr end, int64_t step = 1);
  Values split(Value x, int64_t axis, const std::vector<Expr>& sizes);
  Value gather(Value x, Value indices, int64_t axis);
  // op_type: ReduceMean, ReduceSum, ReduceMax, ReduceMin, ReduceProd, ReduceL1, ReduceL2,
  // ReduceLogSumExp, ReduceSumSquare. Empty axes: all.
  Value reduce(std::string_view op_type, Value x, std::vector<int64_t> axes, bool keepdims);
  Value pad(Value x, const std::vector<Expr>& begins, const std::vector<Expr>& ends,
            std::string_view mode, Value value = nullptr);
  Value clip(Value x, std::optional<double> low, std::optional<double> high);
  Value softmax(Value x, int64_t axis);  // opset 13 semantics
  Value matmul(Value a, Value b);
  Value add(Value a, Value b);  // same dtype; broadcasting
  Value sub(Value a, Value b);
  Value mul(Value a, Value b);
  Value div(Value a, Value b);  // true division on floats, trunc on integers
  Value where(Value condition, Value a, Value b);

  // PyTorch's type promotion of tensors (0-D tensors and Python scalars weigh less).
  DType promote(const Values& xs) const;
  // Both operands cast to the promoted dtype.
  std::pair<Value, Value> promoted(Value a, Value b);

  // --- facts ----------------------------------------------------------------------------------
  static int64_t rank(Value x);  // refuses when it is not known
  static const Shape& shape(Value x);
  static int64_t axis(int64_t dim, Value x);  // -1 -> rank-1
  // Elements of a constant, if x is one.
  static const Tensor* constant_of(Value x);
  // Shape and dtype that the source recorded for output i of the node at hand.
  const aten::Value* recorded(size_t output = 0) const;
  const aten::Node& node() const { return *node_; }
  const aten::Program& program() const { return program_; }

  // The tensor that holds a data-dependent scalar (aten::item), by its symbol.
  void bind_scalar(const Expr& symbol, Value tensor);

  // --- bodies of If and Loop ------------------------------------------------------------------
  // From here to leave_body() nodes are built into a graph of their own, which sees everything
  // around it. What is made in it is not offered to later calls outside; constants and weights
  // belong to the main graph all the same.
  onnx::Graph& enter_body(const std::string& name);
  // The finished graph, without the nodes that nothing uses. Its outputs must have been added.
  onnx::Attribute::GraphRef leave_body();

  // Refuses with "grid_sample of volumes needs opset 20" where that is later than what is asked
  // for. The rule's LOWER line declares the need.
  void need_opset(const OpsetNeed& need) const;

  // --- used by lower.cpp only -----------------------------------------------------------------
  // From here on what is built belongs to this node; refuses what its rule needs as a whole.
  void begin(const aten::Node& node, int32_t index, std::span<const OpsetNeed> needs = {});
  onnx::Graph& graph();  // the body that is being built, or the main graph
  onnx::Model& model() { return model_; }
  // Remembers which dimension of x each symbolic size can be read from.
  void note_sizes(Value x);
  // The last touch: constants derived from one weight take the weight's name if it is not used
  // itself, and whatever nothing uses is removed.
  void finish();

 private:
  struct Dim {
    Value tensor;
    int64_t axis;
  };
  // What has been built already and can be used again, as far as it is in sight.
  struct Seen {
    std::unordered_map<std::string, Value> materialized;  // Expr text -> 1-D [1] tensor
    std::unordered_map<std::string, Value> scalars;       // bound symbols
    std::unordered_map<std::string, Dim> sizes;           // Expr text -> where it is a size
    std::unordered_map<std::string, Value> nodes;         // node text -> its output
  };
  struct Body {
    onnx::Attribute::GraphRef graph;
    Seen outside;  // what had been seen where the body begins
  };
  onnx::Graph& main_graph() { return *model_.graph; }
  std::string node_name(std::string_view op_type);
  std::string value_name();
  onnx::Node* make_node(std::string_view op_type, Values inputs, Attributes attributes,
                        size_t outputs);
  std::optional<Values> folded(onnx::Node* node);
  // The same weight in another layout: named after it, made once per `key`.
  Value derived(Value weight, const std::string& key, const std::function<Tensor()>& make);
  Value named_op(std::string_view op_type, Values inputs, Attributes attributes,
                 const Shape& shape);
  // A [1]-tensor of a symbolic size; `hint` is asked for its dimensions first.
  Value size_of(const Expr& e, Value hint);
  Value compute(const Expr& e, Value hint);
  Value compute(const Expr::Factor& factor, Value hint);
  Value solve(const std::string& symbol);
  Value sizes_of(Value tensor, int64_t begin, int64_t end);
  Value shape_tensor(const Shape& sizes, Value hint);
  std::optional<Dim> find_size(const Expr& e, Value hint) const;
  bool surely_nonnegative(const Expr& e) const;
  Value index(const Expr& e, const Expr& dim);

  onnx::Model& model_;
  const aten::Program& program_;
  const aten::Node* node_ = nullptr;
  int32_t origin_ = -1;
  std::span<const OpsetNeed> needs_;                            // of the rule at hand
  std::unordered_map<uint64_t, std::vector<Value>> constants_;  // by content hash
  Seen seen_;
  std::vector<Body> bodies_;  // that are open, the innermost last
  std::unordered_map<std::string, int> node_names_;
  std::vector<std::pair<Value, std::string>> derived_;  // constant, weight's name
  std::string base_name_;                               // of the values being made
  int next_name_ = 0;
};

}  // namespace onnxport::lower
