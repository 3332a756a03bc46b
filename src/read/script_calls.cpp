#include "read/script_calls.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "aten/allowed_operators.h"
#include "read/script_words.h"

namespace onnxport::read {

namespace {

using Kind = ScriptExpr::Kind;
using Statement = ScriptStatement;

// What an expression stands for.
struct Value {
  enum class What : uint8_t {
    kValue,     // of `type`, when it is known
    kFunction,  // `function`, or a method with its object
    kClass,     // `class_`, not an object of it
    kNew,       // class_.__new__
    kOperator,  // `name`
    kMethod,    // `name` of an object of `type`: an operator, or a method of whatever class
  };
  What what = What::kValue;
  const CodeType* type = nullptr;  // null: not known, and perhaps an object
  const CodeFunction* function = nullptr;
  const CodeClass* class_ = nullptr;
  std::string_view name = {};

  static Value of(const CodeType* type) { return {What::kValue, type}; }
  // A name for something to be called, not for a value.
  bool is_callable() const {
    return what != What::kValue && !(what == What::kMethod && is_property(name));
  }
  bool operator==(const Value&) const = default;
};
using What = Value::What;
using Bindings = std::unordered_map<std::string_view, Value>;

constexpr size_t kMaxNameLength = 2000;

// A value of such a type is no object with methods of its own.
bool is_plain(const CodeType* type) {
  return type != nullptr && type->named == nullptr &&
         !is_one_of(type->head, {"Any", "Union", "Optional", "Future", "RRef", "Await"});
}

class CallFinder {
 public:
  CallFinder(CodeNames& names, const CodeFunction& function)
      : names_(names),
        function_(function),
        file_(*function.file),
        at_load_(function.owner != nullptr &&
                 is_one_of(function.syntax->name, {"__setstate__", "__getstate__"})) {}

  Result<FunctionCalls> run() {
    TRY(bind_parameters());
    TRY(block(function_.syntax->body));
    return std::move(found_);
  }

 private:
  Error wrong(const std::string& what, int line) const {
    return Error{what, fmt::format("line {}", line)};
  }

  Error at_load(std::string_view what, int line) const {
    return wrong(
        fmt::format("would {} while the archive is loaded ({})", what, function_.syntax->name),
        line);
  }

  std::span<const ExprId> parts_of(ExprId id) const { return file_.parts_of(id); }

  // --- names --------------------------------------------------------------------------------
  Status bind_parameters() {
    bool self = function_.owner != nullptr;
    for (const ScriptParameter& parameter : function_.syntax->parameters) {
      Value value;
      if (self) {  // whatever it is declared to be, as libtorch has it
        value.type = function_.owner->type;
        self = false;
      } else if (parameter.type != kNoExpr) {
        TRY_ASSIGN(value.type, type(parameter.type));
      }
      TRY(bind(parameter.name, value, function_.syntax->line));
    }
    if (function_.syntax->returns != kNoExpr) {
      TRY_ASSIGN([[maybe_unused]] const CodeType* returned, type(function_.syntax->returns));
    }
    return {};
  }

  Result<const CodeType*> type(ExprId id) { return names_.type(file_, id, found_.classes); }

  Status bind(std::string_view name, const Value& value, int line) {
    // Where libtorch forgets a name that only one branch binds, these would be its own again.
    if (is_root(name) || starts_tasks(name) || name == "getattr") {
      return wrong(fmt::format("gives the name `{}` to something else", name), line);
    }
    auto [known, added] = locals_.try_emplace(name, value);
    changes_.emplace_back(name, added ? std::nullopt : std::optional<Value>(known->second));
    known->second = value;
    return {};
  }

  // Takes the bindings since `mark` back, and returns what they left.
  Bindings undo(size_t mark) {
    Bindings left;
    while (changes_.size() > mark) {
      auto& [name, before] = changes_.back();
      left.try_emplace(name, locals_.at(name));  // the last binding of a name is taken back first
      if (before) {
        locals_[name] = *before;
      } else {
        locals_.erase(name);
      }
      changes_.pop_back();
    }
    return left;
  }

  // After two ways: a name is what it is on both, or on the only one that binds it.
  Status join(const Bindings& one, const Bindings& other, int line) {
    for (const Bindings* way : {&one, &other}) {
      const Bindings& opposite = way == &one ? other : one;
      for (const auto& [name, value] : *way) {
        const Value* there = nullptr;
        if (auto known = opposite.find(name); known != opposite.end()) {
          there = &known->second;
        } else if (auto before = locals_.find(name); before != locals_.end()) {
          there = &before->second;
        }
        if (there == nullptr || *there == value) {
          if (way == &one || !one.contains(name)) TRY(bind(name, value, line));
        } else if (value.is_callable() || there->is_callable()) {
          // libtorch follows one way alone where it knows the condition: which, is not asked here.
          return wrong(fmt::format("gives the name `{}` to two functions", name), line);
        } else {
          TRY(bind(name, Value{}, line));
        }
      }
    }
    return {};
  }

  // --- statements ---------------------------------------------------------------------------
  Status block(const std::vector<Statement>& statements) {
    for (const Statement& statement : statements) TRY(this->statement(statement));
    return {};
  }

  Status statement(const Statement& s) {
    ++found_.size;
    switch (s.kind) {
      case Statement::Kind::kNothing:
        return {};
      case Statement::Kind::kExpression:
        for (ExprId id : s.exprs) TRY(visit(id));
        return {};
      case Statement::Kind::kAssign:
        return assign(s);
      case Statement::Kind::kAugmented:
        for (ExprId id : s.exprs) TRY(operand(id));
        if (at_load_) return at_load("compute", s.line);
        return file_.at(s.exprs[0]).kind == Kind::kName ? store(s.exprs[0], Value{}) : Status{};
      case Statement::Kind::kDeclare: {
        TRY_ASSIGN(const CodeType* declared, type(s.type));
        return store(s.exprs[0], Value::of(declared));
      }
      case Statement::Kind::kIf:
        return if_(s);
      case Statement::Kind::kWhile:
      case Statement::Kind::kFor:
        return loop(s);
      case Statement::Kind::kWith:
        return with(s);
    }
    return {};
  }

  Status assign(const Statement& s) {
    TRY_ASSIGN(Value value, visit(s.exprs.back()));
    if (s.type != kNoExpr) {  // a function stays one, whatever it is declared to be
      TRY_ASSIGN(const CodeType* declared, type(s.type));
      if (!value.is_callable()) value = Value::of(declared);
    }
    for (size_t i = 0; i + 1 < s.exprs.size(); ++i) TRY(store(s.exprs[i], value));
    return {};
  }

  Status store(ExprId target, const Value& value) {
    const ScriptExpr& expr = file_.at(target);
    std::span<const ExprId> parts = parts_of(target);
    switch (expr.kind) {
      case Kind::kName:
        return bind(expr.text, value, expr.line);
      case Kind::kTuple:
      case Kind::kList:
        for (size_t i = 0; i < parts.size(); ++i) TRY(store(parts[i], element(value, i)));
        return {};
      case Kind::kAttribute: {
        TRY_ASSIGN(Value object, visit(parts[0]));
        TRY_ASSIGN([[maybe_unused]] Value held, member(object, expr.text, expr.line));
        return {};
      }
      case Kind::kSubscript:
        for (ExprId part : parts) TRY(operand(part));
        return {};
      default:
        return wrong("assigns to what is no name", expr.line);
    }
  }

  // Of a sequence that is taken apart.
  static Value element(const Value& value, size_t index) {
    const CodeType* type = value.type;
    if (type == nullptr) return {};
    if (type->head == "List" && !type->parts.empty()) return Value::of(type->parts[0]);
    if (type->head == "Tuple" && index < type->parts.size()) return Value::of(type->parts[index]);
    if (type->named == nullptr || index >= type->named->syntax->fields.size()) return {};
    return Value::of(type->named->fields.at(type->named->syntax->fields[index].name));
  }

  Status if_(const Statement& s) {
    TRY(operand(s.exprs[0]));
    const size_t mark = changes_.size();
    TRY(block(s.body));
    const Bindings then = undo(mark);
    TRY(block(s.otherwise));
    const Bindings otherwise = undo(mark);
    return join(then, otherwise, s.line);
  }

  Status loop(const Statement& s) {
    if (at_load_) return at_load("run a loop", s.line);
    const size_t mark = changes_.size();
    if (s.kind == Statement::Kind::kFor) {
      TRY_ASSIGN(Value iterated, operand(s.exprs[1]));
      const bool known = iterated.type != nullptr && !iterated.type->parts.empty() &&
                         is_one_of(iterated.type->head, {"List", "Dict"});
      TRY(store(s.exprs[0], known ? Value::of(iterated.type->parts[0]) : Value{}));
    } else {
      TRY(operand(s.exprs[0]));
    }
    TRY(block(s.body));
    return join(undo(mark), {}, s.line);
  }

  Status with(const Statement& s) {
    if (at_load_) return at_load("enter a context", s.line);
    for (ExprId id : s.exprs) {
      TRY_ASSIGN(Value entered, visit(id));
      for (std::string_view name : {"__enter__", "__exit__"}) {
        TRY(implied(entered, name, s.line));
      }
    }
    if (s.type != kNoExpr) {
      for (ExprId id : parts_of(s.type)) TRY(store(id, Value{}));
    }
    return block(s.body);
  }

  // --- calls --------------------------------------------------------------------------------
  Status call(const CodeFunction* callee, int line) {
    if (at_load_) return at_load(fmt::format("call `{}`", callee->name), line);
    found_.calls.push_back(callee);
    if (callee->owner == nullptr || callee->syntax->name != "forward") return {};
    for (std::string_view hook : callee->owner->syntax->hooks) {
      found_.calls.push_back(callee->owner->method(hook));
    }
    return {};
  }

  // A method that is called without being named: __enter__ of `with x`.
  Status implied(const Value& receiver, std::string_view name, int line) {
    const CodeClass* known = receiver.type != nullptr ? receiver.type->named : nullptr;
    if (known == nullptr || !known->is_exact()) return perhaps(name, line);
    const CodeFunction* method = known->method(name);
    return method != nullptr ? call(method, line) : Status{};
  }

  Status perhaps(std::string_view name, int line) {
    if (names_.methods_named(name).empty()) return {};
    if (at_load_) return at_load("perhaps call a method", line);
    found_.maybe.push_back(name);
    return {};
  }

  Status use(const std::string& op, int line) {
    if (!aten::is_allowed(op)) {
      return wrong(fmt::format("calls `{}`, which is not one of the operators that compute and "
                               "touch nothing outside the model",
                               op),
                   line);
    }
    if (at_load_ && !is_quick(op)) return at_load(fmt::format("compute `{}`", op), line);
    return {};
  }

  // An operand of an operator, a condition, what is iterated over: its class may define what the
  // operator does.
  Result<Value> operand(ExprId id) {
    TRY_ASSIGN(Value value, visit(id));
    if (!is_plain(value.type)) TRY(perhaps(kSpecialMethods, file_.at(id).line));
    return value;
  }

  Result<Value> visit(ExprId id) {
    ++found_.size;
    const ScriptExpr& expr = file_.at(id);
    std::span<const ExprId> parts = parts_of(id);
    switch (expr.kind) {
      case Kind::kName:
        return name(expr);
      case Kind::kConstant:
        return Value::of(names_.type("number", {}));
      case Kind::kString:
        return Value::of(names_.type("str", {}));
      case Kind::kAttribute:
        return attribute(id);
      case Kind::kCall:
        return visit_call(id);
      case Kind::kSubscript:
        return subscript(id);
      case Kind::kTuple:
      case Kind::kList:
      case Kind::kDict:
        return literal(expr.kind, parts);
      case Kind::kOperation:
        if (at_load_) return at_load("compute", expr.line);
        for (ExprId part : parts) TRY(operand(part));
        return Value{};
      case Kind::kTernary: {
        TRY_ASSIGN(Value first, visit(parts[0]));
        TRY(operand(parts[1]));
        TRY_ASSIGN(Value second, visit(parts[2]));
        return first == second ? first : Value{};
      }
      case Kind::kSlice:
        for (ExprId part : parts) TRY(operand(part));
        return Value{};
    }
    return Value{};
  }

  Result<Value> literal(Kind kind, std::span<const ExprId> parts) {
    std::vector<const CodeType*> types;
    for (ExprId part : parts) {
      TRY_ASSIGN(Value value, visit(part));
      types.push_back(value.type);
    }
    if (kind == Kind::kTuple) return Value::of(names_.type("Tuple", std::move(types)));
    const size_t kinds = kind == Kind::kList ? 1 : 2;
    if (types.size() < kinds) return Value{};
    types.resize(kinds);
    return Value::of(names_.type(kind == Kind::kList ? "List" : "Dict", std::move(types)));
  }

  Result<Value> name(const ScriptExpr& expr) {
    if (auto known = locals_.find(expr.text); known != locals_.end()) return known->second;
    if (starts_tasks(expr.text)) {
      return wrong(fmt::format("starts a task of its own (`{}`)", expr.text), expr.line);
    }
    if (is_builtin(expr.text)) return Value::of(names_.type("function", {}));
    if (is_root(expr.text)) {
      return wrong(fmt::format("takes `{}` as a value", expr.text), expr.line);
    }
    return wrong(fmt::format("uses the name `{}`, which nothing defines", expr.text), expr.line);
  }

  Result<Value> attribute(ExprId id) {
    ExprId root = id;
    size_t length = 1;
    while (file_.at(root).kind == Kind::kAttribute) {
      root = parts_of(root)[0];
      ++length;
    }
    const ScriptExpr& expr = file_.at(id);
    if (file_.at(root).kind != Kind::kName || !is_root(file_.at(root).text)) {
      return chain(id);
    }
    const std::string full = dotted_name(file_, id);
    found_.size += length;
    const std::string_view first = file_.at(root).text;
    if (first == "__torch__") return defined(id);
    if (first == "CONSTANTS" && length == 2) return Value{};
    if (length == (first == "torch" ? 2U : 3U) && first != "CONSTANTS") {
      const std::string_view space = first == "torch" ? "aten" : file_.at(parts_of(id)[0]).text;
      TRY(use(fmt::format("{}::{}", space, expr.text), expr.line));
      return Value{What::kOperator, nullptr, nullptr, nullptr, expr.text};
    }
    return wrong(fmt::format("names `{}`, which is no operator", full), expr.line);
  }

  // x.y.z, from the left.
  Result<Value> chain(ExprId id) {
    std::vector<ExprId> steps;
    while (file_.at(id).kind == Kind::kAttribute) {
      steps.push_back(id);
      id = parts_of(id)[0];
    }
    TRY_ASSIGN(Value value, visit(id));
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
      ++found_.size;
      TRY_ASSIGN(value, member(value, file_.at(*step).text, file_.at(*step).line));
    }
    return value;
  }

  Error unknown_attribute(std::string_view name, int line) const {
    return wrong(fmt::format("takes `{}` of a value, which is neither an attribute that the "
                             "archive declares nor one of the operators that compute and touch "
                             "nothing outside the model",
                             name),
                 line);
  }

  // value.name: an attribute or a method of its class, else an operator on it.
  Result<Value> member(const Value& value, std::string_view name, int line) {
    if (value.what == What::kClass) return class_member(*value.class_, name, line);
    const CodeType* type = value.type;
    if (type != nullptr && type->head == "Optional" && type->parts.size() == 1) {
      type = type->parts[0];
    }
    const CodeClass* known = type != nullptr ? type->named : nullptr;
    if (known != nullptr) {
      if (auto field = known->fields.find(name); field != known->fields.end()) {
        return Value::of(field->second);
      }
      if (const CodeFunction* method = known->method(name)) {
        if (known->is_exact()) return Value{What::kFunction, nullptr, method};
        return Value{What::kMethod, type, nullptr, nullptr, name};
      }
    }
    if (!is_property(name)) {
      const std::string op = fmt::format("aten::{}", name);
      if (!aten::is_allowed(op)) return unknown_attribute(name, line);
      if (at_load_) TRY(use(op, line));
    }
    return Value{What::kMethod, type, nullptr, nullptr, name};
  }

  Result<Value> class_member(const CodeClass& made, std::string_view name, int line) {
    if (name == "__new__") return Value{What::kNew, nullptr, nullptr, &made};
    if (const CodeFunction* method = made.method(name)) {
      return Value{What::kFunction, nullptr, method};
    }
    if (auto field = made.fields.find(name); field != made.fields.end()) {
      return Value::of(field->second);
    }
    return wrong(fmt::format("names `{}.{}`, which the archive does not define", made.name, name),
                 line);
  }

  // __torch__.a.b.C.x
  Result<Value> defined(ExprId id) {
    const int line = file_.at(id).line;
    std::vector<ExprId> steps;
    for (ExprId at = id; file_.at(at).kind == Kind::kAttribute; at = parts_of(at)[0]) {
      steps.push_back(at);
    }
    std::string full = "__torch__";
    Value value;
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
      const std::string_view text = file_.at(*step).text;
      if (value.what != What::kValue || value.type != nullptr) {
        TRY_ASSIGN(value, member(value, text, line));
        continue;
      }
      (full += '.') += text;
      if (full.size() > kMaxNameLength) return wrong("has too long a name", line);
      if (const CodeFunction* function = names_.find_function(full)) {
        found_.mentions.push_back(function);
        value = Value{What::kFunction, nullptr, function};
      } else if (const CodeClass* made = names_.find_class(full)) {
        found_.classes.push_back(made);
        value = Value{What::kClass, nullptr, nullptr, made};
      }
    }
    if (full.starts_with("__torch__.torch.classes.")) {
      return wrong(fmt::format("needs libtorch's own class `{}`, which is not read", full), line);
    }
    if (value.what != What::kValue || value.type != nullptr) return value;
    return wrong(fmt::format("names `{}`, which the archive does not define", full), line);
  }

  Result<Value> visit_call(ExprId id) {
    const ScriptExpr& expr = file_.at(id);
    std::span<const ExprId> parts = parts_of(id);
    const ScriptExpr& callee = file_.at(parts[0]);
    if (callee.kind == Kind::kName && !locals_.contains(callee.text) && is_builtin(callee.text)) {
      return builtin(callee.text, expr, parts.subspan(1));
    }
    TRY_ASSIGN(Value called, visit(parts[0]));
    Value first;
    for (size_t i = 1; i < parts.size(); ++i) {
      TRY_ASSIGN(Value argument, visit(parts[i]));
      if (i == 1) first = argument;
    }
    switch (called.what) {
      case What::kFunction:
        TRY(call(called.function, expr.line));
        return Value::of(called.function->returns);
      case What::kClass:
        if (const CodeFunction* init = called.class_->method("__init__")) {
          TRY(call(init, expr.line));
        }
        return Value::of(called.class_->type);
      case What::kNew:
        return Value::of(called.class_->type);
      case What::kOperator:
        return Value::of(result_type(names_, called.name, first.type));
      case What::kMethod:
        return call_method(called, expr.line);
      case What::kValue:
        break;
    }
    // An object that is called.
    const CodeClass* known = called.type != nullptr ? called.type->named : nullptr;
    const bool forward = known != nullptr && known->method("__call__") == nullptr;
    TRY(implied(called, forward ? "forward" : "__call__", expr.line));
    if (known == nullptr) TRY(perhaps("forward", expr.line));
    return Value{};
  }

  // An operator on a value, or a method of an object of a class that is not known.
  Result<Value> call_method(const Value& called, int line) {
    const CodeClass* known = called.type != nullptr ? called.type->named : nullptr;
    const bool interface = known != nullptr && !known->is_exact();
    if (interface || (known == nullptr && !is_plain(called.type))) {
      TRY(perhaps(called.name, line));
    }
    const CodeFunction* declared = interface ? known->method(called.name) : nullptr;
    return Value::of(declared != nullptr ? declared->returns
                                         : result_type(names_, called.name, called.type));
  }

  Result<Value> builtin(std::string_view name, const ScriptExpr& expr,
                        std::span<const ExprId> arguments) {
    if (is_one_of(name, {"annotate", "unchecked_cast", "uninitialized"})) {
      if (arguments.empty()) return wrong(fmt::format("calls `{}` of nothing", name), expr.line);
      TRY_ASSIGN(const CodeType* declared, type(arguments[0]));
      for (ExprId argument : arguments.subspan(1)) TRY(visit(argument));
      return Value::of(declared);
    }
    if (name == "isinstance") {
      if (arguments.size() != 2) return wrong("calls isinstance of nothing", expr.line);
      TRY(visit(arguments[0]));
      const bool several = file_.at(arguments[1]).kind == Kind::kTuple;
      for (ExprId one : several ? parts_of(arguments[1]) : arguments.subspan(1)) {
        TRY_ASSIGN([[maybe_unused]] const CodeType* declared, type(one));
      }
      return Value{};
    }
    if (name == "getattr" || name == "hasattr") {
      const bool plain = arguments.size() >= 2 && file_.at(arguments[1]).kind == Kind::kString;
      if (!plain)
        return wrong(fmt::format("calls {} with a name that is no text", name), expr.line);
      TRY_ASSIGN(Value object, visit(arguments[0]));
      if (arguments.size() > 2) TRY(visit(arguments[2]));
      if (name == "hasattr") return Value{};
      return member(object, file_.at(arguments[1]).text, expr.line);
    }
    if (at_load_ && !is_one_of(name, {"len", "bool", "int", "float"})) {
      return at_load(fmt::format("call `{}`", name), expr.line);
    }
    Value first;
    for (size_t i = 0; i < arguments.size(); ++i) {
      TRY_ASSIGN(Value argument, operand(arguments[i]));
      if (i == 0) first = argument;
    }
    if (name == "list" || name == "sorted") return Value::of(result_type(names_, name, first.type));
    if (is_one_of(name, {"len", "int", "float", "bool", "str", "ord", "chr"})) {
      return Value::of(names_.type("number", {}));
    }
    return Value{};
  }

  Result<Value> subscript(ExprId id) {
    std::span<const ExprId> parts = parts_of(id);
    TRY_ASSIGN(Value value, operand(parts[0]));
    for (ExprId part : parts.subspan(1)) TRY(operand(part));
    const ScriptExpr& index = file_.at(parts[1]);
    if (index.kind == Kind::kSlice) {
      const bool list = value.type != nullptr && value.type->head == "List";
      return list ? value : Value{};
    }
    const CodeType* type = value.type;
    if (type != nullptr && (type->head == "Tuple" || type->named != nullptr)) {
      const bool digits = index.kind == Kind::kConstant && index.text.size() <= 4 &&
                          index.text.find_first_not_of("0123456789") == std::string_view::npos;
      if (!digits) return Value{};
      return element(value, std::stoul(std::string(index.text)));
    }
    return Value::of(result_type(names_, "__getitem__", value.type));
  }

  CodeNames& names_;
  const CodeFunction& function_;
  const ScriptFile& file_;
  bool at_load_;
  FunctionCalls found_;
  std::unordered_map<std::string_view, Value> locals_;
  std::vector<std::pair<std::string_view, std::optional<Value>>> changes_;
};

}  // namespace

Result<FunctionCalls> find_calls(CodeNames& names, const CodeFunction& function) {
  return CallFinder(names, function).run();
}

}  // namespace onnxport::read
