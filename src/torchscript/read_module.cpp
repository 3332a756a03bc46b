// The outputs that forward() gives, the state that it keeps, and what is tried again where an input
// has another type, or a size is fixed by the code.
#include "torchscript/read_module.h"

#include <fmt/format.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/version.h>
#undef CHECK  // c10's; ours follows

#include <algorithm>
#include <set>

#include "torchscript/inputs.h"
#include "torchscript/numbers.h"

namespace onnxport::torchscript {
namespace {

using libtorch::ScriptOptions;

// What forward() returned, flattened: tensors and numbers that depend on data, in order.
class Outputs {
 public:
  explicit Outputs(Evaluator& evaluator) : e_(evaluator) {}

  void add(const Ref& value, const std::string& name) {
    if (value->is_tensor()) return add_tensor(value, unique(name));
    if (value->is_number()) return add_number(value, unique(name));
    if (value->is<Plain>()) {
      if (!value->is_none()) e_.recorder().note("an output that is not a tensor is left out");
      return;
    }
    if (value->is<Object>()) {
      throw Refusal("forward() returns an object, which has no ONNX equivalent");
    }
    if (value->is_stacked()) {
      throw Refusal(
          "forward() returns a list whose length depends on the data; return "
          "torch.stack(list)");
    }
    const auto* dict = value->as<Dict>();
    for (size_t i = 0; i < value->items().size(); ++i) {
      const bool named = dict != nullptr && dict->keys[i]->is_string();
      add(value->items()[i], named ? dict->keys[i]->at()[0].toStringRef() : name);
    }
  }

 private:
  void add_tensor(const Ref& tensor, std::string name) {
    const aten::ValueId id = e_.recorder().id_of(tensor);
    e_.recorder().program().outputs.push_back({id, std::move(name)});
  }

  // A number is a tensor without dimensions.
  void add_number(const Ref& number, std::string name) {
    Frame frame;
    Call call{nullptr, &frame, "aten::scalar_tensor", {}, {}};
    add_tensor(as_tensor(e_, call, number), std::move(name));
  }

  std::string unique(const std::string& name) {
    if (name.empty()) return name;
    std::string out = name;
    for (int i = 1; !taken_.insert(out).second; ++i) out = fmt::format("{}_{}", name, i);
    return out;
  }

  Evaluator& e_;
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

// A tensor that depends on the input.
bool is_computed(const Ref& value) {
  const auto* tensor = value->as<Tensor>();
  return tensor != nullptr && !tensor->literal && tensor->id.valid();
}

// What the next run finds where this one left `value`; null: it is read again from the archive.
Ref next_state(Evaluator& e, const State& state) {
  const Ref& value = state.value;
  if (is_computed(value)) {
    const Tensor& tensor = value->tensor();
    return e.recorder().new_input(state.full(), tensor.samples[0].scalar_type(), tensor.dims);
  }
  if (auto* number = value->as<Number>()) {
    const bool varies = number->expr && !number->expr->is_const();
    return varies ? size_number(e, *number->expr) : value;
  }
  const auto* tensor = value->as<Tensor>();
  return value->is<Plain>() || (tensor != nullptr && tensor->literal) ? value : nullptr;
}

// The attributes as an earlier run left them. Tensors become inputs of the program.
void put_states(Evaluator& e, const Ref& self, const std::vector<State>& before) {
  for (const State& state : before) {
    Ref value = next_state(e, state);
    if (!value) continue;
    e.archive().module_at(self, state.path)->object().attributes[state.name] = std::move(value);
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
void give_states(Evaluator& e, const std::vector<State>& before, const std::vector<State>& after) {
  aten::Program& program = e.recorder().program();
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
    const Shape& had = state.value->tensor().dims;
    const Shape& has = now->tensor().dims;
    if (has != had) {
      throw Refusal(fmt::format("the state `{}` changes its shape from run to run ({}, then {})",
                                state.full(), to_string(had), to_string(has)));
    }
    program.outputs.push_back({e.recorder().id_of(now), state.full() + "_out"});
    e.recorder().note(
        fmt::format("the model keeps `{}` {} from run to run: it is an input and the output "
                    "`{}_out` (feed back the one to the other; begin with zeros)",
                    state.full(), to_string(has), state.full()));
  }
}

bool takes_list(const c10::FunctionSchema& schema) {
  return std::any_of(
      schema.arguments().begin() + 1, schema.arguments().end(), [](const c10::Argument& argument) {
        return !argument.default_value() && argument.type()->kind() == c10::TypeKind::ListType;
      });
}

Attempt attempt(const torch::jit::Module& module, const ScriptOptions& options, bool dynamic,
                const std::map<std::string, at::ScalarType>& types,
                const std::vector<State>& before) {
  Evaluator e;
  const torch::jit::Method method = module.get_method("forward");
  std::vector<Ref> args = Inputs(e, options, dynamic, types).read(method.function().getSchema());
  Ref self = e.archive().stored(module._ivalue(), "");
  put_states(e, self, before);
  std::vector<Ref> results = e.call_method(self, "forward", std::move(args), 0);
  Outputs outputs(e);
  for (const Ref& result : results) outputs.add(result, "");
  aten::Program& program = e.recorder().program();
  if (program.outputs.empty()) throw Refusal("forward() returns no tensor");
  Attempt out;
  for (const auto& [object, name] : e.archive().changed()) {
    const Object& holder = object->object();
    const Ref& value = holder.attributes.at(name);
    out.states.push_back({holder.path, name, value});
    out.stateful = out.stateful || is_computed(value);
  }
  give_states(e, before, out.states);
  program.takes_list = takes_list(method.function().getSchema());
  program.producer = "torch " TORCH_VERSION;  // who reads: an archive does not say more
  out.program = std::move(program);
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
