#include "torchscript/tensor_calls.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty.h>

#include <algorithm>

#include "torchscript/arguments.h"
#include "torchscript/arithmetic.h"
#include "torchscript/builtin.h"
#include "torchscript/numbers.h"
#include "torchscript/result_shape.h"
#include "torchscript/sample_runs.h"

namespace onnxport::torchscript {
namespace {

bool is_write(const c10::Argument& argument) {
  return argument.alias_info() != nullptr && argument.alias_info()->isWrite();
}

std::string stem_of(const std::string& op) {
  std::string name = op.substr(op.find("::") + 2);
  while (!name.empty() && name.back() == '_') name.pop_back();
  return name.empty() ? "value" : name;
}

Ref tensor_output(Evaluator& e, Call& call, std::vector<at::Tensor> samples, bool known,
                  aten::Node* node) {
  Shape dims = result_shape(e, call, samples);
  for (at::Tensor& t : samples) {
    if (known && t.numel() > kMaxKnown) t = meta_of(t);
  }
  if (node != nullptr) {
    Ref made = e.recorder().new_tensor(std::move(samples), std::move(dims), stem_of(node->op));
    node->outputs.push_back(made->tensor().id);
    return made;
  }
  Tensor made;
  made.samples = std::move(samples);
  made.dims = std::move(dims);
  made.literal = true;
  return make(std::move(made));
}

// One of the results, by sample.
Ref output_of(Evaluator& e, Call& call, const std::vector<c10::IValue>& at,
              const c10::TypePtr& type, bool known, aten::Node* node) {
  if (at[0].isTensor()) {
    std::vector<at::Tensor> samples;
    bool defined = true;
    for (const c10::IValue& v : at) {
      samples.push_back(v.toTensor());
      defined = defined && samples.back().defined();
    }
    if (defined) return tensor_output(e, call, std::move(samples), known, node);
    if (node != nullptr) node->outputs.emplace_back();
    return none();
  }
  if (!at[0].isTensorList()) {
    if (node != nullptr) node->outputs.emplace_back();
    return from_samples(at, type);
  }
  std::vector<std::vector<at::Tensor>> columns;
  for (const c10::IValue& v : at) {
    auto tensors = v.toTensorVector();
    if (columns.empty()) columns.resize(tensors.size());
    if (columns.size() != tensors.size()) {
      throw FixedSize("gives a number of tensors that depends on a size");
    }
    for (size_t t = 0; t < tensors.size(); ++t) columns[t].push_back(tensors[t]);
  }
  std::vector<Ref> items;
  for (auto& column : columns) {
    items.push_back(tensor_output(e, call, std::move(column), known, node));
  }
  return tensor_list(std::move(items));
}

// Without a node the results are constants.
void add_outputs(Evaluator& e, Call& call, const c10::FunctionSchema& schema, const Ran& ran,
                 aten::Node* node) {
  const size_t count = schema.returns().size();
  for (const Stack& stack : ran.results) {
    if (stack.size() != count) throw Refusal("gives another number of results");
  }
  for (size_t i = 0; i < count; ++i) {
    std::vector<c10::IValue> at;
    for (const Stack& stack : ran.results) at.push_back(stack[i]);
    call.out.push_back(output_of(e, call, at, schema.returns()[i].type(), ran.known, node));
  }
}

// The formula of a 0-D int tensor that stands for a size.
std::optional<Expr> element_formula(Evaluator& e, const Call& call) {
  std::vector<Expr> in;
  std::string name = call.name;
  if (name.ends_with("_")) name.pop_back();
  for (size_t i = 0; i < call.in.size() && i < 2; ++i) {
    const auto* tensor = call.in[i]->as<Tensor>();
    auto expr = tensor != nullptr ? tensor->expr : expr_of(e, call.in[i]);
    if (!expr) return std::nullopt;
    in.push_back(*expr);
  }
  if (name == "aten::rsub" && in.size() == 2) std::swap(in[0], in[1]), name = "aten::sub";
  if (name == "aten::to" || name == "aten::clone" || name == "aten::detach" ||
      name == "aten::contiguous" || name == "aten::_to_copy") {
    return in.empty() ? std::nullopt : std::optional<Expr>(in[0]);
  }
  if (name == "aten::div") {
    if (!call.in.back()->is_string()) return std::nullopt;  // the rounding mode
    name = "aten::floordiv";
  }
  return formula(name, in);
}

// Whether the tensor, which is known, is this number in every sample.
bool is_element(Evaluator& e, const Ref& value, const Expr& expr) {
  if (!value->is_tensor() || !value->tensor().dims.empty() || !e.data().is_known(value)) {
    return false;
  }
  const auto& samples = value->tensor().samples;
  for (size_t s = 0; s < kSamples; ++s) {
    auto v = e.sizes().value_in(s, expr);
    if (!v || !at::isIntegralType(samples[s].scalar_type(), false)) return false;
    if (samples[s].item().toLong() != *v) return false;
  }
  return true;
}

// An input that serves as index is one of integers.
void check_indices(Evaluator& e, const Call& call) {
  if (call.name != "aten::embedding" && call.name != "aten::embedding_bag") return;
  const Ref& indices = call.in[1];
  if (!indices->is_tensor() || !at::isFloatingType(e.data().dtype(indices))) return;
  for (const aten::Input& input : e.recorder().program().inputs) {
    if (input.value == indices->tensor().id) {
      throw WrongType("input `" + input.name + "` must be of integers", input.name);
    }
  }
}

// Whether all that goes in is constant: then so is what comes out.
bool takes_literals(Evaluator& e, const Call& call) {
  auto fixed = [](const Ref& value) {
    return !value->is_number() || (!value->is_data() && same_everywhere(*value));
  };
  bool literal = true;
  for (const Ref& value : call.in) {
    literal = literal && fixed(value);
    if (const auto* list = value->as<List>()) {
      literal = literal && std::all_of(list->items.begin(), list->items.end(), fixed);
    }
    for_each_tensor(value, [&](const Ref& t) {
      literal = literal && t->tensor().literal && e.data().is_known(t);
    });
  }
  return literal;
}

// What the code makes and then changes is not a constant of the program: a copy is changed.
void copy_constants(Evaluator& e, Call& call) {
  for (const Ref& value : call.in) {
    auto* tensor = value->as<Tensor>();
    if (tensor == nullptr || !tensor->literal || tensor->id.valid() || !tensor->fqn.empty()) {
      continue;
    }
    Tensor original = *tensor;
    if (!original.stored.defined()) original.stored = original.samples[0].clone();
    original.samples.clear();
    tensor->id =
        record(e, call, "aten::clone", "", {{"self", make(std::move(original))}})->tensor().id;
  }
}

void note_writes(Evaluator& e, const Call& call, const c10::FunctionSchema& schema, bool known) {
  for (size_t i = 0; i < call.in.size(); ++i) {
    if (!is_write(schema.arguments()[i])) continue;
    for_each_tensor(call.in[i], [&](const Ref& value) {
      Tensor& tensor = value->tensor();
      if (!known) e.data().forget(tensor);
      e.data().count_write(tensor);
      tensor.expr.reset();
      if (tensor.literal) tensor.literal = known && e.recorder().depth() == 0;
    });
  }
}

bool has_large_result(const Ran& ran) {
  return std::any_of(ran.results.begin(), ran.results.end(), [](const Stack& stack) {
    return std::any_of(stack.begin(), stack.end(), [](const c10::IValue& v) {
      return v.isTensor() && v.toTensor().numel() > kMaxKnown;
    });
  });
}

}  // namespace

aten::Node node_of(Evaluator& e, Call& call, const c10::FunctionSchema& schema) {
  aten::Node node;
  node.op = schema.name();
  node.overload = schema.overload_name();
  for (size_t i = 0; i < call.in.size(); ++i) {
    const c10::Argument& argument = schema.arguments()[i];
    // What is left at its default is not spelled out, as in a .pt2.
    const auto& otherwise = argument.default_value();
    if (otherwise && call.in[i]->is_none() && otherwise->isNone()) continue;
    auto arg = argument_of(e, call, call.in[i], argument.real_type());
    node.args.push_back({argument.name(), std::move(arg)});
  }
  set_location(node, call);
  return node;
}

Ref sized_output(Evaluator& e, aten::Node& node, const Shape& dims, at::ScalarType type) {
  const at::Tensor like = at::empty({0}, at::TensorOptions(type).device(at::kMeta));
  Ref out = e.recorder().new_tensor_like(like, dims, node.op.substr(node.op.find("::") + 2));
  node.outputs.push_back(out->tensor().id);
  return out;
}

void tensor_call(Evaluator& e, Call& call) {
  const c10::FunctionSchema& schema = call.schema();
  if (call.in.size() != schema.arguments().size()) throw Refusal("has another number of arguments");
  const bool aliases =
      std::any_of(schema.returns().begin(), schema.returns().end(),
                  [](const c10::Argument& returned) { return returned.alias_info() != nullptr; });
  const bool shares = aliases || schema.is_mutable();
  bool literal = !shares && takes_literals(e, call);
  check_indices(e, call);
  if (shares) copy_constants(e, call);
  // What is changed, and all that is read, gets its name before the change.
  std::optional<aten::Node> node;
  Ran ran;
  if (literal) {
    ran = run_samples(e, call, schema);
    literal = ran.known && !has_large_result(ran);
  }
  if (!literal) {
    node = node_of(e, call, schema);
    if (ran.results.empty()) ran = run_samples(e, call, schema);
  }
  const std::optional<Expr> element = element_formula(e, call);
  add_outputs(e, call, schema, ran, node ? &*node : nullptr);
  note_writes(e, call, schema, ran.known);
  if (node) {
    if (call.out.empty() && !node->args.empty() && call.in[0]->is_tensor()) {
      // Nothing is returned: the changed tensor has a name all the same.
      const Tensor& changed = call.in[0]->tensor();
      Ref named = e.recorder().new_tensor(changed.samples, changed.dims, stem_of(node->op));
      node->outputs.push_back(named->tensor().id);
    }
    e.recorder().add(std::move(*node));
  }
  for (const Ref& out : call.out) {
    if (element && is_element(e, out, *element)) out->tensor().expr = element;
  }
}

std::vector<Ref> record_all(Evaluator& e, Call& at, const std::string& op,
                            const std::string& overload, const Arguments& args) {
  auto handle = c10::Dispatcher::singleton().findSchema({op, overload});
  if (!handle) throw Refusal("libtorch has no operator " + op + "." + overload);
  const c10::FunctionSchema& schema = handle->schema();
  Call call{at.node, at.frame, op, {}, {}};
  std::vector<bool> given;
  for (const c10::Argument& argument : schema.arguments()) {
    auto found = std::find_if(args.begin(), args.end(),
                              [&](const auto& arg) { return arg.first == argument.name(); });
    given.push_back(found != args.end());
    if (found != args.end()) {
      call.in.push_back(found->second);
    } else if (argument.default_value()) {
      call.in.push_back(e.archive().stored(*argument.default_value(), ""));
    } else {
      throw Refusal(op + " needs an argument `" + argument.name() + "`");
    }
  }
  if (apply_recorded_builtin(e, call)) return call.out;
  aten::Node node = node_of(e, call, schema);
  std::erase_if(node.args, [&](const aten::NamedArg& named) {
    auto index = schema.argumentIndexWithName(named.name);
    return index && !given[static_cast<size_t>(*index)];
  });
  const Ran ran = run_samples(e, call, schema);
  std::optional<Expr> element = element_formula(e, call);
  add_outputs(e, call, schema, ran, &node);
  e.recorder().add(std::move(node));
  if (element && call.out.size() == 1 && call.out[0]->is_tensor() &&
      call.out[0]->tensor().dims.empty()) {
    call.out[0]->tensor().expr = element;
  }
  return call.out;
}

Ref record(Evaluator& e, Call& at, const std::string& op, const std::string& overload,
           const Arguments& args) {
  return record_all(e, at, op, overload, args).at(0);
}

}  // namespace onnxport::torchscript
