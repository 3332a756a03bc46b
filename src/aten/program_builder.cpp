#include "aten/program_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <utility>

namespace onnxport::aten {

namespace {

uint64_t next_builder_id() {
  static std::atomic<uint64_t> count{0};
  return ++count;
}

// "softmax" of "aten::softmax.int"
std::string stem_of(const std::string& full_name) {
  const size_t space = full_name.rfind("::");
  std::string name = space == std::string::npos ? full_name : full_name.substr(space + 2);
  return name.substr(0, name.find('.'));
}

void take_symbols(Names& symbols, const std::optional<Expr>& size) {
  if (!size) return;
  for (const std::string& symbol : size->symbols()) symbols.take(symbol);
}

void take_symbols(Names& symbols, const Value& value) {
  take_symbols(symbols, value.scalar);
  for (const Expr& size : value.shape.value_or(Shape())) take_symbols(symbols, size);
}

}  // namespace

// --- operands ---------------------------------------------------------------------------------

ProgramBuilder::Operand::Operand(Ref ref) : arg(ref.id()), builders{ref.builder_} {}

ProgramBuilder::Operand::Operand(const std::vector<Ref>& refs) {
  ArgList list;
  for (const Ref& ref : refs) {
    list.emplace_back(ref.id());
    builders.push_back(ref.builder_);
  }
  arg = Arg(std::move(list));
}

ProgramBuilder::Operand::Operand(const std::vector<std::optional<Ref>>& refs) {
  ArgList list;
  for (const std::optional<Ref>& ref : refs) {
    list.push_back(ref ? Arg(ref->id()) : Arg());
    if (ref) builders.push_back(ref->builder_);
  }
  arg = Arg(std::move(list));
}

ProgramBuilder::Operand::Operand(const std::vector<int64_t>& numbers)
    : Operand(Shape(numbers.begin(), numbers.end())) {}
ProgramBuilder::Operand::Operand(const Shape& sizes) : arg(ArgList(sizes.begin(), sizes.end())) {}

// --- the builder ------------------------------------------------------------------------------

ProgramBuilder::ProgramBuilder(SchemaLookup schemas)
    : ProgramBuilder(Program(), std::move(schemas)) {}

ProgramBuilder::ProgramBuilder(Program program, SchemaLookup schemas)
    : program_(std::move(program)), schemas_(std::move(schemas)), id_(next_builder_id()) {
  for (const Value& value : program_.values) {
    names_.take(value.name);
    take_symbols(symbols_, value);
  }
  for (const auto& [symbol, range] : program_.ranges) symbols_.take(symbol);
  for (const Weight& weight : program_.weights) fqns_.take(weight.fqn);
}

void ProgramBuilder::fail(std::string message) {
  if (error_) return;
  error_ = Error{std::move(message), ""};
  if (locations_.empty()) return;
  const Location& at = locations_.back();
  for (const std::string& where : {at.source, at.module_path}) {
    if (!where.empty()) error_ = std::move(*error_).at(where);
  }
}

bool ProgramBuilder::owns(Ref value, std::string_view what) {
  if (error_) return false;
  if (value.builder_ == id_ && value.valid()) return true;
  fail(fmt::format("{} is {}", what,
                   value.valid() ? "a value of another program" : "a value that was never made"));
  return false;
}

// Whether the operand's values are this program's.
bool ProgramBuilder::take(const Operand& operand, const std::string& what) {
  if (error_) return false;
  if (std::any_of(operand.builders.begin(), operand.builders.end(),
                  [&](uint64_t builder) { return builder != id_; })) {
    fail(what + " is a value of another program");
    return false;
  }
  bool known = true;
  for_each_value(operand.arg, [&](ValueId id) {
    known = known && (!id.valid() || static_cast<size_t>(id.index) < program_.values.size());
  });
  if (!known) fail(what + " refers to a value that does not exist");
  return known;
}

std::vector<Arg> ProgramBuilder::take_all(const std::vector<Operand>& operands,
                                          const std::string& what) {
  std::vector<Arg> out;
  for (const Operand& operand : operands) {
    if (!take(operand, what)) break;
    out.push_back(operand.arg);
  }
  return out;
}

// --- inputs and weights -----------------------------------------------------------------------

ProgramBuilder::Ref ProgramBuilder::define(Value value, std::string_view separator) {
  if (error_) return {};
  value.name = names_.unique(value.name, separator);
  take_symbols(symbols_, value);
  return ref(program_.add_value(std::move(value)));
}

void ProgramBuilder::add_input(Ref value, std::string name) {
  if (!owns(value, "the input `" + name + "`")) return;
  program_.inputs.push_back({value.id(), std::move(name)});
}

void ProgramBuilder::add_weight(Ref value, std::string fqn, Tensor tensor) {
  if (!owns(value, "the weight `" + fqn + "`")) return;
  fqns_.take(fqn);
  program_.weights.push_back({value.id(), std::move(fqn), std::move(tensor)});
}

ProgramBuilder::Ref ProgramBuilder::input(const std::string& name, Type type) {
  for (const Input& input : program_.inputs) {
    if (input.name == name) fail("there is an input `" + name + "` already");
  }
  const Ref out = define({name, type.kind, type.dtype, std::move(type.shape), {}, type.scalar});
  if (!error_) add_input(out, name);
  return out;
}

ProgramBuilder::Ref ProgramBuilder::weight(const std::string& fqn, Tensor tensor) {
  if (fqns_.taken(fqn)) fail("there is a weight `" + fqn + "` already");
  return constant(std::move(tensor), fqn);
}

ProgramBuilder::Ref ProgramBuilder::constant(Tensor tensor, std::string_view name) {
  if (error_) return {};
  std::string fqn = fqns_.unique(name);
  Shape shape(tensor.dims.begin(), tensor.dims.end());
  const Ref out = define({fqn, Value::Kind::kTensor, tensor.dtype, std::move(shape), {}, {}});
  add_weight(out, std::move(fqn), std::move(tensor));
  return out;
}

Expr ProgramBuilder::fresh_symbol(std::string_view stem) {
  return Expr::symbol(symbols_.unique(stem));
}

Expr ProgramBuilder::symbol(Ref scalar) {
  if (!owns(scalar, "the scalar")) return {};
  const auto& symbol = program_.value(scalar.id()).scalar;
  if (!symbol) fail("`" + program_.value(scalar.id()).name + "` has no symbol");
  return symbol.value_or(Expr());
}

// --- calls ------------------------------------------------------------------------------------

const Schema* ProgramBuilder::schema(const std::string& full_name) {
  const Schema* found = schemas_ ? schemas_(full_name) : nullptr;
  if (found == nullptr) fail("there is no operator `" + full_name + "`");
  return found;
}

// Arguments get their parameters' names.
bool ProgramBuilder::check(const Schema& schema, std::vector<NamedArg>& args) {
  auto bound = aten::bind(schema, args);
  if (!bound.ok()) {
    fail(bound.error().str());
    return false;
  }
  size_t position = 0;
  for (NamedArg& named : args) {
    if (named.name.empty()) named.name = schema.params[position++].name;
  }
  for (size_t i = 0; i < schema.params.size(); ++i) {
    const SchemaParam& param = schema.params[i];
    const bool given = std::any_of(args.begin(), args.end(),
                                   [&](const NamedArg& named) { return named.name == param.name; });
    if (!given || accepts(param.type, (*bound)[i])) continue;
    fail(fmt::format("argument `{}` of {} is a {}, got `{}`", param.name, schema.full_name(),
                     param.type, to_string((*bound)[i])));
    return false;
  }
  return true;
}

void ProgramBuilder::locate(Node& node) const {
  if (locations_.empty()) return;
  node.module_path = locations_.back().module_path;
  node.module_type = locations_.back().module_type;
  node.source = locations_.back().source;
}

std::vector<ProgramBuilder::Ref> ProgramBuilder::results(Node& node, const std::string& stem,
                                                         const std::vector<Type>& types) {
  std::vector<Ref> out;
  for (const Type& type : types) {
    out.push_back(define({stem, type.kind, type.dtype, type.shape, {}, type.scalar}));
    node.outputs.push_back(out.back().id());
  }
  return out;
}

std::vector<ProgramBuilder::Ref> ProgramBuilder::calls(const std::string& full_name,
                                                       std::vector<NamedOperand> args,
                                                       const std::vector<Type>& types) {
  std::vector<Ref> none(types.size());
  const Schema* known = error_ ? nullptr : schema(full_name);
  if (known == nullptr) return none;
  Node node;
  node.op = known->name;
  node.overload = known->overload;
  for (NamedOperand& named : args) {
    if (!take(named.value, fmt::format("argument `{}` of {}", named.name, full_name))) return none;
    node.args.push_back({std::move(named.name), std::move(named.value.arg)});
  }
  if (!check(*known, node.args)) return none;
  const bool list = std::any_of(known->returns.begin(), known->returns.end(),
                                [](const SchemaReturn& r) { return r.type.ends_with("]"); });
  if (types.size() > known->returns.size() && !list) {
    fail(fmt::format("{} has {} results, {} are asked for", full_name, known->returns.size(),
                     types.size()));
    return none;
  }
  locate(node);
  std::vector<Ref> out = results(node, stem_of(full_name), types);
  if (!list) node.outputs.resize(known->returns.size());
  nodes().push_back(std::move(node));
  return out;
}

ProgramBuilder::Ref ProgramBuilder::call(const std::string& full_name,
                                         std::vector<NamedOperand> args, Type type) {
  return calls(full_name, std::move(args), {std::move(type)})[0];
}

void ProgramBuilder::add(Node node) {
  if (!error_) nodes().push_back(std::move(node));
}

// --- blocks -----------------------------------------------------------------------------------

Block ProgramBuilder::end_block() {
  Block block = std::move(open_.back());
  open_.pop_back();
  return block;
}

std::vector<ProgramBuilder::Ref> ProgramBuilder::branch(const Operand& condition,
                                                        const Branch& then, const Branch& otherwise,
                                                        const std::vector<Type>& types) {
  Node node;
  node.op = "prim::If";
  if (take(condition, "the condition of a branch")) node.args = {{"condition", condition.arg}};
  for (const Branch* body : {&then, &otherwise}) {
    open_.emplace_back();
    const std::vector<Operand> outputs = (*body)();
    open_.back().outputs = take_all(outputs, "the result of a branch");
    node.blocks.push_back(end_block());
    if (!error_ && outputs.size() != types.size()) {
      fail(fmt::format("a branch gives {} values where {} are wanted", outputs.size(),
                       types.size()));
    }
  }
  if (error_) return std::vector<Ref>(types.size());
  locate(node);
  std::vector<Ref> out = results(node, "if", types);
  nodes().push_back(std::move(node));
  return out;
}

std::vector<ProgramBuilder::Ref> ProgramBuilder::loop(const Operand& max_trips,
                                                      const Operand& condition,
                                                      const std::vector<Carried>& carried,
                                                      const Trip& trip,
                                                      const std::vector<Type>& types) {
  Node node;
  node.op = "prim::Loop";
  std::vector<Operand> firsts;
  for (const Carried& c : carried) firsts.push_back(c.first);
  take(max_trips, "the number of a loop's trips");
  take(condition, "the condition of a loop");
  node.args = {{"max_trip_count", max_trips.arg},
               {"condition", condition.arg},
               {"carried", Arg(ArgList(take_all(firsts, "what a loop carries")))}};

  open_.emplace_back();
  Value count{"trip", Value::Kind::kScalar, DType::kInt64, {}, {}, fresh_symbol("trip")};
  const Ref number = define(std::move(count));
  open_.back().inputs.push_back(number.id());
  std::vector<Ref> inside;
  for (const Carried& c : carried) {
    inside.push_back(
        define({"carried", c.type.kind, c.type.dtype, c.type.shape, {}, c.type.scalar}));
    open_.back().inputs.push_back(inside.back().id());
  }
  TripEnd end = trip(number, inside);
  std::vector<Operand> outputs = {end.goes_on};
  outputs.insert(outputs.end(), end.carried.begin(), end.carried.end());
  outputs.insert(outputs.end(), end.collected.begin(), end.collected.end());
  open_.back().outputs = take_all(outputs, "the result of a trip");
  node.blocks.push_back(end_block());
  if (!error_ && (end.carried.size() != carried.size() || outputs.size() != types.size() + 1)) {
    fail(fmt::format("a trip carries {} values on and collects {}; {} are carried and {} come out",
                     end.carried.size(), end.collected.size(), carried.size(), types.size()));
  }
  if (error_) return std::vector<Ref>(types.size());
  locate(node);
  std::vector<Ref> out = results(node, "loop", types);
  nodes().push_back(std::move(node));
  return out;
}

// --- where calls come from --------------------------------------------------------------------

ProgramBuilder::Location ProgramBuilder::below_location(Location inner) const {
  if (locations_.empty()) return inner;
  const Location& outer = locations_.back();
  const bool both = !outer.module_path.empty() && !inner.module_path.empty();
  inner.module_path = outer.module_path + (both ? "." : "") + inner.module_path;
  if (inner.source.empty()) inner.source = outer.source;
  return inner;
}

ProgramBuilder::In::In(ProgramBuilder& builder, Location location) : builder_(builder) {
  builder.locations_.push_back(builder.below_location(std::move(location)));
}

// --- outputs ----------------------------------------------------------------------------------

std::optional<size_t> ProgramBuilder::output_index(std::string_view name) {
  for (size_t i = 0; i < program_.outputs.size(); ++i) {
    if (program_.outputs[i].name == name && !name.empty()) return i;
  }
  std::string known;
  for (const Output& output : program_.outputs) known += " `" + output.name + "`";
  fail(fmt::format("there is no output `{}`; there are:{}", name, known));
  return std::nullopt;
}

bool ProgramBuilder::output_in_range(size_t index) {
  if (index >= program_.outputs.size()) {
    fail(fmt::format("there is no output {}; there are {}", index, program_.outputs.size()));
  }
  return !error_;
}

ProgramBuilder::Ref ProgramBuilder::output(size_t index) {
  return output_in_range(index) ? ref(program_.outputs[index].value) : Ref();
}

ProgramBuilder::Ref ProgramBuilder::output(std::string_view name) {
  const auto index = output_index(name);
  return index ? output(*index) : Ref();
}

ProgramBuilder::Ref ProgramBuilder::value(std::string_view name) {
  for (size_t i = 0; i < program_.values.size(); ++i) {
    if (program_.values[i].name == name && !error_) return ref({static_cast<int32_t>(i)});
  }
  fail(fmt::format("there is no value `{}`", name));
  return {};
}

void ProgramBuilder::add_output(Ref value, const std::string& name) {
  if (!owns(value, "the output `" + name + "`")) return;
  program_.outputs.push_back({value.id(), ""});
  rename_output(program_.outputs.size() - 1, name);
}

void ProgramBuilder::replace_output(size_t index, Ref value) {
  if (!output_in_range(index) || !owns(value, fmt::format("output {}", index))) return;
  program_.outputs[index].value = value.id();
}

void ProgramBuilder::replace_output(std::string_view name, Ref value) {
  if (const auto index = output_index(name)) replace_output(*index, value);
}

void ProgramBuilder::rename_output(size_t index, const std::string& name) {
  if (!output_in_range(index)) return;
  for (size_t i = 0; i < program_.outputs.size(); ++i) {
    if (i == index || name.empty() || program_.outputs[i].name != name) continue;
    return fail("there is an output `" + name + "` already");
  }
  program_.outputs[index].name = name;
}

void ProgramBuilder::remove_output(size_t index) {
  if (!output_in_range(index)) return;
  program_.outputs.erase(program_.outputs.begin() + static_cast<std::ptrdiff_t>(index));
}

Result<Program> ProgramBuilder::finish() && {
  if (error_) return *std::move(error_);
  TRY(validate(program_));
  return std::move(program_);
}

}  // namespace onnxport::aten
