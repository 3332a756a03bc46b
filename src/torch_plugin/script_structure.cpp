// Constants, modules and their attributes, calls, None checks.
#include <fmt/format.h>
#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/ir/constants.h>

#include "torch_plugin/script_reader.h"

namespace onnxport::torch_plugin::script {

bool Reader::constant(Call& call) {
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

bool Reader::get_attr(Call& call) {
  call.out = {attribute(call.in[0], call.node->s(torch::jit::attr::name))};
  return true;
}

bool Reader::set_attr(Call& call) {
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

bool Reader::call_method_node(Call& call) {
  Ref self = call.in[0];
  std::vector<Ref> args(call.in.begin() + 1, call.in.end());
  call.out = call_method(self, call.node->s(torch::jit::attr::name), std::move(args),
                         call.frame->depth + 1);
  return true;
}

bool Reader::call_function(Call& call) {
  auto type = call.node->input(0)->type()->cast<c10::FunctionType>();
  if (!type) throw Refusal("calls something that is no function");
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

bool Reader::create_object(Call& call) {
  auto cell = std::make_shared<Cell>();
  cell->kind = Cell::Kind::kObject;
  cell->type = call.node->output()->type();
  call.out = {cell};
  return true;
}

bool Reader::pass_through(Call& call) {
  call.out = {call.in[0]};
  return true;
}

bool Reader::unwrap(Call& call) {
  if (call.in[0]->is_none()) throw Refusal("unwraps an optional that is None");
  call.out = {call.in[0]};
  return true;
}

bool Reader::uninitialized(Call& call) {
  call.out = {none()};
  return true;
}

bool Reader::raise(Call& call) {
  const Ref& message = call.in[0];
  std::string text = !message->at.empty() && message->at[0].isString()
                         ? message->at[0].toStringRef()
                         : std::string("an exception");
  throw Refusal("the model raises an exception for this input: " + text);
}

bool Reader::is_instance(Call& call) {
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

bool Reader::is_same(Call& call) {
  call.out = {plain(identical(call.in[0], call.in[1]))};
  return true;
}

bool Reader::is_not_same(Call& call) {
  call.out = {plain(!identical(call.in[0], call.in[1]))};
  return true;
}

// Warnings, prints, profiling marks.
bool Reader::ignore(Call& call) {
  for (const torch::jit::Value* out : call.node->outputs()) {
    (void)out;
    call.out.push_back(none());
  }
  return true;
}

bool Reader::device_of(Call& call) {
  call.out = {plain(c10::Device(c10::kCPU))};
  return true;
}
bool Reader::type_is_false(Call& call) {
  call.out = {plain(false)};
  return true;
}
bool Reader::type_is_true(Call& call) {
  call.out = {plain(true)};
  return true;
}

const Reader::Handlers& structure_handlers() {
  static const Reader::Handlers kHandlers = {
      {"prim::Constant", &Reader::constant},
      {"prim::GetAttr", &Reader::get_attr},
      {"prim::SetAttr", &Reader::set_attr},
      {"prim::CallMethod", &Reader::call_method_node},
      {"prim::CallFunction", &Reader::call_function},
      {"prim::CreateObject", &Reader::create_object},
      {"prim::unchecked_cast", &Reader::pass_through},
      {"prim::data", &Reader::pass_through},
      {"prim::unchecked_unwrap_optional", &Reader::unwrap},
      {"aten::_unwrap_optional", &Reader::unwrap},
      {"prim::Uninitialized", &Reader::uninitialized},
      {"prim::RaiseException", &Reader::raise},
      {"prim::isinstance", &Reader::is_instance},
      {"aten::__is__", &Reader::is_same},
      {"aten::__isnot__", &Reader::is_not_same},
      {"aten::warn", &Reader::ignore},
      {"prim::Print", &Reader::ignore},
      {"prim::rpc_async", &Reader::ignore},
      {"prim::profile", &Reader::pass_through},
      {"prim::device", &Reader::device_of},
      {"aten::device", &Reader::device_of},
      {"prim::is_cuda", &Reader::type_is_false},
      {"prim::is_meta", &Reader::type_is_false},
      {"prim::is_cpu", &Reader::type_is_true},
      {"prim::requires_grad", &Reader::type_is_false},
      {"aten::requires_grad", &Reader::type_is_false},
      {"aten::is_grad_enabled", &Reader::type_is_false},
      {"aten::is_autocast_enabled", &Reader::type_is_false},
      {"aten::is_autocast_cpu_enabled", &Reader::type_is_false},
      {"aten::is_scripting", &Reader::type_is_true},
      {"aten::set_grad_enabled", &Reader::ignore},
      {"prim::is_xla", &Reader::type_is_false},
      {"prim::is_xpu", &Reader::type_is_false},
      {"prim::is_mps", &Reader::type_is_false},
      {"prim::is_quantized", &Reader::type_is_false},
      {"prim::is_sparse", &Reader::type_is_false},
      {"prim::is_nested", &Reader::type_is_false},
      {"prim::is_mkldnn", &Reader::type_is_false},
      {"aten::has_torch_function", &Reader::type_is_false},
  };
  return kHandlers;
}

}  // namespace onnxport::torch_plugin::script
