// Constants, modules and their attributes, calls, None checks.
#include <fmt/format.h>
#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/ir/constants.h>

#include "torchscript/evaluator.h"

namespace onnxport::torchscript {

bool Evaluator::constant(Call& call) {
  const torch::jit::Value* out = call.node->output();
  if (out->type()->kind() == c10::TypeKind::FunctionType) {
    call.out = {plain(c10::IValue())};  // called by its type
    return true;
  }
  auto value = torch::jit::toIValue(out);
  if (!value) throw Refusal("the constant `" + out->debugName() + "` cannot be read");
  // A list or tensor constant is one object, however often the code passes by.
  Ref& known = known_objects_[call.node];
  if (!known) {
    known = stored(*value, "");
    if (known->is_tensor()) known->literal = true;
  }
  call.out = {known};
  return true;
}

bool Evaluator::get_attr(Call& call) {
  call.out = {attribute(call.in[0], call.node->s(torch::jit::attr::name))};
  return true;
}

bool Evaluator::set_attr(Call& call) {
  const std::string& name = call.node->s(torch::jit::attr::name);
  Ref object = call.in[0];
  if (block_depth_ > 0) {
    throw Refusal("sets `" + name +
                  "` in a branch or loop that depends on the data; set it outside");
  }
  object->attributes[name] = call.in[1];
  if (object->object && object->changed.insert(name).second) changed_.emplace_back(object, name);
  return true;
}

bool Evaluator::call_method_node(Call& call) {
  Ref self = call.in[0];
  std::vector<Ref> args(call.in.begin() + 1, call.in.end());
  call.out = call_method(self, call.node->s(torch::jit::attr::name), std::move(args),
                         call.frame->depth + 1);
  return true;
}

bool Evaluator::call_function(Call& call) {
  auto type = call.node->input(0)->type()->cast<c10::FunctionType>();
  if (!type) throw Refusal("calls something that is not a function");
  auto* function = dynamic_cast<torch::jit::GraphFunction*>(type->function());
  if (function == nullptr)
    throw Refusal("`" + type->function()->name() + "` is not TorchScript code");
  Frame frame;
  frame.function = function->name();
  frame.path = call.frame->path;
  frame.type = call.frame->type;
  frame.depth = call.frame->depth + 1;
  std::vector<Ref> args(call.in.begin() + 1, call.in.end());
  if (vision_function(call, function->qualname().qualifiedName(), args)) return true;
  call.out = run_graph(*function->graph(), std::move(args), std::move(frame));
  return true;
}

bool Evaluator::create_object(Call& call) {
  auto value = std::make_shared<Value>();
  value->kind = Value::Kind::kObject;
  value->type = call.node->output()->type();
  call.out = {value};
  return true;
}

bool Evaluator::pass_through(Call& call) {
  call.out = {call.in[0]};
  return true;
}

bool Evaluator::unwrap(Call& call) {
  if (call.in[0]->is_none()) throw Refusal("unwraps an optional that is None");
  call.out = {call.in[0]};
  return true;
}

bool Evaluator::uninitialized(Call& call) {
  call.out = {none()};
  return true;
}

bool Evaluator::raise(Call& call) {
  const Ref& message = call.in[0];
  std::string text = !message->at.empty() && message->at[0].isString()
                         ? message->at[0].toStringRef()
                         : std::string("an exception");
  throw Refusal("the model raises an exception for this input: " + text);
}

bool Evaluator::is_instance(Call& call) {
  const Ref& x = call.in[0];
  const auto& types = call.node->tys(torch::jit::attr::types);
  bool yes = false;
  c10::TypePtr have = type_of(x);
  for (const c10::TypePtr& type : types) {
    if (x->is_none()) {
      yes = yes || type->kind() == c10::TypeKind::NoneType ||
            type->kind() == c10::TypeKind::OptionalType;
    } else {
      yes = yes || have->isSubtypeOf(*type);
    }
  }
  call.out = {plain(yes)};
  return true;
}

namespace {
bool identical(const Ref& a, const Ref& b) {
  if (a == b || (a->is_none() && b->is_none())) return true;
  if (a->is_none() || b->is_none()) return false;
  if (a->is_number() && b->is_number() && !a->data && !b->data) return a->at[0] == b->at[0];
  return a->is_tensor() && b->is_tensor() && a->id.valid() && a->id == b->id;
}
}  // namespace

bool Evaluator::is_same(Call& call) {
  call.out = {plain(identical(call.in[0], call.in[1]))};
  return true;
}

bool Evaluator::is_not_same(Call& call) {
  call.out = {plain(!identical(call.in[0], call.in[1]))};
  return true;
}

// Warnings, prints, profiling marks.
bool Evaluator::ignore(Call& call) {
  for (const torch::jit::Value* out : call.node->outputs()) {
    (void)out;
    call.out.push_back(none());
  }
  return true;
}

bool Evaluator::device_of(Call& call) {
  call.out = {plain(c10::Device(c10::kCPU))};
  return true;
}
bool Evaluator::type_is_false(Call& call) {
  call.out = {plain(false)};
  return true;
}
bool Evaluator::type_is_true(Call& call) {
  call.out = {plain(true)};
  return true;
}

const Evaluator::Handlers& structure_handlers() {
  static const Evaluator::Handlers kHandlers = {
      {"prim::Constant", &Evaluator::constant},
      {"prim::GetAttr", &Evaluator::get_attr},
      {"prim::SetAttr", &Evaluator::set_attr},
      {"prim::CallMethod", &Evaluator::call_method_node},
      {"prim::CallFunction", &Evaluator::call_function},
      {"prim::CreateObject", &Evaluator::create_object},
      {"prim::unchecked_cast", &Evaluator::pass_through},
      {"prim::data", &Evaluator::pass_through},
      {"prim::unchecked_unwrap_optional", &Evaluator::unwrap},
      {"aten::_unwrap_optional", &Evaluator::unwrap},
      {"prim::Uninitialized", &Evaluator::uninitialized},
      {"prim::RaiseException", &Evaluator::raise},
      {"prim::isinstance", &Evaluator::is_instance},
      {"aten::__is__", &Evaluator::is_same},
      {"aten::__isnot__", &Evaluator::is_not_same},
      {"aten::warn", &Evaluator::ignore},
      {"prim::Print", &Evaluator::ignore},
      {"prim::rpc_async", &Evaluator::ignore},
      {"prim::profile", &Evaluator::pass_through},
      {"prim::device", &Evaluator::device_of},
      {"aten::device", &Evaluator::device_of},
      {"prim::is_cuda", &Evaluator::type_is_false},
      {"prim::is_meta", &Evaluator::type_is_false},
      {"prim::is_cpu", &Evaluator::type_is_true},
      {"prim::requires_grad", &Evaluator::type_is_false},
      {"aten::requires_grad", &Evaluator::type_is_false},
      {"aten::is_grad_enabled", &Evaluator::type_is_false},
      {"aten::is_autocast_enabled", &Evaluator::type_is_false},
      {"aten::is_autocast_cpu_enabled", &Evaluator::type_is_false},
      {"aten::is_scripting", &Evaluator::type_is_true},
      {"aten::set_grad_enabled", &Evaluator::ignore},
      {"prim::is_xla", &Evaluator::type_is_false},
      {"prim::is_xpu", &Evaluator::type_is_false},
      {"prim::is_mps", &Evaluator::type_is_false},
      {"prim::is_quantized", &Evaluator::type_is_false},
      {"prim::is_sparse", &Evaluator::type_is_false},
      {"prim::is_nested", &Evaluator::type_is_false},
      {"prim::is_mkldnn", &Evaluator::type_is_false},
      {"aten::has_torch_function", &Evaluator::type_is_false},
  };
  return kHandlers;
}

}  // namespace onnxport::torchscript
