// How the batch is followed through a Reshape. In row-major order the batch is the outermost factor
// of one input axis j; everything before j is a fixed product P. The output axis that receives it
// is the first one whose preceding axes also multiply to P and whose size the batch divides.
// Example (a Swin window partition and its reverse, exported at batch 1):
//
//   [B, 8, 8, 7, 7, 96] -> [64, 49, 96]           P = 1: axis 0, 64 becomes 64*B
//   [64*B, 49, 96] -> [1, 8, 8, 7, 7, 96]         P = 1: axis 0,  1 becomes B
//
// With batch 1 this can be wrong (several axes of size 1 fit), which is why the proof decides.
#include "lower/dynamic_batch.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "onnx/axis.h"
#include "onnx/infer.h"
#include "onnx/ops/op_def.h"

namespace onnxport::lower {
namespace {

using onnx::Node;
using onnx::Value;

class DynamicBatch {
 public:
  DynamicBatch(onnx::Model& model, int64_t batch, const std::string& symbol)
      : model_(model), graph_(*model.graph), batch_(batch), symbol_(Expr::symbol(symbol)) {}

  Status run() {
    for (Value* input : graph_.inputs) {
      if (!input->shape || input->shape->empty()) {
        return Error{"input `" + input->name + "` has no batch axis", ""};
      }
      Expr& first = (*input->shape)[0];
      if (!first.is_const(batch_)) {
        return Error{"axis 0 of input `" + input->name + "` is " + first.str() +
                         ", not the batch " + std::to_string(batch_) + " of the other inputs",
                     ""};
      }
      first = symbol_;
    }
    for (Node* node : graph_.nodes()) TRY(visit(*node));
    for (const Value* output : graph_.outputs()) {
      if (!output->shape || output->shape->empty() || !depends((*output->shape)[0])) {
        return Error{"output `" + output->name + "` does not have the batch as its axis 0", ""};
      }
    }
    return {};
  }

 private:
  bool depends(const Expr& e) const {
    if (e.is_const()) return false;
    const auto symbols = e.symbols();
    return std::find(symbols.begin(), symbols.end(), symbol_.symbol_name()) != symbols.end();
  }
  bool depends(const Value* value) const {
    return value != nullptr && value->shape &&
           std::any_of(value->shape->begin(), value->shape->end(),
                       [&](const Expr& e) { return depends(e); });
  }

  Error refuse(const Node& node, const std::string& why) const {
    return Error{
        why, "node " + (node.name.empty() ? node.op_type : node.name + " (" + node.op_type + ")")};
  }

  Status visit(Node& node) {
    if (std::none_of(node.inputs.begin(), node.inputs.end(), [&](Value* v) {
          return depends(v) || (v != nullptr && v->ints && ints_depend(*v));
        })) {
      return {};
    }
    const Shape before = node.output()->shape.value_or(Shape{});
    if (node.is("Reshape")) TRY(repair_reshape(node, before));
    if (node.is("Expand")) TRY(repair_expand(node));
    if (node.is("Concat")) TRY(align_rows(node, node.get<int64_t>("axis", 0)));
    if (onnx::has_trait(node, onnx::Trait::kElementwise)) TRY(align_broadcast(node));
    for (Value* output : node.outputs) {
      if (output == nullptr) continue;
      output->shape.reset();
      output->ints.reset();
    }
    if (Status s = onnx::infer(node, model_.opset()); !s.ok()) return refuse(node, s.error().str());
    return check(node, before);
  }

  bool ints_depend(const Value& v) const {
    return std::any_of(v.ints->begin(), v.ints->end(), [&](const Expr& e) { return depends(e); });
  }

  // Whatever was inferred must give the old sizes back at the old batch, or the node means another
  // thing than it did (a reduction over the batch, a slice of it, ...).
  Status check(const Node& node, const Shape& before) const {
    const Value* out = node.output();
    if (!out->shape) return refuse(node, "its output shape is not known with a dynamic batch");
    if (out->shape->size() != before.size()) return refuse(node, "its output rank changes");
    for (size_t i = 0; i < before.size(); ++i) {
      const Expr at = (*out->shape)[i].substitute({{symbol_.symbol_name(), Expr(batch_)}});
      if (at == before[i]) continue;
      return refuse(node, "with a dynamic batch its output would be " + to_string(*out->shape) +
                              ", where the exported program has " + to_string(before));
    }
    return {};
  }

  // --- Reshape --------------------------------------------------------------------------------
  Status repair_reshape(Node& node, const Shape& before) {
    Value* target = node.input(1);
    if (target == nullptr || target->constant() == nullptr) return {};
    const Value* x = node.input(0);
    const auto axis = batch_axis(*x->shape);
    if (!axis) return refuse(node, "the batch is spread over several axes of its input");
    Expr prefix = 1;
    for (size_t i = 0; i < *axis; ++i) prefix = prefix * (*x->shape)[i];
    const auto out = receiving_axis(before, prefix);
    if (!out) {
      return refuse(node,
                    "no axis of its constant target " + to_string(before) + " can hold the batch");
    }
    std::vector<int64_t> sizes;
    for (const Expr& e : before) sizes.push_back(e.is_const() ? e.value() : 0);
    for (size_t i = 0; i < before.size(); ++i) {
      if (!before[i].is_const()) return refuse(node, "its target has another dynamic axis");
    }
    sizes[*out] = -1;
    graph_.set_input(&node, 1, graph_.add_initializer(target->name, Tensor::ints(sizes)));
    node.remove("allowzero");
    if (target->unused() && target->producer == nullptr) graph_.erase_value(target);
    return {};
  }

  // The one axis that holds the batch.
  std::optional<size_t> batch_axis(const Shape& shape) const {
    std::optional<size_t> found;
    for (size_t i = 0; i < shape.size(); ++i) {
      if (!depends(shape[i])) continue;
      if (found) return std::nullopt;
      found = i;
    }
    return found;
  }

  std::optional<size_t> receiving_axis(const Shape& out, const Expr& prefix) const {
    Expr so_far = 1;
    for (size_t i = 0; i < out.size(); ++i) {
      const auto size = out[i].as_const();
      if (so_far == prefix && size && *size % batch_ == 0) return i;
      so_far = so_far * out[i];
    }
    return std::nullopt;
  }

  // --- Expand, Concat, broadcasting -------------------------------------------------------------
  // A constant target: axes that hold the batch in the input already need no number.
  Status repair_expand(Node& node) {
    const Value* x = node.input(0);
    Value* target = node.input(1);
    if (target->constant() == nullptr) return {};
    std::vector<int64_t> sizes = target->constant()->as_ints();
    if (sizes.size() < x->shape->size()) return {};
    const size_t lead = sizes.size() - x->shape->size();
    bool changed = false;
    for (size_t i = 0; i < x->shape->size(); ++i) {
      if (!depends((*x->shape)[i]) || sizes[lead + i] == 1) continue;
      sizes[lead + i] = 1;
      changed = true;
    }
    if (changed) {
      graph_.set_input(&node, 1, graph_.add_initializer(target->name, Tensor::ints(sizes)));
    }
    return {};
  }

  // Inputs whose axis is the old batch while another's is the new one: taken as one row, which
  // broadcasts.
  Status align_broadcast(Node& node) {
    if (batch_ == 1) return {};
    size_t rank = 0;
    for (const Value* v : node.inputs) {
      if (v == nullptr || !v->shape) return {};
      rank = std::max(rank, v->shape->size());
    }
    for (size_t axis = 0; axis < rank; ++axis) {
      if (!any_depends(node, axis, rank)) continue;
      for (size_t k = 0; k < node.inputs.size(); ++k) {
        Value* v = node.inputs[k];
        if (v->shape->size() + axis < rank) continue;
        const size_t own = axis + v->shape->size() - rank;
        if (!(*v->shape)[own].is_const(batch_)) continue;
        TRY_ASSIGN(Value * row, one_row(node, v, own));
        graph_.set_input(&node, k, row);
      }
    }
    return {};
  }

  bool any_depends(const Node& node, size_t axis, size_t rank) const {
    return std::any_of(node.inputs.begin(), node.inputs.end(), [&](const Value* v) {
      return v->shape->size() + axis >= rank &&
             depends((*v->shape)[axis + v->shape->size() - rank]);
    });
  }

  // Concat does not broadcast: a side that does not follow the batch is one row, expanded to it.
  Status align_rows(Node& node, int64_t concat_axis) {
    Value* lead = nullptr;
    for (Value* v : node.inputs) {
      if (depends(v)) lead = v;
    }
    const auto joined = onnx::axis_of(concat_axis, lead->shape->size());
    if (!joined || depends((*lead->shape)[*joined])) {
      return refuse(node, "it joins tensors along the batch axis");
    }
    for (size_t axis = 0; axis < lead->shape->size(); ++axis) {
      if (!depends((*lead->shape)[axis])) continue;
      for (size_t k = 0; k < node.inputs.size(); ++k) {
        Value* v = node.inputs[k];
        if (!v->shape || v->shape->size() != lead->shape->size() || depends((*v->shape)[axis]))
          continue;
        TRY_ASSIGN(Value * row, one_row(node, v, axis));
        TRY_ASSIGN(Value * rows, expanded(node, row, axis, lead));
        graph_.set_input(&node, k, rows);
      }
    }
    return {};
  }

  Result<Value*> one_row(Node& node, Value* v, size_t axis) {
    const Expr size = (*v->shape)[axis];
    if (size.is_const(1)) return v;
    if (Node* expand = v->producer; expand != nullptr && expand->is("Expand")) {
      Value* x = expand->input(0);
      if (x->shape && x->shape->size() == v->shape->size() && (*x->shape)[axis].is_const(1))
        return x;
    }
    const Tensor* t = v->constant();
    if (t == nullptr || axis != 0 || !rows_equal(*t)) {
      return refuse(node, "`" + v->name + "` has the batch of the export (" + size.str() +
                              ") baked in and its rows are not equal");
    }
    std::vector<int64_t> dims = t->dims;
    dims[0] = 1;
    std::vector<std::byte> bytes(t->nbytes() / static_cast<size_t>(t->dims[0]));
    t->storage->read(0, bytes);
    return graph_.add_initializer(v->name, Tensor::owned(t->dtype, dims, std::move(bytes)));
  }

  static bool rows_equal(const Tensor& t) {
    const std::vector<std::byte> bytes = t.bytes();
    const size_t row = bytes.size() / static_cast<size_t>(t.dims[0]);
    for (size_t i = row; row != 0 && i < bytes.size(); i += row) {
      if (std::memcmp(bytes.data(), bytes.data() + i, row) != 0) return false;
    }
    return true;
  }

  // `row` repeated along `axis` as often as `lead` is long there.
  Result<Value*> expanded(Node& node, Value* row, size_t axis, Value* lead) {
    Expr wanted = (*lead->shape)[axis];
    const size_t rank = row->shape->size();
    auto infer_new = [&](Node* made) -> Result<Value*> {
      made->name = node.name + "/batch";
      made->origin = node.origin;
      if (Status s = onnx::infer(*made, model_.opset()); !s.ok()) return s.error();
      return made->output();
    };
    TRY_ASSIGN(Value * shape, infer_new(graph_.add_node("Shape", {lead}, {}, 1, &node)));
    Value* index = graph_.add_initializer("batch_axis", Tensor::ints({static_cast<int64_t>(axis)}));
    TRY_ASSIGN(Value * size, infer_new(graph_.add_node("Gather", {shape, index},
                                                       {{"axis", int64_t{0}}}, 1, &node)));
    std::vector<Value*> parts;
    const auto ones = [&](size_t n) {
      parts.push_back(graph_.add_initializer("ones", Tensor::ints(std::vector<int64_t>(n, 1))));
    };
    if (axis > 0) ones(axis);
    parts.push_back(size);
    if (axis + 1 < rank) ones(rank - axis - 1);
    TRY_ASSIGN(Value * target,
               infer_new(graph_.add_node("Concat", parts, {{"axis", int64_t{0}}}, 1, &node)));
    TRY_ASSIGN(Value * rows, infer_new(graph_.add_node("Expand", {row, target}, {}, 1, &node)));
    if (rows->shape && (*rows->shape)[axis] != wanted)
      return refuse(node, "its rows cannot follow the batch");
    return rows;
  }

  onnx::Model& model_;
  onnx::Graph& graph_;
  int64_t batch_;
  Expr symbol_;
};

}  // namespace

Status make_batch_dynamic(onnx::Model& model, int64_t batch, const std::string& symbol) {
  if (batch < 1)
    return Error{"a batch of " + std::to_string(batch) + " cannot be made dynamic", ""};
  return DynamicBatch(model, batch, symbol).run();
}

}  // namespace onnxport::lower
