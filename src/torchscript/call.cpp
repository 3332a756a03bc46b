#include "torchscript/call.h"

#include <fmt/format.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/runtime/operator.h>
#undef CHECK  // c10's; ours follows

#include <optional>
#include <string_view>

namespace onnxport::torchscript {

Ref& Frame::at(const torch::jit::Value* value) {
  auto it = values.find(value);
  if (it == values.end()) throw Refusal("`" + value->debugName() + "` has no value here");
  return it->second;
}

size_t Call::output_count() const { return node->outputs().size(); }

c10::TypePtr Call::output_type(size_t i) const { return node->outputs()[i]->type(); }

std::string Call::text(const char* attribute) const {
  return node->s(c10::Symbol::attr(attribute));
}

int64_t Call::integer(const char* attribute) const { return node->i(c10::Symbol::attr(attribute)); }

std::vector<c10::TypePtr> Call::types(const char* attribute) const {
  return node->tys(c10::Symbol::attr(attribute));
}

const torch::jit::Block& Call::block(size_t i) const { return *node->blocks()[i]; }

bool Call::has_schema() const { return node->maybeSchema() != nullptr; }

const c10::FunctionSchema& Call::schema() const { return node->schema(); }

std::string Call::overload() const { return node->schema().overload_name(); }

const Ref& Call::argument(const char* name) const {
  auto index = node->schema().argumentIndexWithName(name);
  if (!index) throw Refusal(fmt::format("has no argument `{}`", name));
  return in.at(static_cast<size_t>(*index));
}

void Call::run(Stack& stack) const {
  // As libtorch's interpreter does it: an operator that takes any number of arguments is told how
  // many.
  if (node->schema().is_vararg() && node->getOperator().hasOperation()) {
    stack.emplace_back(static_cast<int64_t>(in.size()));
  }
  torch::jit::Operation operation = node->getOperation();
  operation(stack);
}

namespace {

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// "model.py:42 in forward: x = self.conv(x)", where the archive says so.
std::string source_of(const torch::jit::Node* node, const Frame& frame) {
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

// Narrows `module`, which is `frame` or below it, to what also holds this parameter's module.
void narrow(const Ref& value, const std::string& frame, std::optional<std::string>& module,
            int depth = 0) {
  if (!value || depth > 2) return;  // lists of weights, as lstm() takes them
  for (const Ref& item : value->items()) narrow(item, frame, module, depth + 1);
  const auto* tensor = value->as<Tensor>();
  if (tensor == nullptr || tensor->fqn.empty()) return;
  const size_t dot = tensor->fqn.rfind('.');
  if (dot == std::string::npos) {
    module = frame;
    return;
  }
  const std::string owner = tensor->fqn.substr(0, dot);
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

std::string one_line(std::string text) {
  size_t begin = text.find_first_not_of(" \t\n");
  if (begin == std::string::npos) return "";
  text = text.substr(begin, text.find('\n', begin) - begin);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.pop_back();
  constexpr size_t kLongest = 160;
  return text.size() > kLongest ? text.substr(0, kLongest) + "..." : text;
}

std::string module_of(const Call& call) {
  const std::string& frame = call.frame->path;
  if (call.name.starts_with("prim::")) return frame;
  std::optional<std::string> module;
  for (const Ref& value : call.in) narrow(value, frame, module);
  const bool below = module && (frame.empty() || module->starts_with(frame + "."));
  return below ? *module : frame;
}

std::string location(const Call& call) {
  std::string out = call.node->kind().toQualString();
  const std::string module = module_of(call);
  if (!module.empty()) out += " in module " + module;
  std::string line = source_of(call.node, *call.frame);
  return line.empty() ? out : out + " at " + line;
}

void set_location(aten::Node& node, const Call& call) {
  if (call.node == nullptr) return;
  node.module_path = module_of(call);
  if (node.module_path == call.frame->path) node.module_type = call.frame->type;
  node.source = source_of(call.node, *call.frame);
}

}  // namespace onnxport::torchscript
