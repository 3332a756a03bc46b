// prim::If. What is decided in every sample is followed; what the data decides becomes a node with
// two blocks.
#include <ATen/ops/empty.h>
#include <torch/csrc/jit/ir/ir.h>
#undef CHECK  // c10's; ours follows

#include <string_view>

#include "torchscript/builtin.h"
#include "torchscript/numbers.h"

namespace onnxport::torchscript {
namespace {

bool ends_in_raise(const torch::jit::Block& block) {
  for (const torch::jit::Node* node : block.nodes()) {
    if (std::string_view(node->kind().toQualString()) == "prim::RaiseException") return true;
  }
  return false;
}

// The results of the two ways as one: values of the same structure, tensors and numbers merged.
class Merge {
 public:
  Merge(Evaluator& e, Call& call, aten::Node& node) : e_(e), call_(call), node_(node) {}

  Ref merge(const Ref& a, const Ref& b, int depth = 0) {
    if (a == b) return a;
    if (depth > 8) throw Refusal("a branch that depends on the data gives too deep a structure");
    const bool computed = (a->is_tensor() || a->is_number()) && (b->is_tensor() || b->is_number());
    if (!computed) return merge_structure(a, b, depth);
    if (a->is_number() && b->is_number() && !a->is_data() && !b->is_data() && a->at() == b->at()) {
      return a;
    }
    const Ref x = in_block(0, a);
    const Ref y = in_block(1, b);
    Ref out = merge_tensors(x, y);
    if (!a->is_number() || !b->is_number()) return out;
    // The number is taken from the tensor after the node: see branch_on_data.
    Number later;
    later.data = true;
    later.tensor = out;
    later.at.assign(kSamples, a->is_bool()  ? c10::IValue(true)
                              : a->is_int() ? c10::IValue(int64_t{1})
                                            : c10::IValue(1.5));
    return make(std::move(later));
  }

 private:
  Ref merge_structure(const Ref& a, const Ref& b, int depth) {
    if (a->is<Plain>() && b->is<Plain>() && a->at() == b->at()) return a;
    const bool container = a->is_list() || a->is<Tuple>() || a->is_dict();
    if (!container || a->v.index() != b->v.index() || a->items().size() != b->items().size() ||
        a->is_stacked() || b->is_stacked()) {
      throw Refusal(
          "a branch that depends on the data gives None, a string or a list of another "
          "length than the other way, which ONNX cannot express");
    }
    std::vector<Ref> items;
    for (size_t i = 0; i < a->items().size(); ++i) {
      items.push_back(merge(a->items()[i], b->items()[i], depth + 1));
    }
    Ref out = std::make_shared<Value>(*a);
    if (auto* list = out->as<List>()) {
      list->items = std::move(items);
    } else if (auto* tuple = out->as<Tuple>()) {
      tuple->items = std::move(items);
    } else if (auto* dict = out->as<Dict>()) {
      dict->items = std::move(items);
    }
    return out;
  }

  Ref in_block(size_t which, const Ref& value) {
    Recorder::Redirect redirect(e_.recorder(), node_.blocks[which].nodes);
    Ref out = value->is_tensor() ? value : as_tensor(e_, call_, value);
    e_.recorder().id_of(out);
    return out;
  }

  Ref merge_tensors(const Ref& x, const Ref& y) {
    const at::Tensor left = e_.data().sample(x, 0, true);
    const at::Tensor right = e_.data().sample(y, 0, true);
    if (left.dim() != right.dim() || left.scalar_type() != right.scalar_type()) {
      throw Refusal(
          "the two ways of a branch that depends on the data give tensors of different rank "
          "or type");
    }
    Shape dims;
    for (size_t i = 0; i < x->tensor().dims.size(); ++i) {
      const Expr& size = x->tensor().dims[i];
      dims.push_back(size == y->tensor().dims[i] ? size : e_.sizes().new_data_size());
    }
    Ref out = e_.recorder().new_tensor_like(left, dims, "if");
    node_.outputs.push_back(out->tensor().id);
    node_.blocks[0].outputs.emplace_back(x->tensor().id);
    node_.blocks[1].outputs.emplace_back(y->tensor().id);
    return out;
  }

  Evaluator& e_;
  Call& call_;
  aten::Node& node_;
};

// Both ways are recorded. A result that differs between them is an output of the node.
bool branch_on_data(Evaluator& e, Call& call) {
  aten::Node node;
  node.op = "prim::If";
  node.args.push_back({"condition", as_tensor(e, call, call.in[0])->tensor().id});
  set_location(node, call);
  {
    Recorder::Inside inside(e.recorder(), nullptr);
    std::vector<std::vector<Ref>> results;
    for (size_t which : {size_t{0}, size_t{1}}) {
      aten::Block block;
      Recorder::Redirect redirect(e.recorder(), block.nodes);
      results.push_back(e.run_block(call.block(which), *call.frame));
      node.blocks.push_back(std::move(block));
    }
    Merge merge(e, call, node);
    for (size_t i = 0; i < call.output_count(); ++i) {
      call.out.push_back(merge.merge(results[0][i], results[1][i]));
    }
  }
  e.recorder().add(std::move(node));
  for (Ref& out : call.out) {
    if (out->is_data() && out->number().tensor) {
      out = number_in(e, call, out->number().tensor, type_of(out));
    }
  }
  return true;
}

BUILTIN("prim::If", [](Evaluator& e, Call& call) {
  const Ref& condition = call.in[0];
  if (!condition->is_data()) {
    if (!same_everywhere(*condition)) {
      throw FixedSize("takes a branch that depends on a dynamic size");
    }
    call.out = e.run_block(call.block(condition->at().at(0).toBool() ? 0 : 1), *call.frame);
    return true;
  }
  // A check of the data that raises: the file has no exceptions.
  for (size_t i : {size_t{0}, size_t{1}}) {
    if (!ends_in_raise(call.block(i))) continue;
    e.recorder().note("left out: a check of the data that raises an exception (" + location(call) +
                      ")");
    call.out = e.run_block(call.block(1 - i), *call.frame);
    return true;
  }
  return branch_on_data(e, call);
});

}  // namespace
}  // namespace onnxport::torchscript
