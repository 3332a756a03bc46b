// Constants, modules and their attributes, calls, None checks, and what is asked of tensors that
// has one answer in the file.
#include <fmt/format.h>
#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/ir/constants.h>
#undef CHECK  // c10's; ours follows

#include "torchscript/builtin.h"
#include "torchscript/builtins/vision.h"

namespace onnxport::torchscript {
namespace {

BUILTIN("prim::Constant", [](Evaluator& e, Call& call) {
  const torch::jit::Value* out = call.node->output();
  if (out->type()->kind() == c10::TypeKind::FunctionType) {
    call.out = {none()};  // called by its type
    return true;
  }
  auto value = torch::jit::toIValue(out);
  if (!value) throw Refusal("the constant `" + out->debugName() + "` cannot be read");
  // A list or tensor constant is one object, however often the code passes by.
  call.out = {e.archive().constant(call.node, *value)};
  return true;
});

BUILTIN("prim::GetAttr", [](Evaluator& e, Call& call) {
  call.out = {e.archive().attribute(call.in[0], call.text("name"))};
  return true;
});

BUILTIN("prim::SetAttr", [](Evaluator& e, Call& call) {
  const std::string name = call.text("name");
  if (e.recorder().depth() > 0) {
    throw Refusal("sets `" + name +
                  "` in a branch or loop that depends on the data; set it outside");
  }
  e.archive().set_attribute(call.in[0], name, call.in[1]);
  return true;
});

BUILTIN("prim::CallMethod", [](Evaluator& e, Call& call) {
  const Ref self = call.in[0];
  std::vector<Ref> args(call.in.begin() + 1, call.in.end());
  call.out = e.call_method(self, call.text("name"), std::move(args), call.frame->depth + 1);
  return true;
});

BUILTIN("prim::CallFunction", [](Evaluator& e, Call& call) {
  auto type = call.node->input(0)->type()->cast<c10::FunctionType>();
  if (!type) throw Refusal("calls something that is not a function");
  auto* function = dynamic_cast<torch::jit::GraphFunction*>(type->function());
  if (function == nullptr) {
    throw Refusal("`" + type->function()->name() + "` is not TorchScript code");
  }
  Frame frame;
  frame.function = function->name();
  frame.path = call.frame->path;
  frame.type = call.frame->type;
  frame.depth = call.frame->depth + 1;
  std::vector<Ref> args(call.in.begin() + 1, call.in.end());
  if (vision_function(e, call, function->qualname().qualifiedName(), args)) return true;
  call.out = e.run_graph(*function->graph(), std::move(args), std::move(frame));
  return true;
});

BUILTIN("prim::CreateObject", [](Evaluator&, Call& call) {
  Object made;
  made.type = call.output_type();
  call.out = {make(std::move(made))};
  return true;
});

bool pass_through(Evaluator&, Call& call) {
  call.out = {call.in[0]};
  return true;
}

BUILTIN("prim::unchecked_cast", pass_through);
BUILTIN("prim::data", pass_through);

bool unwrap(Evaluator&, Call& call) {
  if (call.in[0]->is_none()) throw Refusal("unwraps an optional that is None");
  call.out = {call.in[0]};
  return true;
}

BUILTIN("prim::unchecked_unwrap_optional", unwrap);
BUILTIN("aten::_unwrap_optional", unwrap);

// Nothing of interest to a file: warnings, prints, profiling marks, values that are not used.
bool give_none(Evaluator&, Call& call) {
  call.out.clear();
  for (size_t i = 0; i < call.output_count(); ++i) call.out.push_back(none());
  return true;
}

BUILTIN("prim::Uninitialized", give_none);
BUILTIN("aten::warn", give_none);
BUILTIN("prim::Print", give_none);
BUILTIN("aten::set_grad_enabled", give_none);

BUILTIN("prim::RaiseException", [](Evaluator&, Call& call) -> bool {
  const Ref& message = call.in[0];
  throw Refusal("the model raises an exception for this input: " +
                (message->is_string() ? message->at()[0].toStringRef() : "an exception"));
});

BUILTIN("prim::isinstance", [](Evaluator&, Call& call) {
  const Ref& x = call.in[0];
  const c10::TypePtr have = type_of(x);
  bool yes = false;
  for (const c10::TypePtr& type : call.types("types")) {
    if (x->is_none()) {
      yes = yes || type->kind() == c10::TypeKind::NoneType ||
            type->kind() == c10::TypeKind::OptionalType;
    } else {
      yes = yes || have->isSubtypeOf(*type);
    }
  }
  call.out = {plain(yes)};
  return true;
});

bool identical(const Ref& a, const Ref& b) {
  if (a == b || (a->is_none() && b->is_none())) return true;
  if (a->is_none() || b->is_none()) return false;
  if (a->is_number() && b->is_number() && !a->is_data() && !b->is_data()) {
    return a->at()[0] == b->at()[0];
  }
  const auto* x = a->as<Tensor>();
  const auto* y = b->as<Tensor>();
  return x != nullptr && y != nullptr && x->id.valid() && x->id == y->id;
}

BUILTIN("aten::__is__", [](Evaluator&, Call& call) {
  call.out = {plain(identical(call.in[0], call.in[1]))};
  return true;
});

BUILTIN("aten::__isnot__", [](Evaluator&, Call& call) {
  call.out = {plain(!identical(call.in[0], call.in[1]))};
  return true;
});

// --- what has one answer: tensors are on the CPU, strided, without gradients

bool give_cpu(Evaluator&, Call& call) {
  call.out = {plain(c10::Device(c10::kCPU))};
  return true;
}

BUILTIN("prim::device", give_cpu);
BUILTIN("aten::device", give_cpu);

bool give_true(Evaluator&, Call& call) {
  call.out = {plain(true)};
  return true;
}

BUILTIN("prim::is_cpu", give_true);
BUILTIN("aten::is_scripting", give_true);

bool give_false(Evaluator&, Call& call) {
  call.out = {plain(false)};
  return true;
}

BUILTIN("prim::is_cuda", give_false);
BUILTIN("prim::is_meta", give_false);
BUILTIN("prim::is_xla", give_false);
BUILTIN("prim::is_xpu", give_false);
BUILTIN("prim::is_mps", give_false);
BUILTIN("prim::is_quantized", give_false);
BUILTIN("prim::is_sparse", give_false);
BUILTIN("prim::is_nested", give_false);
BUILTIN("prim::is_mkldnn", give_false);
BUILTIN("prim::requires_grad", give_false);
BUILTIN("aten::is_grad_enabled", give_false);
BUILTIN("aten::is_autocast_enabled", give_false);
BUILTIN("aten::is_autocast_cpu_enabled", give_false);
BUILTIN("aten::has_torch_function", give_false);

}  // namespace
}  // namespace onnxport::torchscript
