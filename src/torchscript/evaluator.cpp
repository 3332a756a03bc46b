#include "torchscript/evaluator.h"

#include <fmt/format.h>
#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/ir/ir.h>
#undef CHECK  // c10's; ours follows

#include <algorithm>

#include "torchscript/builtin.h"
#include "torchscript/plain_calls.h"
#include "torchscript/tensor_calls.h"

namespace onnxport::torchscript {
namespace {

// Budgets: code that does not end, or nests without end, is refused.
constexpr size_t kMaxSteps = 4'000'000;
constexpr size_t kMaxNodes = 500'000;
constexpr int kMaxDepth = 200;

bool has_tensor(const Ref& value, int depth = 0) {
  if (!value || depth > 8) return false;
  if (value->is_tensor() || value->is_stacked()) return true;
  return std::any_of(value->items().begin(), value->items().end(),
                     [&](const Ref& item) { return has_tensor(item, depth + 1); });
}

bool returns_tensor(const c10::TypePtr& type) {
  if (type->kind() == c10::TypeKind::TensorType) return true;
  for (const c10::TypePtr& inner : type->containedTypes()) {
    if (returns_tensor(inner)) return true;
  }
  return false;
}

}  // namespace

std::vector<Ref> Evaluator::run_graph(const torch::jit::Graph& graph, std::vector<Ref> args,
                                      Frame frame) {
  if (frame.depth > kMaxDepth) {
    throw Refusal(fmt::format("functions call each other more than {} deep", kMaxDepth));
  }
  if (args.size() != graph.inputs().size()) {
    throw Refusal(fmt::format("{} takes {} arguments, {} are given", frame.function,
                              graph.inputs().size(), args.size()));
  }
  for (size_t i = 0; i < args.size(); ++i) frame.values[graph.inputs()[i]] = std::move(args[i]);
  return run_block(*graph.block(), frame);
}

std::vector<Ref> Evaluator::run_block(const torch::jit::Block& block, Frame& frame) {
  for (const torch::jit::Node* node : block.nodes())
    run_node(const_cast<torch::jit::Node*>(node), frame);
  std::vector<Ref> out;
  for (const torch::jit::Value* value : block.outputs()) out.push_back(frame.at(value));
  return out;
}

void Evaluator::run_node(torch::jit::Node* node, Frame& frame) {
  Call call{node, &frame, node->kind().toQualString(), {}, {}};
  if (++steps_ > kMaxSteps || recorder_.node_count() > kMaxNodes) {
    throw Refusal(fmt::format("the code runs longer than {} steps or makes more than {} calls: a "
                              "loop without end?",
                              kMaxSteps, kMaxNodes),
                  location(call));
  }
  try {
    call.in.reserve(node->inputs().size());
    for (const torch::jit::Value* input : node->inputs()) call.in.push_back(frame.at(input));
    dispatch(call);
  } catch (Refusal& refusal) {
    if (refusal.location.empty()) refusal.location = location(call);
    throw;
  } catch (const c10::Error& e) {
    throw Refusal("libtorch: " + one_line(e.what_without_backtrace()), location(call));
  } catch (const std::exception& e) {
    throw Refusal("libtorch: " + one_line(e.what()), location(call));
  }
  if (call.out.size() != node->outputs().size()) {
    throw Refusal(
        fmt::format("gives {} values, {} are wanted", call.out.size(), node->outputs().size()),
        location(call));
  }
  for (size_t i = 0; i < call.out.size(); ++i) {
    frame.values[node->outputs()[i]] = std::move(call.out[i]);
  }
}

void Evaluator::dispatch(Call& call) {
  if (apply_builtin(*this, call)) return;
  const c10::FunctionSchema* schema = call.node->maybeSchema();
  if (schema == nullptr) throw Refusal("is not known here");
  const auto& returns = schema->returns();
  const bool makes_tensors = std::any_of(returns.begin(), returns.end(),
                                         [](const auto& r) { return returns_tensor(r.type()); });
  if (makes_tensors) return tensor_call(*this, call);
  // A change in place without a result.
  const bool takes_tensors = std::any_of(call.in.begin(), call.in.end(),
                                         [](const Ref& value) { return has_tensor(value); });
  if (takes_tensors && schema->is_mutable() && returns.empty()) return tensor_call(*this, call);
  plain_call(*this, call);
}

namespace {

// "__torch__.models.___torch_mangle_3.Block" as the code's author knows it.
std::string readable(std::string type) {
  constexpr std::string_view kRoot = "__torch__.";
  if (type.starts_with(kRoot)) type.erase(0, kRoot.size());
  const size_t mangle = type.find("___torch_mangle_");
  if (mangle != std::string::npos) type.erase(mangle, type.find('.', mangle) + 1 - mangle);
  return type;
}

}  // namespace

std::vector<Ref> Evaluator::call_method(const Ref& self, const std::string& method,
                                        std::vector<Ref> args, int depth) {
  const auto* object = self->as<Object>();
  auto type = object != nullptr && object->type ? object->type->cast<c10::ClassType>() : nullptr;
  if (!type) throw Refusal("calls `" + method + "` of something that is not an object");
  torch::jit::Function* function = type->findMethod(method);
  if (function == nullptr) {
    throw Refusal("`" + type->repr_str() + "` has no method `" + method + "`");
  }
  auto* graph_function = dynamic_cast<torch::jit::GraphFunction*>(function);
  if (graph_function == nullptr) throw Refusal("`" + method + "` is not TorchScript code");
  Frame frame;
  frame.function = method;
  frame.path = object->path;
  frame.type = type->name() ? readable(type->name()->qualifiedName()) : "";
  frame.depth = depth;
  args.insert(args.begin(), self);
  return run_graph(*graph_function->graph(), std::move(args), std::move(frame));
}

}  // namespace onnxport::torchscript
