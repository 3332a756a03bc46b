// A program behind another: what it is fed with decides what its symbols are, everything else is
// copied under names that are free.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "aten/program_builder.h"

namespace onnxport::aten {

class ProgramJoin {
 public:
  using Ref = ProgramBuilder::Ref;

  ProgramJoin(ProgramBuilder& builder, const Program& next, const std::map<std::string, Ref>& feeds)
      : b_(builder), next_(next), feeds_(feeds), ids_(next.values.size()) {}

  std::vector<Ref> run() {
    const Status status = join();
    if (!status.ok()) b_.fail(status.error().str());
    std::vector<Ref> out;
    for (const Output& output : next_.outputs) {
      out.push_back(b_.error_ ? Ref() : b_.ref(id_of(output.value)));
    }
    return out;
  }

 private:
  // All is checked before anything is copied.
  Status join() {
    TRY(validate(next_));
    for (const auto& [name, value] : feeds_) {
      const Input* fed = input_of(name);
      if (fed == nullptr) {
        return Error{"the program that follows has no input `" + name + "`", ""};
      }
      if (!b_.owns(value, "what is fed to `" + name + "`")) return *b_.error_;
      const std::string where = "input `" + name + "` of the program that follows";
      if (Status s = bind_symbols(next_.value(fed->value), b_.program_.value(value.id()));
          !s.ok()) {
        return std::move(s).error().at(where);
      }
      ids_[static_cast<size_t>(fed->value.index)] = value.id();
    }
    for (const auto& [name, value] : feeds_) TRY(check_sizes(name, value));
    rename_symbols();
    TRY(take_ranges());
    for (const Input& input : next_.inputs) {
      if (feeds_.contains(input.name)) continue;
      b_.input(input.name, type_of(next_.value(input.value)));
      if (b_.error_) return *b_.error_;
      set(input.value, b_.program_.inputs.back().value);
    }
    for (const Weight& weight : next_.weights) copy(weight);
    for (const Node& node : next_.nodes) b_.nodes().push_back(copied(node));
    std::vector<std::string>& notes = b_.program_.notes;
    notes.insert(notes.end(), next_.notes.begin(), next_.notes.end());
    return {};
  }

  const Input* input_of(const std::string& name) const {
    for (const Input& input : next_.inputs) {
      if (input.name == name) return &input;
    }
    return nullptr;
  }

  // --- sizes ----------------------------------------------------------------------------------
  Status bind_symbols(const Value& wanted, const Value& given) {
    if (wanted.dtype != DType::kUndefined && given.dtype != DType::kUndefined &&
        wanted.dtype != given.dtype) {
      return Error{fmt::format("wants {}, is given {}", name(wanted.dtype), name(given.dtype)), ""};
    }
    if (!wanted.shape || !given.shape) return {};
    if (wanted.shape->size() != given.shape->size()) {
      return Error{
          fmt::format("wants {}, is given {}", to_string(*wanted.shape), to_string(*given.shape)),
          ""};
    }
    for (size_t i = 0; i < wanted.shape->size(); ++i) {
      const Expr& size = (*wanted.shape)[i];
      if (size.is_symbol()) symbols_.emplace(size.symbol_name(), (*given.shape)[i]);
    }
    return {};
  }

  // With all symbols bound, every size must be the one that is given.
  Status check_sizes(const std::string& input, Ref value) const {
    const auto& wanted = next_.value(input_of(input)->value).shape;
    const auto& given = b_.program_.value(value.id()).shape;
    if (!wanted || !given) return {};
    for (size_t i = 0; i < wanted->size(); ++i) {
      if ((*wanted)[i].substitute(symbols_) == (*given)[i]) continue;
      return Error{
          fmt::format("axis {} is {}, it is given {}", i, (*wanted)[i].str(), (*given)[i].str()),
          "input `" + input + "` of the program that follows"};
    }
    return {};
  }

  // A symbol that is bound by no feed is the program's own; where both have one, it gets another
  // name.
  void rename_symbols() {
    std::vector<std::string> own;
    auto note = [&](const Expr& size) {
      for (const std::string& symbol : size.symbols()) {
        if (!symbols_.contains(symbol) && std::find(own.begin(), own.end(), symbol) == own.end())
          own.push_back(symbol);
      }
    };
    for (const Value& value : next_.values) {
      for (const Expr& size : value.shape.value_or(Shape())) note(size);
      if (value.scalar) note(*value.scalar);
    }
    for (const std::string& symbol : own) symbols_.emplace(symbol, b_.fresh_symbol(symbol));
  }

  Status take_ranges() {
    for (const auto& [symbol, range] : next_.ranges) {
      auto bound = symbols_.find(symbol);
      if (bound == symbols_.end()) continue;  // nothing has that size
      const Expr& size = bound->second;
      if (size.is_const() && (size.value() < range.min || size.value() > range.max)) {
        return Error{fmt::format("`{}` of the program that follows goes from {} to {}, it is {}",
                                 symbol, range.min, range.max, size.value()),
                     ""};
      }
      if (!size.is_symbol()) continue;  // a formula: what it may be is checked when it is run
      Range& known = b_.program_.ranges[size.symbol_name()];
      known.min = std::max(known.min, range.min);
      known.max = std::min(known.max, range.max);
      if (known.min > known.max) {
        return Error{fmt::format("no size fits `{}` in both programs", symbol), ""};
      }
    }
    for (const auto& [symbol, size] : next_.examples) {
      auto bound = symbols_.find(symbol);
      if (bound != symbols_.end() && bound->second.is_symbol()) {
        b_.program_.examples.emplace(bound->second.symbol_name(), size);
      }
    }
    return {};
  }

  // --- copies ---------------------------------------------------------------------------------
  ProgramBuilder::Type type_of(const Value& value) const {
    return {value.dtype, substituted(value.shape), value.kind,
            value.scalar ? std::optional(value.scalar->substitute(symbols_)) : std::nullopt};
  }

  std::optional<Shape> substituted(std::optional<Shape> sizes) const {
    if (sizes) {
      for (Expr& size : *sizes) size = size.substitute(symbols_);
    }
    return sizes;
  }

  void set(ValueId from, ValueId to) { ids_[static_cast<size_t>(from.index)] = to; }

  // The copy of a value, made when it is first asked for.
  ValueId id_of(ValueId id) {
    if (!id.valid()) return id;
    ValueId& known = ids_[static_cast<size_t>(id.index)];
    if (known.valid()) return known;
    const Value& value = next_.value(id);
    const ProgramBuilder::Type type = type_of(value);
    const Ref made = b_.define(
        {value.name, type.kind, type.dtype, type.shape, substituted(value.strides), type.scalar});
    return known = made.id();
  }

  void copy(const Weight& weight) {
    const std::string fqn = b_.fqns_.unique(b_.below_location({weight.fqn, "", ""}).module_path);
    b_.program_.weights.push_back({id_of(weight.value), fqn, weight.tensor});
  }

  // Blocks are nested as deep as validate() allows.
  Node copied(Node node) {
    for (NamedArg& named : node.args) replace(named.arg);
    for (Block& block : node.blocks) {
      for (ValueId& id : block.inputs) id = id_of(id);
      for (Node& inner : block.nodes) inner = copied(std::move(inner));
      for (Arg& output : block.outputs) replace(output);
    }
    for (ValueId& id : node.outputs) id = id_of(id);
    ProgramBuilder::Location at = b_.below_location({node.module_path, "", node.source});
    node.module_path = std::move(at.module_path);
    node.source = std::move(at.source);
    return node;
  }

  void replace(Arg& arg) {
    if (auto* id = std::get_if<ValueId>(&arg.v)) {
      *id = id_of(*id);
    } else if (auto* size = std::get_if<Expr>(&arg.v)) {
      *size = size->substitute(symbols_);
    } else if (auto* list = std::get_if<ArgList>(&arg.v)) {
      for (Arg& element : *list) replace(element);
    }
  }

  ProgramBuilder& b_;
  const Program& next_;
  const std::map<std::string, Ref>& feeds_;
  std::vector<ValueId> ids_;             // here, by value of the program that follows
  std::map<std::string, Expr> symbols_;  // of the program that follows -> sizes here
};

std::vector<ProgramBuilder::Ref> ProgramBuilder::append(const Program& next,
                                                        const std::map<std::string, Ref>& feeds) {
  if (error_) return std::vector<Ref>(next.outputs.size());
  return ProgramJoin(*this, next, feeds).run();
}

}  // namespace onnxport::aten
