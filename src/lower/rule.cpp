#include "lower/rule.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>

namespace onnxport::lower {

namespace {

thread_local Scope* current = nullptr;

// A function's static: rules register themselves before main().
std::map<std::string, Rule>& registry() {
  static std::map<std::string, Rule> rules;
  return rules;
}

[[noreturn]] void wrong_rule(const char* text, const std::string& why) {
  std::fprintf(stderr, "onnxport: lowering rule `%s`: %s\n", text, why.c_str());
  std::abort();
}

[[noreturn]] void refuse_unexpected(const char* wanted, const aten::Arg& arg) {
  refuse(fmt::format("expected {}, got `{}`", wanted, aten::to_string(arg)));
}

[[noreturn]] void refuse_symbolic(const Expr& e) {
  refuse(fmt::format("the size `{}` must be a known number here; export with that axis fixed",
                     e.str()));
}

// A list argument, or a single one as PyTorch accepts for int[1].
template <typename T>
std::vector<T> read_list(const aten::Arg& arg, const char* wanted) {
  const auto* list = arg.as<aten::ArgList>();
  if (list == nullptr) {
    if (arg.is_none() || arg.as<std::string>() != nullptr) refuse_unexpected(wanted, arg);
    return {FromArg<T>::get(arg)};
  }
  std::vector<T> out;
  out.reserve(list->size());
  for (const aten::Arg& element : *list) out.push_back(FromArg<T>::get(element));
  return out;
}

std::optional<Scalar> as_number(const aten::Arg& arg) {
  if (const auto* b = arg.as<bool>()) return Scalar{*b};
  if (const auto* e = arg.as<Expr>()) return Scalar{*e};
  if (const auto* d = arg.as<double>()) return Scalar{*d};
  return std::nullopt;
}

// The content of a 0-D (or one element) constant tensor, as a Python number.
std::optional<Scalar> constant_number(Value x) {
  const Tensor* tensor = Builder::constant_of(x);
  if (tensor == nullptr || tensor->numel() != 1) return std::nullopt;
  if (tensor->dtype == DType::kBool) return Scalar{tensor->as_ints()[0] != 0};
  if (is_integer(tensor->dtype)) return Scalar{Expr(tensor->as_ints()[0])};
  if (is_floating(tensor->dtype)) return Scalar{tensor->as_doubles()[0]};
  return std::nullopt;
}

}  // namespace

std::optional<double> Scalar::as_double() const {
  if (const auto* b = std::get_if<bool>(&v)) return *b ? 1.0 : 0.0;
  if (const auto* d = std::get_if<double>(&v)) return *d;
  const Expr& e = std::get<Expr>(v);
  if (!e.is_const()) return std::nullopt;
  return static_cast<double>(e.value());
}

Scope& current_scope() {
  CHECK(current != nullptr);
  return *current;
}

ScopeGuard::ScopeGuard(Scope& scope) : outer_(current) { current = &scope; }
ScopeGuard::~ScopeGuard() { current = outer_; }

Value FromArg<Value>::get(const aten::Arg& arg) {
  if (const auto* id = arg.as<aten::ValueId>()) {
    if (!id->valid()) refuse_unexpected("a tensor", arg);
    return current_scope().lookup(*id);
  }
  if (auto number = as_number(arg)) return current_scope().number(*number);
  refuse_unexpected("a tensor", arg);
}

Values FromArg<Values>::get(const aten::Arg& arg) {
  return read_list<Value>(arg, "a list of tensors");
}

std::vector<std::optional<Value>> FromArg<std::vector<std::optional<Value>>>::get(
    const aten::Arg& arg) {
  return read_list<std::optional<Value>>(arg, "a list of tensors");
}

Expr FromArg<Expr>::get(const aten::Arg& arg) {
  if (const auto* e = arg.as<Expr>()) return *e;
  if (const auto* b = arg.as<bool>()) return Expr(*b ? 1 : 0);
  if (arg.as<aten::ValueId>() != nullptr) {
    auto number = constant_number(FromArg<Value>::get(arg));
    if (number && !number->is_floating()) return Expr(static_cast<int64_t>(*number->as_double()));
  }
  refuse_unexpected("an integer", arg);
}

Shape FromArg<Shape>::get(const aten::Arg& arg) {
  return read_list<Expr>(arg, "a list of integers");
}

int64_t FromArg<int64_t>::get(const aten::Arg& arg) {
  const Expr e = FromArg<Expr>::get(arg);
  if (!e.is_const()) refuse_symbolic(e);
  return e.value();
}

bool FromArg<bool>::get(const aten::Arg& arg) {
  if (const auto* b = arg.as<bool>()) return *b;
  if (const auto* e = arg.as<Expr>(); e != nullptr && e->is_const()) return e->value() != 0;
  refuse_unexpected("True or False", arg);
}

double FromArg<double>::get(const aten::Arg& arg) {
  auto number = as_number(arg);
  if (!number) refuse_unexpected("a number", arg);
  if (auto value = number->as_double()) return *value;
  refuse_symbolic(std::get<Expr>(number->v));
}

std::vector<int64_t> FromArg<std::vector<int64_t>>::get(const aten::Arg& arg) {
  return read_list<int64_t>(arg, "a list of integers");
}

std::vector<double> FromArg<std::vector<double>>::get(const aten::Arg& arg) {
  return read_list<double>(arg, "a list of numbers");
}

std::string FromArg<std::string>::get(const aten::Arg& arg) {
  if (const auto* s = arg.as<std::string>()) return *s;
  if (const auto* w = arg.as<aten::Word>()) return w->text;
  refuse_unexpected("a string", arg);
}

// Schemas spell a default dtype as the number of c10::ScalarType.
DType FromArg<DType>::get(const aten::Arg& arg) {
  if (const auto* dtype = arg.as<DType>()) return *dtype;
  if (const auto* e = arg.as<Expr>(); e != nullptr && e->is_const(4)) return DType::kInt64;
  if (const auto* e = arg.as<Expr>(); e != nullptr && e->is_const(6)) return DType::kFloat;
  refuse_unexpected("a dtype", arg);
}

Scalar FromArg<Scalar>::get(const aten::Arg& arg) {
  if (auto number = as_number(arg)) return *number;
  if (arg.as<aten::ValueId>() != nullptr) {
    if (auto number = constant_number(FromArg<Value>::get(arg))) return *number;
  }
  refuse_unexpected("a number", arg);
}

Operand FromArg<Operand>::get(const aten::Arg& arg) {
  if (auto number = as_number(arg)) return Operand{*number};
  return Operand{FromArg<Value>::get(arg)};
}

const Rule* find_rule(const std::string& full_name) {
  auto it = registry().find(full_name);
  return it == registry().end() ? nullptr : &it->second;
}

std::vector<const Rule*> all_rules() {
  std::vector<const Rule*> out;
  out.reserve(registry().size());
  for (const auto& [name, rule] : registry()) out.push_back(&rule);
  return out;
}

bool register_rule(Rule rule) {
  const char* text = rule.schema_text;
  std::string name = rule.schema.full_name();
  if (!registry().emplace(std::move(name), std::move(rule)).second) {
    wrong_rule(text, "the overload has a rule already");
  }
  return true;
}

namespace internal {

aten::Schema checked_schema(const char* text, size_t parameters) {
  Result<aten::Schema> schema = aten::parse_schema(text);
  if (!schema.ok()) wrong_rule(text, schema.error().str());
  if (schema->params.size() != parameters) {
    wrong_rule(text, fmt::format("the schema has {} parameters, the function takes {}",
                                 schema->params.size(), parameters));
  }
  return std::move(schema).value();
}

}  // namespace internal
}  // namespace onnxport::lower
