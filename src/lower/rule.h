// LOWER("<ATen schema>", [](Builder& g, <one parameter per schema parameter>) { return ...; });
//
// The lambda's parameter types say how each argument is read:
//   Value, Values                      Tensor, Tensor[]
//   std::vector<std::optional<Value>>  Tensor?[]
//   Expr, Shape                        int or SymInt and lists of them, symbolic
//   int64_t, std::vector<int64_t>      the same, constant: a symbolic size is refused by name
//   bool, double, std::vector<double>  bool, float, float[]
//   std::string, DType, Scalar         str, ScalarType, Scalar
//   Operand                            Tensor or number, where type promotion tells them apart
//   std::optional<T>                   any of these with '?'
//   Ignored                            anything: device, layout, memory_format, generator, ...
// It returns Value (one output), Values (several, or a list), or nullptr after g.fail("why").
// A rule for several overloads of one shape is a function and several LOWER lines.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "aten/program.h"
#include "aten/schema.h"
#include "lower/builder.h"

namespace onnxport::lower {

struct Ignored {};

// A Python number: bool, int (maybe symbolic) or float.
struct Scalar {
  std::variant<bool, Expr, double> v;
  bool is_floating() const { return v.index() == 2; }
  bool is_bool() const { return v.index() == 0; }
  std::optional<double> as_double() const;  // nullopt: symbolic
};

// The other operand of add, eq, pow...: a tensor, or a Python number (which weighs less in
// promotion).
struct Operand {
  std::variant<Value, Scalar> v;
  bool is_number() const { return v.index() == 1; }
};

struct Rule {
  const char* schema_text;
  aten::Schema schema;
  // Outputs in order; an Error says which argument did not fit or why the rule refused.
  std::function<Result<Values>(Builder&, const std::vector<aten::Arg>&)> apply;
};

// Values of the program that have been lowered so far; arguments are looked up here.
class Scope {
 public:
  virtual ~Scope() = default;
  // Never null: refuses (throws Refused) what was not lowered.
  // A weight becomes an initializer when it is first asked for.
  virtual Value lookup(aten::ValueId id) = 0;
  // A number given where the schema says Tensor (torch.export writes x * 2 so): a 0-D constant of
  // PyTorch's default type for it.
  virtual Value number(const Scalar& number) = 0;
};
Scope& current_scope();  // set by lower.cpp while a rule runs
// Makes a scope the current one as long as it lives.
class ScopeGuard {
 public:
  explicit ScopeGuard(Scope& scope);
  ~ScopeGuard();
  ScopeGuard(const ScopeGuard&) = delete;
  ScopeGuard& operator=(const ScopeGuard&) = delete;

 private:
  Scope* outer_;
};

// One overload of Arg -> C++ type each (rule.cpp). `what` names the parameter in errors.
template <typename T>
struct FromArg;
#define ONNXPORT_FROM_ARG(T)                    \
  template <>                                   \
  struct FromArg<T> {                           \
    static Result<T> get(const aten::Arg& arg); \
  }
ONNXPORT_FROM_ARG(Value);
ONNXPORT_FROM_ARG(Values);
ONNXPORT_FROM_ARG(std::vector<std::optional<Value>>);
ONNXPORT_FROM_ARG(Expr);
ONNXPORT_FROM_ARG(Shape);
ONNXPORT_FROM_ARG(int64_t);
ONNXPORT_FROM_ARG(bool);
ONNXPORT_FROM_ARG(double);
ONNXPORT_FROM_ARG(std::vector<int64_t>);
ONNXPORT_FROM_ARG(std::vector<double>);
ONNXPORT_FROM_ARG(std::string);
ONNXPORT_FROM_ARG(DType);
ONNXPORT_FROM_ARG(Scalar);
ONNXPORT_FROM_ARG(Operand);
#undef ONNXPORT_FROM_ARG
template <>
struct FromArg<Ignored> {
  static Result<Ignored> get(const aten::Arg&) { return Ignored{}; }
};
template <typename T>
struct FromArg<std::optional<T>> {
  static Result<std::optional<T>> get(const aten::Arg& arg) {
    if (arg.is_none()) return std::optional<T>();
    TRY_ASSIGN(T value, FromArg<T>::get(arg));
    return std::optional<T>(std::move(value));
  }
};

// All rules, by "aten::name.overload". Registering one twice, or a schema that does not parse,
// aborts.
const Rule* find_rule(const std::string& full_name);
std::vector<const Rule*> all_rules();  // sorted by name
bool register_rule(Rule rule);

namespace internal {

inline Result<Values> to_values(Builder& g, Value value) {
  if (auto why = g.take_failure()) return Error{*why, ""};
  return Values{value};
}
inline Result<Values> to_values(Builder& g, Values values) {
  if (auto why = g.take_failure()) return Error{*why, ""};
  return values;
}

template <typename F, typename... Ts, size_t... Is>
Result<Values> call(const F& f, Builder& g, const aten::Schema& schema,
                    [[maybe_unused]] const std::vector<aten::Arg>& args, std::index_sequence<Is...>,
                    std::tuple<Ts...>*) {
  std::tuple<Result<Ts>...> read{FromArg<Ts>::get(args[Is])...};
  std::optional<Error> error;
  auto note = [&](size_t i, auto& result) {
    if (error || result.ok()) return;
    error = std::move(result).error().at("argument `" + schema.params[i].name + "`");
  };
  (note(Is, std::get<Is>(read)), ...);
  if (error) return *error;
  try {
    return to_values(g, f(g, std::move(std::get<Is>(read)).value()...));
  } catch (const Refused& refused) {
    g.take_failure();
    return Error{refused.reason, ""};
  }
}

template <typename F>
struct Signature : Signature<decltype(&F::operator())> {};
template <typename C, typename R, typename... As>
struct Signature<R (C::*)(Builder&, As...) const> {
  using Args = std::tuple<std::decay_t<As>...>;
  static constexpr size_t kCount = sizeof...(As);
};
template <typename R, typename... As>
struct Signature<R (*)(Builder&, As...)> {
  using Args = std::tuple<std::decay_t<As>...>;
  static constexpr size_t kCount = sizeof...(As);
};

// Parses the schema and CHECKs that the rule has one parameter per schema parameter.
aten::Schema checked_schema(const char* text, size_t parameters);

template <typename F>
bool lower(const char* schema_text, F f) {
  using S = Signature<F>;
  Rule rule{schema_text, checked_schema(schema_text, S::kCount), nullptr};
  rule.apply = [f, schema = rule.schema](Builder& g, const std::vector<aten::Arg>& args) {
    return call(f, g, schema, args, std::make_index_sequence<S::kCount>(),
                static_cast<typename S::Args*>(nullptr));
  };
  return register_rule(std::move(rule));
}

}  // namespace internal
}  // namespace onnxport::lower

#define LOWER(schema, ...)                                                    \
  static const bool ONNXPORT_CAT(lower_rule_, __COUNTER__) [[maybe_unused]] = \
      ::onnxport::lower::internal::lower(schema, __VA_ARGS__)
