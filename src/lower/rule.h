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
// It returns Value (one output) or Values (several, or a list; nullptr for an output that it leaves
// out), or calls refuse("why"), which does not come back (lower/refusal.h).
// A rule for several overloads of one shape is a function and several LOWER lines.
//
// A rule that needs a later opset says so behind the function, all or part of it (opset_need.h):
//   LOWER("aten::grid_sampler(...)", grid_sample, since(16, "grid_sample"), kVolumes);
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "aten/program.h"
#include "aten/schema.h"
#include "lower/builder.h"
#include "lower/opset_need.h"
#include "lower/refusal.h"

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
  std::vector<OpsetNeed> needs;
  // Outputs in order; refuses an argument that does not fit, by name.
  std::function<Values(Builder&, const std::vector<aten::Arg>&)> apply;
};

// Values of the program that have been lowered so far; arguments are looked up here.
class Scope {
 public:
  virtual ~Scope() = default;
  // Never null: refuses what was not lowered.
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

// One overload of Arg -> C++ type each (rule.cpp). Refuses what is something else.
template <typename T>
struct FromArg;
#define ONNXPORT_FROM_ARG(T)            \
  template <>                           \
  struct FromArg<T> {                   \
    static T get(const aten::Arg& arg); \
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
  static Ignored get(const aten::Arg&) { return {}; }
};
template <typename T>
struct FromArg<std::optional<T>> {
  static std::optional<T> get(const aten::Arg& arg) {
    if (arg.is_none()) return std::nullopt;
    return FromArg<T>::get(arg);
  }
};

// All rules, by "aten::name.overload". Registering one twice, or a schema that does not parse,
// aborts.
const Rule* find_rule(const std::string& full_name);
std::vector<const Rule*> all_rules();  // sorted by name
bool register_rule(Rule rule);

namespace internal {

inline Values to_values(Value value) { return {value}; }
inline Values to_values(Values values) { return values; }

// A Result, since g++ 12 warns of a tuple whose elements may throw while it is made.
template <typename T>
Result<T> read_argument(const aten::Schema& schema, const std::vector<aten::Arg>& args, size_t i) {
  try {
    return FromArg<T>::get(args[i]);
  } catch (const Refused& refused) {
    return Error{refused.reason, "argument `" + schema.params[i].name + "`"};
  }
}

template <typename F, typename... Ts, size_t... Is>
Values call(const F& f, Builder& g, [[maybe_unused]] const aten::Schema& schema,
            [[maybe_unused]] const std::vector<aten::Arg>& args, std::index_sequence<Is...>,
            std::tuple<Ts...>*) {
  // Braces read the arguments from the first to the last: that is the order of the weights.
  std::tuple<Result<Ts>...> read{read_argument<Ts>(schema, args, Is)...};
  (refuse_error(std::get<Is>(read)), ...);
  return to_values(f(g, std::move(std::get<Is>(read)).value()...));
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

template <typename F, typename... Needs>
bool lower(const char* schema_text, F f, Needs... needs) {
  using S = Signature<F>;
  Rule rule{schema_text, checked_schema(schema_text, S::kCount), {needs...}, nullptr};
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
