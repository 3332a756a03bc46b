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

std::string node_line(const Program& program, const Node& node) {
  std::string out;
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (i > 0) out += ", ";
    ValueId id = node.outputs[i];
    out += text_of(&program, id);
    if (id.valid()) out += ": " + type_of(program.value(id));
  }
  if (!node.outputs.empty()) out += " = ";
  out += node.full_name() + "(";
  for (size_t i = 0; i < node.args.size(); ++i) {
    if (i > 0) out += ", ";
    if (!node.args[i].name.empty()) out += node.args[i].name + "=";
    out += text_of(&program, node.args[i].arg);
  }
  out += ")";
  std::string place = node.module_path;
  if (!node.module_type.empty()) place += (place.empty() ? "(" : " (") + node.module_type + ")";
  if (!node.source.empty()) place += (place.empty() ? "" : " | ") + node.source;
  if (!place.empty()) out += "  # " + place;
  return out + "\n";
}

class Validator {
 public:
  explicit Validator(const Program& program)
      : program_(program), defined_(program.values.size(), false) {}

  Status run() {
    TRY(check_names());
    for (const Weight& weight : program_.weights) TRY(define(weight.value, "weight " + weight.fqn));
    for (const Input& input : program_.inputs) TRY(define(input.value, "input " + input.name));
    for (size_t i = 0; i < program_.nodes.size(); ++i) {
      if (Status s = check_node(program_.nodes[i]); !s.ok()) {
        return std::move(s).error().at(fmt::format("node {} ({})", i, describe(program_.nodes[i])));
      }
    }
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

  Status in_range(ValueId id, const std::string& what) {
    if (id.index >= 0 && static_cast<size_t>(id.index) < defined_.size()) return {};
    return Error{fmt::format("{} refers to value {}, which does not exist", what, id.index), ""};
  }

  Status define(ValueId id, const std::string& what) {
    TRY(in_range(id, what));
    if (defined_[static_cast<size_t>(id.index)]) {
      return Error{what + " defines `" + program_.value(id).name + "` a second time", ""};
    }
    defined_[static_cast<size_t>(id.index)] = true;
    return {};
  }

  Status use(ValueId id, const std::string& what) {
    TRY(in_range(id, what));
    if (defined_[static_cast<size_t>(id.index)]) return {};
    return Error{what + " uses `" + program_.value(id).name + "` before it is defined", ""};
  }

  Status check_node(const Node& node) {
    std::unordered_set<std::string_view> names;
    for (const NamedArg& named : node.args) {
      if (!named.name.empty() && !names.insert(named.name).second) {
        return Error{"argument `" + named.name + "` is given twice", ""};
      }
      Status status;
      for_each_value(named.arg, [&](ValueId id) {
        if (status.ok()) status = use(id, "argument `" + named.name + "`");
      });
      TRY(std::move(status));
    }
    for (ValueId id : node.outputs) {
      if (id.valid()) TRY(define(id, "the call"));
    }
    return {};
  }

  const Program& program_;
  std::vector<bool> defined_;
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
  for (const Node& node : program.nodes) out += node_line(program, node);
  for (const Output& output : program.outputs) {
    out += "output " + text_of(&program, output.value);
    if (!output.name.empty()) out += " " + quoted(output.name);
    out += "\n";
  }
  for (const std::string& note : program.notes) out += "note: " + note + "\n";
  return out;
}

}  // namespace onnxport::aten
