// The inputs that forward() takes, the outputs that it gives, and the state that it keeps.
#include "torchscript/read_module.h"

#include <ATen/ops/empty.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/version.h>
#undef CHECK  // c10's; ours follows

#include <algorithm>
#include <set>

#include "torchscript/convert.h"
#include "torchscript/evaluator.h"

namespace onnxport::torchscript {
namespace {

using libtorch::ScriptOptions;

constexpr size_t kSamples = 4;
constexpr const char* kBatch = "batch_size";

// Sizes that stand for a dynamic one in the samples. Never 1, which broadcasts; for a large size
// others that divide alike. Which of two sizes is the larger changes from sample to sample, and by
// how much, so that what follows from min(), max() or their quotient is not taken for a constant.
std::vector<int64_t> sizes_like(int64_t example, int axis, size_t symbol) {
  static constexpr int64_t kSmall[kSamples] = {2, 3, 5, 7};
  static constexpr int64_t kPercent[3][kSamples] = {
      {100, 300, 110, 140}, {100, 120, 300, 150}, {100, 130, 120, 300}};
  std::vector<int64_t> out;
  int64_t step = 32;
  while (example % step != 0) step /= 2;
  for (size_t w = 0; w < kSamples; ++w) {
    if (axis == 0 && example <= 16) {
      out.push_back(kSmall[(w + symbol) % kSamples] + (example > 8 ? example : 0));
      continue;
    }
    // The example itself, and larger ones, no two alike.
    int64_t size = std::max<int64_t>(example * kPercent[symbol % 3][w] / 100 / step * step, 2);
    while (std::find(out.begin(), out.end(), size) != out.end()) size += step;
    out.push_back(size);
  }
  return out;
}

// Turns forward()'s parameters into values, and the tensors among them into the program's inputs.
class Inputs {
 public:
  Inputs(Evaluator& evaluator, const ScriptOptions& options, bool dynamic,
         const std::map<std::string, at::ScalarType>& types)
      : evaluator_(evaluator), options_(options), dynamic_(dynamic), types_(types) {}

  std::vector<Ref> read(const c10::FunctionSchema& schema) {
    size_t tensors = 0;
    for (size_t i = 1; i < schema.arguments().size(); ++i) {
      tensors += wants_tensor(schema.arguments()[i]) ? 1 : 0;
    }
    only_ = tensors == 1;
    std::vector<Ref> out;
    for (size_t i = 1; i < schema.arguments().size(); ++i) {
      const c10::Argument& argument = schema.arguments()[i];
      out.push_back(argument_cell(argument));
    }
    for (const auto& [name, value] : options_.values) refuse_unknown(name, "value", schema);
    for (const auto& [name, type] : options_.dtypes) refuse_unknown(name, "type", schema);
    if (next_ < options_.sizes.size()) {
      throw Refusal(fmt::format("{} input shapes are given, forward() takes {}",
                                options_.sizes.size(), next_));
    }
    return out;
  }

 private:
  static bool wants_tensor(const c10::Argument& argument) {
    const c10::TypePtr& type = argument.type();
    if (argument.default_value()) return false;
    if (type->kind() == c10::TypeKind::TensorType) return true;
    return (type->kind() == c10::TypeKind::ListType || type->kind() == c10::TypeKind::TupleType) &&
           type->containedType(0)->kind() == c10::TypeKind::TensorType;
  }

  // What was given for a name that no input has.
  void refuse_unknown(const std::string& name, const char* what,
                      const c10::FunctionSchema& schema) const {
    if (taken_.contains(name)) return;
    std::vector<std::string> names;
    for (size_t i = 1; i < schema.arguments().size(); ++i) {
      names.push_back(schema.arguments()[i].name());
    }
    throw Refusal(
        fmt::format("a {} is given for `{}`, which forward() does not take so: its inputs are {}",
                    what, name, fmt::join(names, ", ")));
  }

  Ref argument_cell(const c10::Argument& argument) {
    const std::string& name = argument.name();
    if (auto given = options_.values.find(name); given != options_.values.end()) {
      taken_.insert(name);
      evaluator_.note(fmt::format("input `{}` is not a tensor: it is fixed in the file", name));
      return fixed(name, given->second, argument.type());
    }
    const bool sized = options_.named_sizes.contains(name);
    c10::TypePtr type = argument.type();
    if (type->kind() == c10::TypeKind::OptionalType && sized) type = type->containedType(0);
    if (argument.default_value() && !sized) {
      return evaluator_.stored(*argument.default_value(), "");
    }
    if (type->kind() == c10::TypeKind::OptionalType) return evaluator_.none();
    return typed(type, name);
  }

  Ref typed(const c10::TypePtr& type, const std::string& name) {
    switch (type->kind()) {
      case c10::TypeKind::TensorType:
        return tensor(name, {1, 3, 224, 224});
      case c10::TypeKind::TupleType: {
        std::vector<Ref> items;
        size_t i = 0;
        for (const c10::TypePtr& element : type->containedTypes()) {
          items.push_back(typed(element, fmt::format("{}_{}", name, i++)));
        }
        Ref out = evaluator_.tuple(std::move(items));
        out->type = type;
        return out;
      }
      case c10::TypeKind::ListType: {
        if (type->containedType(0)->kind() != c10::TypeKind::TensorType) break;
        std::vector<Ref> items;
        in_list_ = true;
        do {
          items.push_back(tensor(fmt::format("{}_{}", name, items.size()), {3, 224, 224}));
        } while (next_ < options_.sizes.size());
        in_list_ = false;
        return evaluator_.list(c10::TensorType::get(), std::move(items));
      }
      default:
        break;
    }
    if (!is_value(type)) {
      throw Refusal(fmt::format(
          "input `{}` is of type {}, which has no ONNX equivalent: wrap the model in one whose "
          "forward() takes tensors",
          name, type->repr_str()));
    }
    throw Refusal(fmt::format("input `{}` ({}) has no value: give it with --input-value {}=...",
                              name, type->repr_str(), name));
  }

  // Can be given with --input-value.
  static bool is_value(const c10::TypePtr& type) {
    switch (type->kind()) {
      case c10::TypeKind::IntType:
      case c10::TypeKind::FloatType:
      case c10::TypeKind::BoolType:
      case c10::TypeKind::StringType:
      case c10::TypeKind::NumberType:
        return true;
      default:
        return false;
    }
  }

  Ref fixed(const std::string& name, const ScriptOptions::Number& value,
            const c10::TypePtr& declared) {
    c10::TypePtr type =
        declared->kind() == c10::TypeKind::OptionalType ? declared->containedType(0) : declared;
    const auto* whole = std::get_if<int64_t>(&value);
    if (whole != nullptr && type->kind() == c10::TypeKind::TensorType) {
      Ref value = std::make_shared<Value>();
      value->kind = Value::Kind::kTensor;
      value->literal = true;
      value->stored = at::empty({}, at::kLong).fill_(*whole);
      return value;
    }
    c10::IValue given = std::visit([](const auto& v) { return c10::IValue(v); }, value);
    if (whole != nullptr && type->kind() == c10::TypeKind::FloatType) {
      given = static_cast<double>(*whole);
    } else if (whole != nullptr && type->kind() == c10::TypeKind::BoolType) {
      given = *whole != 0;
    }
    if (!given.type()->isSubtypeOf(*type)) {
      throw Refusal(fmt::format("input `{}` is of type {}; the value given for it is of type {}",
                                name, type->repr_str(), given.type()->repr_str()));
    }
    return evaluator_.plain(given);
  }

  Ref tensor(const std::string& name, const std::vector<int64_t>& otherwise) {
    std::vector<int64_t> sizes;
    auto named = options_.named_sizes.find(name);
    if (named == options_.named_sizes.end() && only_) named = options_.named_sizes.find("input");
    if (named != options_.named_sizes.end()) {
      sizes = named->second;
    } else if (next_ < options_.sizes.size()) {
      sizes = options_.sizes[next_++];
    } else if (only_) {
      sizes = otherwise;
    } else {
      throw Refusal(
          fmt::format("the shape of input `{}` is not known: give it with --input-shape "
                      "{}:1,3,224,224",
                      name, name));
    }
    at::ScalarType type = at::kFloat;
    auto dtype = options_.dtypes.find(name);
    if (dtype == options_.dtypes.end() && only_) dtype = options_.dtypes.find("input");
    if (dtype != options_.dtypes.end()) {
      taken_.insert(dtype->first);
      auto asked = scalar_type(dtype->second);
      if (!asked.ok()) throw Refusal(asked.error().str());
      type = *asked;
    } else if (auto found = types_.find(name); found != types_.end()) {
      type = found->second;
    }
    Shape dims;
    std::vector<std::vector<int64_t>> samples(evaluator_.samples());
    for (size_t axis = 0; axis < sizes.size(); ++axis) {
      const std::string symbol = symbol_of(name, static_cast<int>(axis), sizes[axis]);
      std::vector<int64_t> at(evaluator_.samples(), sizes[axis]);
      if (!symbol.empty()) {
        at = evaluator_.values_of(Expr::symbol(symbol));
        dims.push_back(Expr::symbol(symbol));
      } else {
        dims.emplace_back(sizes[axis]);
      }
      for (size_t w = 0; w < at.size(); ++w) samples[w].push_back(at[w]);
    }
    std::vector<at::Tensor> tensors;
    for (const auto& sample : samples) {
      tensors.push_back(at::empty(sample, at::TensorOptions(type).device(at::kMeta)));
    }
    return evaluator_.input_tensor(name, tensors, std::move(dims));
  }

  // The name of a dynamic size; "" for a fixed one.
  std::string symbol_of(const std::string& name, int axis, int64_t example) {
    if (!dynamic_) return "";
    std::string symbol;
    if (!options_.dynamic_axes) {
      if (axis != 0 || in_list_) return "";  // a list is the batch
      if (first_batch_ == 0) first_batch_ = example;
      if (example != first_batch_) return "";  // not a batch: a list's images, a state's layers
      symbol = kBatch;
    } else {
      auto axes = options_.dynamic_axes->find(name);
      if (axes == options_.dynamic_axes->end() && only_)
        axes = options_.dynamic_axes->find("input");
      if (axes == options_.dynamic_axes->end()) return "";
      auto found = axes->second.find(axis);
      if (found == axes->second.end()) return "";
      symbol = found->second;
    }
    if (symbols_.insert(symbol).second) {
      evaluator_.add_symbol(symbol, sizes_like(example, axis, symbols_.size() - 1));
      evaluator_.program().ranges[symbol] = Range{1, INT64_MAX};
      evaluator_.program().examples[symbol] = example;
    }
    return symbol;
  }

  Evaluator& evaluator_;
  const ScriptOptions& options_;
  bool dynamic_;
  const std::map<std::string, at::ScalarType>& types_;
  bool only_ = false;
  bool in_list_ = false;
  size_t next_ = 0;
  int64_t first_batch_ = 0;
  std::set<std::string> symbols_;
  std::set<std::string> taken_;  // names that something was given for, and that there are
};

// What forward() returned, flattened: tensors and numbers that depend on data, in order.
class Outputs {
 public:
  explicit Outputs(Evaluator& evaluator) : evaluator_(evaluator) {}
  void add(const Ref& value, const std::string& name) {
    aten::Program& program = evaluator_.program();
    switch (value->kind) {
      case Value::Kind::kTensor:
        program.outputs.push_back({evaluator_.value_id(value), unique(name)});
        return;
      case Value::Kind::kNumber: {
        evaluator_.record_number_output(value, unique(name));
        return;
      }
      case Value::Kind::kPlain:
        if (!value->is_none()) evaluator_.note("an output that is not a tensor is left out");
        return;
      case Value::Kind::kObject:
        throw Refusal("forward() returns an object, which has no ONNX equivalent");
      default:
        break;
    }
    if (value->stacked) {
      throw Refusal(
          "forward() returns a list whose length depends on the data; return "
          "torch.stack(list)");
    }
    for (size_t i = 0; i < value->items.size(); ++i) {
      std::string inner = name;
      if (value->kind == Value::Kind::kDict && value->keys[i]->at[0].isString()) {
        inner = value->keys[i]->at[0].toStringRef();
      }
      add(value->items[i], inner);
    }
  }

 private:
  std::string unique(const std::string& name) {
    if (name.empty()) return name;
    std::string out = name;
    for (int i = 1; !taken_.insert(out).second; ++i) out = fmt::format("{}_{}", name, i);
    return out;
  }
  Evaluator& evaluator_;
  std::set<std::string> taken_;
};

// An attribute that the code sets for its next run: what it is between two runs.
struct State {
  std::string path;  // of the module
  std::string name;
  Ref value;
  std::string full() const { return path.empty() ? name : path + "." + name; }
};

struct Attempt {
  aten::Program program;
  std::vector<State> states;  // as the run leaves them
  bool stateful = false;      // one of them is a tensor that depends on the input
};

// The attributes as an earlier run left them. Tensors become inputs of the program.
void put_states(Evaluator& evaluator, const Ref& self, const std::vector<State>& before) {
  for (const State& state : before) {
    Ref value = state.value;
    if (value->is_tensor() && !value->literal && value->id.valid()) {
      Shape dims = value->dims;
      std::vector<at::Tensor> tensors;
      for (size_t w = 0; w < evaluator.samples(); ++w) {
        std::vector<int64_t> sizes;
        for (const Expr& e : dims) sizes.push_back(evaluator.values_of(e)[w]);
        tensors.push_back(
            at::empty(sizes, at::TensorOptions(value->tensors[0].scalar_type()).device(at::kMeta)));
      }
      value = evaluator.input_tensor(state.full(), tensors, std::move(dims));
    } else if (value->is_number() && value->expr && !value->expr->is_const()) {
      value = evaluator.size_number(*value->expr);
    } else if (value->kind != Value::Kind::kPlain && !value->is_number() && !value->literal) {
      continue;  // read again from the archive
    }
    evaluator.module_at(self, state.path)->attributes[state.name] = value;
  }
}

bool is_used(const aten::Program& program, aten::ValueId id) {
  bool used = false;
  for (const aten::Node& node : program.nodes) {
    aten::for_each_use(node, [&](aten::ValueId v) { used = used || v == id; });
  }
  return used;
}

// Those that are read before they are set are outputs too; the others do not outlive a run.
void give_states(Evaluator& evaluator, const std::vector<State>& before,
                 const std::vector<State>& after) {
  aten::Program& program = evaluator.program();
  for (const State& state : before) {
    auto input = std::find_if(program.inputs.begin(), program.inputs.end(),
                              [&](const aten::Input& in) { return in.name == state.full(); });
    if (input == program.inputs.end()) continue;
    if (!is_used(program, input->value)) {
      program.inputs.erase(input);
      continue;
    }
    Ref now;
    for (const State& later : after) {
      if (later.full() == state.full()) now = later.value;
    }
    if (!now || !now->is_tensor()) throw Refusal("the state `" + state.full() + "` is lost");
    if (now->dims != state.value->dims) {
      throw Refusal(fmt::format("the state `{}` changes its shape from run to run ({}, then {})",
                                state.full(), to_string(state.value->dims), to_string(now->dims)));
    }
    program.outputs.push_back({evaluator.value_id(now), state.full() + "_out"});
    evaluator.note(
        fmt::format("the model keeps `{}` {} from run to run: it is an input and the output "
                    "`{}_out` (feed back the one to the other; begin with zeros)",
                    state.full(), to_string(now->dims), state.full()));
  }
}

Attempt attempt(const torch::jit::Module& module, const ScriptOptions& options, bool dynamic,
                const std::map<std::string, at::ScalarType>& types,
                const std::vector<State>& before) {
  Evaluator evaluator(
      kSamples);  // sizes that only the data tells differ even where the inputs' do not
  Inputs inputs(evaluator, options, dynamic, types);
  const torch::jit::Method method = module.get_method("forward");
  std::vector<Ref> args = inputs.read(method.function().getSchema());
  Ref self = evaluator.stored(module._ivalue(), "");
  put_states(evaluator, self, before);
  std::vector<Ref> results = evaluator.call_method(self, "forward", std::move(args), 0);
  Outputs outputs(evaluator);
  for (const Ref& result : results) outputs.add(result, "");
  if (evaluator.program().outputs.empty()) throw Refusal("forward() returns no tensor");
  Attempt out;
  for (const auto& [object, name] : evaluator.changed()) {
    Ref value = object->attributes.at(name);
    out.states.push_back({object->path, name, value});
    out.stateful = out.stateful || (value->is_tensor() && !value->literal && value->id.valid());
  }
  give_states(evaluator, before, out.states);
  evaluator.program().producer = "torch " TORCH_VERSION;  // who reads: an archive does not say more
  out.program = std::move(evaluator.program());
  return out;
}

Error error_of(const Refusal& refusal) { return Error{refusal.message, refusal.location}; }

}  // namespace

Result<aten::Program> read_module(const torch::jit::Module& module, const ScriptOptions& options) {
  std::map<std::string, at::ScalarType> types;
  bool dynamic = !options.static_shapes;
  std::string fixed;
  for (int tries = 0; tries < 16; ++tries) {
    try {
      Attempt first = attempt(module, options, dynamic, types, {});
      aten::Program program = std::move(first.program);
      // What the first run leaves behind is what the second begins with.
      if (first.stateful) program = attempt(module, options, dynamic, types, first.states).program;
      if (!fixed.empty()) program.notes.push_back(fixed);
      return program;
    } catch (const WrongType& wrong) {
      if (!types.emplace(wrong.input, at::kLong).second) return error_of(wrong);
    } catch (const FixedSize& why) {
      if (!dynamic) return error_of(why);
      if (options.dynamic_axes && !options.dynamic_axes->empty()) {
        return Error{
            "a dynamic size is fixed by the model's code: " + why.message +
                "; leave that axis out of --dynamic-axes, and give its size with --input-shape",
            why.location};
      }
      dynamic = false;
      fixed =
          fmt::format("the model's code fixes the batch size at {}: {}", why.location, why.message);
    } catch (const Refusal& refusal) {
      return error_of(refusal);
    }
  }
  return Error{"the types of the inputs cannot be found; give them with --input-dtype", ""};
}

}  // namespace onnxport::torchscript
