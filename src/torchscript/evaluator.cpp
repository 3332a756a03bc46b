#include "torchscript/evaluator.h"

#include <fmt/format.h>
#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/runtime/operator.h>

#include <algorithm>

namespace onnxport::torchscript {
namespace {

// Budgets: code that does not end, or nests without end, is refused.
constexpr size_t kMaxSteps = 4'000'000;
constexpr size_t kMaxNodes = 500'000;
constexpr int kMaxDepth = 200;

bool has_tensor(const Ref& value, int depth = 0) {
  if (!value || depth > 8) return false;
  if (value->is_tensor() || value->stacked) return true;
  return std::any_of(value->items.begin(), value->items.end(),
                     [&](const Ref& item) { return has_tensor(item, depth + 1); });
}

bool returns_tensor(const c10::TypePtr& type) {
  if (type->kind() == c10::TypeKind::TensorType) return true;
  for (const c10::TypePtr& inner : type->containedTypes()) {
    if (returns_tensor(inner)) return true;
  }
  return false;
}

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string one_line(std::string text) {
  size_t begin = text.find_first_not_of(" \t\n");
  if (begin == std::string::npos) return "";
  text = text.substr(begin, text.find('\n', begin) - begin);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.pop_back();
  constexpr size_t kLongest = 160;
  return text.size() > kLongest ? text.substr(0, kLongest) + "..." : text;
}

}  // namespace

void Evaluator::note(std::string text) {
  if (notes_.insert(text).second) program_.notes.push_back(std::move(text));
}

// "model.py:42 in forward: x = self.conv(x)", where the archive says so.
std::string Evaluator::source(const torch::jit::Node* node, const Frame& frame) const {
  torch::jit::SourceRange range = node->sourceRange();
  if (range.source() == nullptr) return "";
  if (auto from = range.findSourceRangeThatGenerated()) range = *from;
  auto where = range.file_line_col();
  std::string line = one_line(std::string(range.text().str()));
  if (!where) return line;
  auto [file, number, column] = *where;
  (void)column;
  if (file.empty()) return line;  // a trace of C++ has no lines
  std::string out = fmt::format("{}:{}", base_name(file), number);
  // Of a trace the text is Python's stack: "/path/model.py(42): forward", and its callers.
  const std::string stack = fmt::format("{}({}): ", file, number);
  if (line.starts_with(stack)) return out + " in " + line.substr(stack.size());
  if (!frame.function.empty()) out += " in " + frame.function;
  return line.empty() ? out : out + ": " + line;
}

namespace {

// Narrows `module`, which is `frame` or below it, to what also holds this parameter's module.
void narrow(const Ref& value, const std::string& frame, std::optional<std::string>& module,
            int depth = 0) {
  if (!value || depth > 2) return;  // lists of weights, as lstm() takes them
  for (const Ref& item : value->items) narrow(item, frame, module, depth + 1);
  const size_t dot = value->fqn.rfind('.');
  if (dot == std::string::npos) {
    if (!value->fqn.empty()) module = frame;
    return;
  }
  const std::string owner = value->fqn.substr(0, dot);
  if (!module) module = owner;
  size_t end = module->size();
  while (end > 0 && !(owner.starts_with(std::string_view(*module).substr(0, end)) &&
                      (owner.size() == end || owner[end] == '.'))) {
    end = module->rfind('.', end - 1);
    if (end == std::string::npos) end = 0;
  }
  module->resize(end);
}

}  // namespace

// The module that a call belongs to: that whose code is running, or the one below it whose
// parameters it takes. A trace of a C++ module knows of no other modules; in Python too a module
// may use its part's parameters by itself.
std::string Evaluator::module_of(const Call& call) {
  const std::string& frame = call.frame->path;
  if (call.name.starts_with("prim::")) return frame;
  std::optional<std::string> module;
  for (const Ref& value : call.in) narrow(value, frame, module);
  const bool below = module && (frame.empty() || module->starts_with(frame + "."));
  return below ? *module : frame;
}

std::string Evaluator::location(const Call& call) const {
  std::string out = call.node->kind().toQualString();
  const std::string module = module_of(call);
  if (!module.empty()) out += " in module " + module;
  std::string line = source(call.node, *call.frame);
  return line.empty() ? out : out + " at " + line;
}

void Evaluator::set_location(aten::Node& node, const Call& call) const {
  if (call.node == nullptr) return;  // after the last call
  node.module_path = module_of(call);
  if (node.module_path == call.frame->path) node.module_type = call.frame->type;
  node.source = source(call.node, *call.frame);
}

Ref& Evaluator::lookup(const torch::jit::Value* value, Frame& frame) {
  auto it = frame.values.find(value);
  if (it == frame.values.end()) throw Refusal("`" + value->debugName() + "` has no value here");
  return it->second;
}

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
  run_block(*graph.block(), frame);
  std::vector<Ref> out;
  for (const torch::jit::Value* value : graph.outputs()) out.push_back(lookup(value, frame));
  return out;
}

void Evaluator::run_block(const torch::jit::Block& block, Frame& frame) {
  for (const torch::jit::Node* node : block.nodes())
    run_node(const_cast<torch::jit::Node*>(node), frame);
}

void Evaluator::run_node(torch::jit::Node* node, Frame& frame) {
  Call call{node, &frame, node->kind().toQualString(), {}, {}};
  if (++steps_ > kMaxSteps || program_.nodes.size() > kMaxNodes) {
    throw Refusal(fmt::format("the code runs longer than {} steps or makes more than {} calls: a "
                              "loop without end?",
                              kMaxSteps, kMaxNodes),
                  location(call));
  }
  try {
    call.in.reserve(node->inputs().size());
    for (const torch::jit::Value* input : node->inputs()) call.in.push_back(lookup(input, frame));
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
  for (const Handlers* handlers :
       {&structure_handlers(), &container_handlers(), &number_handlers(), &special_handlers()}) {
    auto it = handlers->find(call.name);
    if (it != handlers->end() && (this->*it->second)(call)) return;
  }
  if (call.name == "prim::If" && branch(call)) return;
  if (call.name == "prim::Loop" && loop(call)) return;
  const c10::FunctionSchema* schema = call.node->maybeSchema();
  if (schema == nullptr) throw Refusal("is not known here");
  const auto& returns = schema->returns();
  const bool makes_tensors = std::any_of(returns.begin(), returns.end(),
                                         [](const auto& r) { return returns_tensor(r.type()); });
  if (makes_tensors) return tensor_call(call);
  // A change in place without a result.
  const bool takes_tensors = std::any_of(call.in.begin(), call.in.end(),
                                         [](const Ref& value) { return has_tensor(value); });
  if (takes_tensors && schema->is_mutable() && returns.empty()) return tensor_call(call);
  plain_call(call);
}

// An operator on numbers, strings and lists of them, and what tensors tell without their data: run
// as it is, in every sample.
void Evaluator::plain_call(Call& call) {
  if (data_arithmetic(call)) return;
  std::vector<std::vector<c10::IValue>> results(call.node->outputs().size());
  std::vector<Expr> exprs;
  bool all_ints = !call.in.empty();
  for (const Ref& value : call.in) {
    auto expr = value->is_int() ? expr_of(value) : std::nullopt;
    all_ints = all_ints && expr.has_value();
    if (expr) exprs.push_back(*expr);
  }
  bool data = false;
  for (const Ref& value : call.in) data = data || value->data;
  torch::jit::Operation operation = call.node->getOperation();
  for (size_t w = 0; w < count_; ++w) {
    Stack stack;
    for (const Ref& value : call.in) stack.push_back(ivalue(value, w, true));
    if (call.node->schema().is_vararg()) stack.emplace_back(static_cast<int64_t>(call.in.size()));
    operation(stack);
    if (stack.size() != results.size()) throw Refusal("gives another number of results");
    for (size_t i = 0; i < results.size(); ++i) results[i].push_back(std::move(stack[i]));
  }
  for (size_t i = 0; i < results.size(); ++i) {
    Ref out = from_samples(results[i], call.node->outputs()[i]->type());
    if (out->is_int()) {
      auto expr = all_ints ? formula(call.name, exprs) : std::nullopt;
      if (expr) {
        std::vector<int64_t> at;
        for (const c10::IValue& v : out->at) at.push_back(v.toInt());
        if (holds(*expr, at)) out->expr = *expr;
      }
      out->data = data && !(out->expr && out->expr->is_const());
    } else if (out->is_number() && data) {
      // Compared sizes that depend on data: see data_arithmetic for what becomes a call.
      out->data = true;
    }
    record_origin(call, out);
    call.out.push_back(std::move(out));
  }
}

std::vector<Ref> Evaluator::call_method(const Ref& self, const std::string& method,
                                        std::vector<Ref> args, int depth) {
  auto type = self->type ? self->type->cast<c10::ClassType>() : nullptr;
  if (!type) throw Refusal("calls `" + method + "` of something that is not an object");
  torch::jit::Function* function = type->findMethod(method);
  if (function == nullptr) {
    throw Refusal("`" + type->repr_str() + "` has no method `" + method + "`");
  }
  auto* graph_function = dynamic_cast<torch::jit::GraphFunction*>(function);
  if (graph_function == nullptr) throw Refusal("`" + method + "` is not TorchScript code");
  Frame frame;
  frame.function = method;
  frame.path = self->path;
  frame.type = type->name() ? type->name()->qualifiedName() : "";
  for (std::string_view drop : {"__torch__."}) {
    if (frame.type.starts_with(drop)) frame.type.erase(0, drop.size());
  }
  size_t mangle = frame.type.find("___torch_mangle_");
  if (mangle != std::string::npos) {
    frame.type.erase(mangle, frame.type.find('.', mangle) + 1 - mangle);
  }
  frame.depth = depth;
  args.insert(args.begin(), self);
  return run_graph(*graph_function->graph(), std::move(args), std::move(frame));
}

}  // namespace onnxport::torchscript
