#include "aten/program.h"

#include <fmt/format.h>

#include <unordered_set>

namespace onnxport::aten {

namespace {

// A double as Python prints it: 1.0, not 1.
std::string text_of(double value) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_not_of("-0123456789") == std::string::npos) text += ".0";
  return text;
}

std::string text_of(const Program* program, ValueId id) {
  if (!id.valid()) return "None";
  if (program == nullptr || static_cast<size_t>(id.index) >= program->values.size()) {
    return fmt::format("%{}", id.index);
  }
  return "%" + program->value(id).name;
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out + '"';
}

// Lists nest as deep as a reader lets them (its JSON depth limit), so recursion is bounded.
std::string text_of(const Program* program, const Arg& arg) {
  if (arg.is_none()) return "None";
  if (const auto* id = arg.as<ValueId>()) return text_of(program, *id);
  if (const auto* e = arg.as<Expr>()) return e->str();
  if (const auto* d = arg.as<double>()) return text_of(*d);
  if (const auto* b = arg.as<bool>()) return *b ? "True" : "False";
  if (const auto* s = arg.as<std::string>()) return quoted(*s);
  if (const auto* t = arg.as<DType>()) return name(*t);
  if (const auto* w = arg.as<Word>()) return w->text;
  std::string out = "[";
  const auto& list = *arg.as<ArgList>();
  for (size_t i = 0; i < list.size(); ++i) {
    if (i > 0) out += ", ";
    out += text_of(program, list[i]);
  }
  return out + "]";
}

std::string type_of(const Value& value) {
  if (value.kind == Value::Kind::kScalar) {
    return "scalar " + (value.scalar ? value.scalar->str() : std::string("?"));
  }
  return std::string(name(value.dtype)) + (value.shape ? " " + to_string(*value.shape) : " ?");
}

std::string dims_text(const Tensor& tensor) {
  return fmt::format("{} [{}]", name(tensor.dtype), fmt::join(tensor.dims, ", "));
}

std::string value_text(const Program& program, ValueId id) {
  std::string out = text_of(&program, id);
  if (id.valid()) out += ": " + type_of(program.value(id));
  return out;
}

std::string node_text(const Program& program, const Node& node, const std::string& indent);

// (inputs):, the nodes, and what is returned; one step further in than its node.
std::string block_text(const Program& program, const Block& block, const std::string& indent) {
  std::string out = indent + "block(";
  for (size_t i = 0; i < block.inputs.size(); ++i) {
    out += (i > 0 ? ", " : "") + value_text(program, block.inputs[i]);
  }
  out += "):\n";
  for (const Node& node : block.nodes) out += node_text(program, node, indent + "  ");
  out += indent + "  ->";
  for (size_t i = 0; i < block.outputs.size(); ++i) {
    out += (i > 0 ? ", " : " ") + text_of(&program, block.outputs[i]);
  }
  return out + "\n";
}

std::string node_text(const Program& program, const Node& node, const std::string& indent) {
  std::string out = indent;
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (i > 0) out += ", ";
    out += value_text(program, node.outputs[i]);
  }
  if (!node.outputs.empty()) out += " = ";
  out += node.full_name() + "(";
  for (size_t i = 0; i < node.args.size(); ++i) {
    if (i > 0) out += ", ";
    if (!node.args[i].name.empty()) out += node.args[i].name + "=";
    out += text_of(&program, node.args[i].arg);
  }
  out += ")";
  std::string location = node.module_path;
  if (!node.module_type.empty())
    location += (location.empty() ? "(" : " (") + node.module_type + ")";
  if (!node.source.empty()) location += (location.empty() ? "" : " | ") + node.source;
  if (!location.empty()) out += "  # " + location;
  out += "\n";
  for (const Block& block : node.blocks) out += block_text(program, block, indent + "  ");
  return out;
}

constexpr int kMaxBlockDepth = 100;

class Validator {
 public:
  explicit Validator(const Program& program)
      : program_(program), defined_(program.values.size(), false) {}

  Status run() {
    TRY(check_names());
    for (const Weight& weight : program_.weights) TRY(define(weight.value, "weight " + weight.fqn));
    for (const Input& input : program_.inputs) TRY(define(input.value, "input " + input.name));
    TRY(check_nodes(program_.nodes, 0));
    for (size_t i = 0; i < program_.outputs.size(); ++i) {
      TRY(use(program_.outputs[i].value, fmt::format("output {}", i)));
    }
    return {};
  }

 private:
  static std::string describe(const Node& node) {
    std::string out = node.full_name();
    if (!node.module_path.empty()) out += " in " + node.module_path;
    return out;
  }

  Status check_names() {
    std::unordered_set<std::string_view> seen;
    for (const Value& value : program_.values) {
      if (value.name.empty()) return Error{"a value has no name", ""};
      if (!seen.insert(value.name).second) {
        return Error{"two values have the name `" + value.name + "`", ""};
      }
    }
    return {};
  }

  Status check_nodes(const std::vector<Node>& nodes, int depth) {
    for (size_t i = 0; i < nodes.size(); ++i) {
      if (Status s = check_node(nodes[i], depth); !s.ok()) {
        return std::move(s).error().at(fmt::format("node {} ({})", i, describe(nodes[i])));
      }
    }
    return {};
  }

  Status in_range(ValueId id, const std::string& what) {
    if (id.index >= 0 && static_cast<size_t>(id.index) < defined_.size()) return {};
    return Error{fmt::format("{} refers to value {}, which does not exist", what, id.index), ""};
  }

  Status define(ValueId id, const std::string& what) {
    TRY(in_range(id, what));
    if (defined_[static_cast<size_t>(id.index)] || ended_.contains(id.index)) {
      return Error{what + " defines `" + program_.value(id).name + "` a second time", ""};
    }
    defined_[static_cast<size_t>(id.index)] = true;
    if (!scopes_.empty()) scopes_.back().push_back(id);
    return {};
  }

  Status use(ValueId id, const std::string& what) {
    TRY(in_range(id, what));
    if (defined_[static_cast<size_t>(id.index)]) return {};
    return Error{what + " uses `" + program_.value(id).name + "` " +
                     (ended_.contains(id.index) ? "outside its block" : "before it is defined"),
                 ""};
  }

  Status use_all(const Arg& arg, const std::string& what) {
    Status status;
    for_each_value(arg, [&](ValueId id) {
      if (status.ok()) status = use(id, what);
    });
    return status;
  }

  // How many inputs and outputs the blocks of a node have.
  static Status check_form(const Node& node) {
    if (node.op == "prim::If") {
      bool fits = node.blocks.size() == 2 && node.arg("condition") != nullptr;
      for (const Block& block : node.blocks) {
        fits = fits && block.inputs.empty() && block.outputs.size() == node.outputs.size();
      }
      if (fits) return {};
      return Error{"needs a condition, and two blocks with as many outputs as the node", ""};
    }
    if (node.op == "prim::Loop") {
      const Arg* arg = node.arg("carried");
      const auto* carried = arg != nullptr ? arg->as<ArgList>() : nullptr;
      bool fits = node.blocks.size() == 1 && carried != nullptr &&
                  node.arg("condition") != nullptr && node.arg("max_trip_count") != nullptr;
      if (fits) {
        const Block& body = node.blocks[0];
        fits = body.inputs.size() == carried->size() + 1 &&
               body.outputs.size() == node.outputs.size() + 1 &&
               node.outputs.size() >= carried->size();
      }
      if (fits) return {};
      return Error{"needs max_trip_count, condition, carried and a body that fits them", ""};
    }
    if (node.blocks.empty()) return {};
    return Error{"has blocks, which only prim::If and prim::Loop may have", ""};
  }

  Status check_block(const Block& block, int depth) {
    if (depth > kMaxBlockDepth) return Error{"blocks are nested too deep", ""};
    scopes_.emplace_back();
    for (ValueId id : block.inputs) TRY(define(id, "the block"));
    TRY(check_nodes(block.nodes, depth));
    for (const Arg& output : block.outputs) TRY(use_all(output, "the block's result"));
    for (ValueId id : scopes_.back()) {
      defined_[static_cast<size_t>(id.index)] = false;
      ended_.insert(id.index);
    }
    scopes_.pop_back();
    return {};
  }

  Status check_node(const Node& node, int depth) {
    std::unordered_set<std::string_view> names;
    for (const NamedArg& named : node.args) {
      if (!named.name.empty() && !names.insert(named.name).second) {
        return Error{"argument `" + named.name + "` is given twice", ""};
      }
      TRY(use_all(named.arg, "argument `" + named.name + "`"));
    }
    TRY(check_form(node));
    for (const Block& block : node.blocks) TRY(check_block(block, depth + 1));
    for (ValueId id : node.outputs) {
      if (id.valid()) TRY(define(id, "the call"));
    }
    return {};
  }

  const Program& program_;
  std::vector<bool> defined_;
  std::vector<std::vector<ValueId>> scopes_;  // what the blocks that are open define
  std::unordered_set<int32_t> ended_;         // defined in a block that is over
};

}  // namespace

std::string to_string(const Arg& arg) { return text_of(nullptr, arg); }

const Arg* Node::arg(std::string_view wanted) const {
  for (const NamedArg& named : args) {
    if (named.name == wanted) return &named.arg;
  }
  return nullptr;
}

ValueId Program::add_value(Value value) {
  values.push_back(std::move(value));
  return ValueId{static_cast<int32_t>(values.size()) - 1};
}

void for_each_value(const Arg& arg, const std::function<void(ValueId)>& f) {
  if (const auto* id = arg.as<ValueId>()) {
    f(*id);
  } else if (const auto* list = arg.as<ArgList>()) {
    for (const Arg& element : *list) for_each_value(element, f);
  }
}

void for_each_value(Arg& arg, const std::function<void(ValueId&)>& f) {
  if (auto* id = std::get_if<ValueId>(&arg.v)) {
    f(*id);
  } else if (auto* list = std::get_if<ArgList>(&arg.v)) {
    for (Arg& element : *list) for_each_value(element, f);
  }
}

// Blocks are nested as deep as validate() allows, so recursion is bounded.
void for_each_arg(const Node& node, const std::function<void(const Arg&)>& f) {
  for (const NamedArg& named : node.args) f(named.arg);
  for (const Block& block : node.blocks) {
    for (const Node& inner : block.nodes) for_each_arg(inner, f);
    for (const Arg& output : block.outputs) f(output);
  }
}

void for_each_arg(Node& node, const std::function<void(Arg&)>& f) {
  for (NamedArg& named : node.args) f(named.arg);
  for (Block& block : node.blocks) {
    for (Node& inner : block.nodes) for_each_arg(inner, f);
    for (Arg& output : block.outputs) f(output);
  }
}

void for_each_use(const Node& node, const std::function<void(ValueId)>& f) {
  for_each_arg(node, [&](const Arg& arg) { for_each_value(arg, f); });
}

void for_each_node(const std::vector<Node>& nodes, const std::function<void(const Node&)>& f) {
  for (const Node& node : nodes) {
    f(node);
    for (const Block& block : node.blocks) for_each_node(block.nodes, f);
  }
}

Status validate(const Program& program) { return Validator(program).run(); }

std::string dump(const Program& program) {
  std::string out;
  if (!program.producer.empty()) out += "producer " + program.producer + "\n";
  for (const auto& [symbol, range] : program.ranges) {
    out += range.max == INT64_MAX
               ? fmt::format("symbol {}: at least {}\n", symbol, range.min)
               : fmt::format("symbol {}: {} to {}\n", symbol, range.min, range.max);
  }
  for (const Input& input : program.inputs) {
    out += fmt::format("input %{}: {} {}\n", program.value(input.value).name,
                       type_of(program.value(input.value)), quoted(input.name));
  }
  for (const Weight& weight : program.weights) {
    out += fmt::format("weight %{}: {} {}\n", program.value(weight.value).name,
                       dims_text(weight.tensor), quoted(weight.fqn));
  }
  for (const Node& node : program.nodes) out += node_text(program, node, "");
  for (const Output& output : program.outputs) {
    out += "output " + text_of(&program, output.value);
    if (!output.name.empty()) out += " " + quoted(output.name);
    out += "\n";
  }
  for (const std::string& note : program.notes) out += "note: " + note + "\n";
  return out;
}

}  // namespace onnxport::aten
