// ProgramBuilder writes programs: from nothing (readers, tests), behind one that was read (what a
// task adds to a detector's outputs), and by joining two.
//
//   ProgramBuilder b(std::move(program), lower::find_schema);
//   auto location = b.in({"postprocess", "", "added by --task classify"});
//   Ref scores = b.call("aten::softmax.int", {{"self", b.output("logits")}, {"dim", 1}});
//   b.replace_output("logits", scores);
//   TRY_ASSIGN(Program done, std::move(b).finish());
//
// Errors: the first one is kept; from then on nothing is built, every Ref is empty, and finish()
// returns the error. So building is a straight line, and the message names the call.
//
// Types of results are what the caller says. Left out they stay unknown: lowering takes that, since
// its rules infer them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "aten/names.h"
#include "aten/program.h"
#include "aten/schema.h"
#include "base/result.h"

namespace onnxport::aten {

// What a call's result is; what is left out is not known.
struct ResultType {
  DType dtype = DType::kUndefined;
  std::optional<Shape> shape = std::nullopt;
  Value::Kind kind = Value::Kind::kTensor;
  std::optional<Expr> scalar = std::nullopt;  // kScalar: the symbol that stands for it
};

template <typename T, typename... Others>
concept OneOf = (std::is_same_v<T, Others> || ...);
// What an argument may be, besides values.
template <typename T>
concept ArgContent =
    std::is_arithmetic_v<T> || OneOf<T, Arg, Expr, DType, Word, std::string, ArgList, ValueId>;

class ProgramBuilder {
 public:
  // What is known of the operators; null for one that is not known.
  using SchemaLookup = std::function<const Schema*(const std::string& full_name)>;

  // A value of the program that is being built; knows its builder, so that no other takes it.
  // Empty after an error.
  class Ref {
   public:
    Ref() = default;
    ValueId id() const { return id_; }
    bool valid() const { return id_.valid(); }

   private:
    friend class ProgramBuilder;
    Ref(ValueId id, uint64_t builder) : id_(id), builder_(builder) {}
    ValueId id_;
    uint64_t builder_ = 0;
  };

  // An argument of a call: whatever an Arg holds, with Refs in place of ValueIds.
  struct Operand {
    Arg arg;
    std::vector<uint64_t> builders;  // of the Refs in it

    Operand() = default;                                   // None
    Operand(Ref ref);                                      // NOLINT(*-explicit-*)
    Operand(const std::vector<Ref>& refs);                 // NOLINT(*-explicit-*)
    Operand(const std::vector<std::optional<Ref>>& refs);  // NOLINT(*-explicit-*)
    Operand(const std::vector<int64_t>& numbers);          // NOLINT(*-explicit-*)
    Operand(const Shape& sizes);                           // NOLINT(*-explicit-*)
    Operand(const char* text) : arg(std::string(text)) {}  // NOLINT(*-explicit-*)
    template <ArgContent T>
    Operand(T value) {  // NOLINT(*-explicit-*)
      if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
        arg = Arg(Expr(static_cast<int64_t>(value)));
      } else if constexpr (std::is_floating_point_v<T>) {
        arg = Arg(static_cast<double>(value));
      } else {
        arg = Arg(std::move(value));
      }
    }
  };
  struct NamedOperand {
    std::string name;  // "": by position
    Operand value;
  };

  using Type = ResultType;
  static Type scalar(DType dtype, std::optional<Expr> symbol = std::nullopt) {
    return {dtype, std::nullopt, Value::Kind::kScalar, std::move(symbol)};
  }

  explicit ProgramBuilder(SchemaLookup schemas = nullptr);
  explicit ProgramBuilder(Program program, SchemaLookup schemas = nullptr);
  ProgramBuilder(const ProgramBuilder&) = delete;
  ProgramBuilder& operator=(const ProgramBuilder&) = delete;

  // --- inputs and weights ---------------------------------------------------------------------
  Ref input(const std::string& name, Type type);  // refuses a name that an input has
  Ref weight(const std::string& fqn, Tensor tensor);
  Ref constant(Tensor tensor, std::string_view name = "constant");
  // A value whose place in the program the caller gives it: of add() and add_input(). Named
  // `value.name`, made unique with the separator and a number.
  Ref define(Value value, std::string_view separator = "_");
  void add_input(Ref value, std::string name);
  void add_weight(Ref value, std::string fqn, Tensor tensor);
  Expr fresh_symbol(std::string_view stem);  // for a size or number that depends on data
  Expr symbol(Ref scalar);                   // what stands for a scalar value in sizes

  // --- calls ----------------------------------------------------------------------------------
  // By the schema's full name ("aten::add.Tensor"): arguments are checked against it, by position
  // or by name. Results are named after the operator ("add", "add_1"). Those that `types` does not
  // reach are None.
  Ref call(const std::string& full_name, std::vector<NamedOperand> args, Type type = {});
  std::vector<Ref> calls(const std::string& full_name, std::vector<NamedOperand> args,
                         const std::vector<Type>& types);
  // As it is, where it is: not held against a schema. Its values have been defined.
  void add(Node node);

  // --- blocks (aten/program.h says what If and Loop are) ----------------------------------------
  using Branch = std::function<std::vector<Operand>()>;
  std::vector<Ref> branch(const Operand& condition, const Branch& then, const Branch& otherwise,
                          const std::vector<Type>& types);
  struct Carried {
    Operand first;
    Type type;  // inside the body
  };
  struct TripEnd {
    Operand goes_on;
    std::vector<Operand> carried, collected;
  };
  using Trip = std::function<TripEnd(Ref trip, const std::vector<Ref>& carried)>;
  // `types`: of the last carried values, then of what is collected.
  std::vector<Ref> loop(const Operand& max_trips, const Operand& condition,
                        const std::vector<Carried>& carried, const Trip& trip,
                        const std::vector<Type>& types);

  // --- where calls come from --------------------------------------------------------------------
  struct Location {
    std::string module_path, module_type, source;
  };
  // Calls that are made while it lives are from there; paths of nested ones are joined by a dot.
  class [[nodiscard]] In {
   public:
    In(ProgramBuilder& builder, Location location);
    ~In() { builder_.locations_.pop_back(); }
    In(const In&) = delete;
    In& operator=(const In&) = delete;

   private:
    ProgramBuilder& builder_;
  };
  In in(Location location) { return In(*this, std::move(location)); }

  // --- outputs --------------------------------------------------------------------------------
  size_t output_count() const { return program_.outputs.size(); }
  Ref output(size_t index);
  Ref output(std::string_view name);
  Ref value(std::string_view name);  // any value of the program by its name
  // Names of outputs are unique; "" is none.
  void add_output(Ref value, const std::string& name = "");
  void replace_output(std::string_view name, Ref value);
  void replace_output(size_t index, Ref value);
  void rename_output(size_t index, const std::string& name);
  void remove_output(size_t index);

  // --- another program behind this one ----------------------------------------------------------
  // Its calls, weights and notes become part of this program, at the location at hand; returns its
  // outputs, which are not yet outputs here. Inputs that `feeds` names are these values, the others
  // become inputs. Types of a fed input must agree: its symbols become the sizes it is given, and
  // what it says of their ranges holds. Names and symbols that both have are renamed.
  std::vector<Ref> append(const Program& next, const std::map<std::string, Ref>& feeds);

  const Program& program() const { return program_; }
  Program& program() { return program_; }  // for what is no value: ranges, notes, producer
  const std::optional<Error>& error() const { return error_; }
  // The validated program, or the first error.
  Result<Program> finish() &&;

 private:
  friend class ProgramJoin;
  Ref ref(ValueId id) const { return {id, id_}; }
  void fail(std::string message);
  bool owns(Ref value, std::string_view what);
  bool take(const Operand& operand, const std::string& what);
  std::vector<Ref> results(Node& node, const std::string& stem, const std::vector<Type>& types);
  const Schema* schema(const std::string& full_name);
  bool check(const Schema& schema, std::vector<NamedArg>& args);
  void locate(Node& node) const;
  // `inner` below the location at hand, whose source it takes where it has none.
  Location below_location(Location inner) const;
  std::optional<size_t> output_index(std::string_view name);
  bool output_in_range(size_t index);
  std::vector<Node>& nodes() { return open_.empty() ? program_.nodes : open_.back().nodes; }
  std::vector<Arg> take_all(const std::vector<Operand>& operands, const std::string& what);
  Block end_block();

  Program program_;
  SchemaLookup schemas_;
  uint64_t id_;
  Names names_;
  Names symbols_;
  Names fqns_;
  std::vector<Block> open_;  // blocks that are being built, the innermost last
  std::vector<Location> locations_;
  std::optional<Error> error_;
};

}  // namespace onnxport::aten
