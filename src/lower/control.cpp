// ONNX's rules for bodies that PyTorch does not have: an output must be made by a node of the body
// itself, and be an output once; both branches and every trip must give the same element type.
#include "lower/control.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "lower/promotion.h"
#include "lower/rule.h"

namespace onnxport::lower {

namespace {

using onnx::Attribute;
using GraphRef = Attribute::GraphRef;

constexpr int kMaxTrials = 8;  // of a body, until the shapes of its inputs hold for every trip

// Leaves the body if a refusal does.
class Body {
 public:
  Body(Builder& g, const std::string& name) : g_(g) { g_.enter_body(name); }
  ~Body() {
    if (!finished_) g_.leave_body();
  }
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;
  GraphRef finish() {
    finished_ = true;
    return g_.leave_body();
  }

 private:
  Builder& g_;
  bool finished_ = false;
};

class ControlFlow {
 public:
  ControlFlow(Builder& g, const aten::Node& node, int32_t index, BlockWalk& walk)
      : g_(g), node_(node), index_(index), walk_(walk) {}

  Values branch() {
    Value condition = scalar(*node_.arg("condition"), DType::kBool);
    if (const Tensor* known = Builder::constant_of(condition)) {
      return inlined(node_.blocks[known->as_ints()[0] != 0 ? 0 : 1]);
    }
    // Once to see what both give, and again where one has to give way to the other.
    std::vector<DType> types = recorded_types(0);
    GraphRef yes = branch_body(0, types);
    GraphRef no = branch_body(1, types);
    bool same = true;
    for (size_t i = 0; i < types.size(); ++i) {
      const DType a = yes->outputs()[i]->dtype;
      const DType b = no->outputs()[i]->dtype;
      same = same && a == b;
      types[i] = promote_types(a, b);
    }
    if (!same) {
      yes = branch_body(0, types);
      no = branch_body(1, types);
    }
    begin();
    return g_.op_n("If", {condition}, {{"then_branch", yes}, {"else_branch", no}},
                   node_.outputs.size(), /*fold=*/false);
  }

  Values loop() {
    Values inputs = loop_inputs();
    const size_t carried = inputs.size() - 2;
    std::vector<std::optional<Shape>> shapes = carried_shapes(inputs);
    GraphRef body;
    for (int trial = 0;; ++trial) {
      if (trial == kMaxTrials) refuse("the loop-carried shapes do not converge");
      body = loop_body(inputs, shapes);
      if (!widen(*body, shapes)) break;
    }
    begin();
    Values out = g_.op_n("Loop", inputs, {{"body", body}}, node_.outputs.size(), /*fold=*/false);
    for (size_t i = 0; i < carried; ++i) out[i]->shape = outside(shapes[i]);
    if (const Expr* trips = known_trips()) {
      for (size_t i = carried; i < out.size(); ++i) {
        if (out[i]->shape && !out[i]->shape->empty()) out[i]->shape->front() = *trips;
      }
    }
    return out;
  }

 private:
  void begin() { g_.begin(node_, index_); }

  std::string block_name(const char* what) const {
    const aten::ValueId first = node_.outputs.empty() ? aten::ValueId() : node_.outputs[0];
    return fmt::format("{}_{}", first.valid() ? g_.program().value(first).name : "unnamed", what);
  }

  // 0-D of this type, whatever form a flag or number has.
  Value scalar(const aten::Arg& arg, DType type) {
    Value x = walk_.value_of(arg);
    if (!x->shape || !x->shape->empty()) x = g_.op("Reshape", {x, g_.ints({})});
    return g_.cast(x, type);
  }

  DType recorded_type(aten::ValueId id) const {
    return id.valid() ? g_.program().value(id).dtype : DType::kUndefined;
  }
  std::vector<DType> recorded_types(size_t first) const {
    std::vector<DType> types;
    for (size_t i = first; i < node_.outputs.size(); ++i) {
      types.push_back(recorded_type(node_.outputs[i]));
    }
    return types;
  }

  // A branch whose condition is known takes the node's place.
  Values inlined(const aten::Block& block) {
    walk_.lower_block(block.nodes);
    Values out;
    const std::vector<DType> types = recorded_types(0);
    for (size_t i = 0; i < block.outputs.size(); ++i) {
      Value x = walk_.value_of(block.outputs[i]);
      out.push_back(types[i] == DType::kUndefined ? x : g_.cast(x, types[i]));
    }
    return out;
  }

  GraphRef branch_body(size_t branch, const std::vector<DType>& types) {
    const aten::Block& block = node_.blocks[branch];
    Body body(g_, block_name(branch == 0 ? "then" : "else"));
    walk_.lower_block(block.nodes);
    begin();
    for (size_t i = 0; i < block.outputs.size(); ++i) add_output(block.outputs[i], types[i]);
    return body.finish();
  }

  void add_output(const aten::Arg& arg, DType type) {
    Value x = walk_.value_of(arg);
    add_value_output(type == DType::kUndefined ? x : g_.cast(x, type));
  }

  // Trip count, first condition, first values: ONNX wants a null where PyTorch has no limit, but
  // two inputs at least.
  Values loop_inputs() {
    const aten::Arg& limit = *node_.arg("max_trip_count");
    const aten::Arg& condition = *node_.arg("condition");
    Values inputs(2, nullptr);
    if (!limit.is_none()) {
      inputs[0] = scalar(limit, DType::kInt64);
    }
    const bool* known = condition.as<bool>();
    const auto& carried = *node_.arg("carried")->as<aten::ArgList>();
    if (known == nullptr || !*known || carried.empty()) {
      inputs[1] = scalar(condition, DType::kBool);
    }
    for (size_t i = 0; i < carried.size(); ++i) {
      Value x = walk_.value_of(carried[i]);
      const DType type = recorded_type(node_.blocks[0].inputs[i + 1]);
      inputs.push_back(type == DType::kUndefined ? x : g_.cast(x, type));
    }
    return inputs;
  }

  // How often the body runs, where that is a size of the inputs: as much is collected.
  const Expr* known_trips() const {
    const bool* begins = node_.arg("condition")->as<bool>();
    const bool* goes_on = node_.blocks[0].outputs[0].as<bool>();
    if (begins == nullptr || !*begins || goes_on == nullptr || !*goes_on) return nullptr;
    const Expr* trips = node_.arg("max_trip_count")->as<Expr>();
    return trips != nullptr && trips->is_symbol() ? trips : nullptr;
  }

  // As the program records them for the body's inputs; else, to begin with, those of the first
  // values.
  std::vector<std::optional<Shape>> carried_shapes(const Values& inputs) const {
    std::vector<std::optional<Shape>> shapes;
    for (size_t i = 2; i < inputs.size(); ++i) {
      const aten::Value& formal = g_.program().value(node_.blocks[0].inputs[i - 1]);
      if (formal.kind == aten::Value::Kind::kScalar) {
        shapes.emplace_back(Shape{});
      } else {
        shapes.push_back(formal.shape ? formal.shape : inputs[i]->shape);
      }
    }
    return shapes;
  }

  GraphRef loop_body(const Values& inputs, const std::vector<std::optional<Shape>>& shapes) {
    const aten::Block& block = node_.blocks[0];
    Body body(g_, block_name("body"));
    onnx::Graph& graph = g_.graph();
    auto name = [&](size_t i) { return g_.program().value(block.inputs[i]).name; };
    walk_.define(block.inputs[0], graph.add_input(name(0), DType::kInt64, Shape{}));
    Value going = graph.add_input(block_name("goes_on"), DType::kBool, Shape{});
    for (size_t i = 0; i < shapes.size(); ++i) {
      Value x = graph.add_input(name(i + 1), inputs[i + 2]->dtype, shapes[i]);
      walk_.define(block.inputs[i + 1], x);
    }
    walk_.lower_block(block.nodes);
    begin();
    const bool* always = block.outputs[0].as<bool>();
    if (always != nullptr && *always) {
      graph.add_output(g_.op_n("Identity", {going}, {}, 1, /*fold=*/false)[0]);
    } else {
      Value next = scalar(block.outputs[0], DType::kBool);
      add_value_output(next);
    }
    for (size_t i = 1; i < block.outputs.size(); ++i) {
      const bool carries = i - 1 < shapes.size();
      add_output(block.outputs[i],
                 carries ? inputs[i + 1]->dtype : recorded_type(node_.outputs[i - 1]));
    }
    return body.finish();
  }

  void add_value_output(Value x) {
    if (x->producer == nullptr || x->graph != &g_.graph() || x->graph_outputs > 0) {
      x = g_.op_n("Identity", {x}, {}, 1, /*fold=*/false)[0];
    }
    g_.graph().add_output(x);
  }

  // Makes `shapes` fit what a trip gives too; true when one had to change.
  bool widen(const onnx::Graph& body, std::vector<std::optional<Shape>>& shapes) const {
    bool changed = false;
    for (size_t i = 0; i < shapes.size(); ++i) {
      if (!shapes[i]) continue;
      const auto& after = body.outputs()[i + 1]->shape;
      if (!after || after->size() != shapes[i]->size()) {
        shapes[i].reset();
        changed = true;
        continue;
      }
      for (size_t axis = 0; axis < after->size(); ++axis) {
        Expr& size = (*shapes[i])[axis];
        // One that nobody knows fits whatever comes.
        if (size == (*after)[axis] || onnx::is_unknown_dim(size) || is_local(size)) continue;
        size = onnx::unknown_dim();
        changed = true;
      }
    }
    return changed;
  }

  // A symbol that the program gives to a body's input: the size at the begin of whichever trip.
  bool is_local(const Expr& size) const {
    if (!size.is_symbol()) return false;
    for (const Value input : g_.model().graph->inputs) {
      if (!input->shape) continue;
      for (const Expr& known : *input->shape) {
        const std::vector<std::string> symbols = known.symbols();
        if (std::find(symbols.begin(), symbols.end(), size.symbol_name()) != symbols.end()) {
          return false;
        }
      }
    }
    return true;
  }

  // The shape after the loop: a body's own symbols mean nothing there.
  std::optional<Shape> outside(std::optional<Shape> shape) const {
    if (shape) {
      for (Expr& size : *shape) {
        if (is_local(size)) size = onnx::unknown_dim();
      }
    }
    return shape;
  }

  Builder& g_;
  const aten::Node& node_;
  int32_t index_;
  BlockWalk& walk_;
};

}  // namespace

bool is_control_flow(const aten::Node& node) {
  return node.op == "prim::If" || node.op == "prim::Loop";
}

Values lower_control_flow(Builder& g, const aten::Node& node, int32_t index, BlockWalk& walk) {
  ControlFlow flow(g, node, index, walk);
  return node.op == "prim::If" ? flow.branch() : flow.loop();
}

}  // namespace onnxport::lower
