// The reference. Every node is a call of the operator that its name says, with the arguments in the
// order and of the types of libtorch's own schema. Weights become libtorch tensors at their first
// use (sharing the mapped file's memory) and everything is dropped at its last use, so that a
// float64 run needs the widest layer twice, not the model twice.
#include "torch_plugin/run.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/stack.h>
#include <c10/core/DefaultDtype.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>
#include <torch/version.h>
#undef CHECK  // c10's; ours follows

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <unordered_map>

#include "aten/allowed_operators.h"
#include "aten/bind_sizes.h"
#include "base/cancel.h"
#include "torch_plugin/convert.h"
#include "torch_plugin/process.h"

namespace onnxport::torch_plugin {
namespace {

using aten::Program;
using aten::ValueId;
using libtorch::RunOptions;

std::string place(const Program& program, const aten::Node& node) {
  std::string out = "node ";
  for (ValueId id : node.outputs) {
    if (!id.valid()) continue;
    out += program.value(id).name + " ";
    break;
  }
  out += "(" + node.full_name() + ")";
  if (!node.module_path.empty()) out += " in " + node.module_path;
  if (!node.source.empty()) out += " at " + node.source;
  return out;
}

Result<c10::OperatorHandle> find_operator(const std::string& op, const std::string& overload) {
  auto handle = c10::Dispatcher::singleton().findSchema({op, overload});
  if (handle && aten::is_allowed(op)) return *handle;
  if (handle) {
    return Error{"the operator " + op +
                     " is not one of those that compute and touch nothing outside the model: it is "
                     "not run, so there is nothing to verify against",
                 ""};
  }
  std::string full = overload.empty() ? op : op + "." + overload;
  bool torch_own = op.starts_with("aten::") || op.starts_with("prim::");
  return Error{torch_own ? "libtorch " TORCH_VERSION " has no operator " + full
                         : "operator " + full +
                               " is not part of libtorch, so there is nothing to verify against; "
                               "export with --no-verify",
               ""};
}

// Sets libtorch's process-wide state for one run and puts it back.
class Setting {
 public:
  explicit Setting(const RunOptions& options) : dtype_(c10::get_default_dtype()) {
    set_computed();
    if (options.float64) c10::set_default_dtype(caffe2::TypeMeta::Make<double>());
  }
  ~Setting() { c10::set_default_dtype(dtype_); }

 private:
  c10::InferenceMode inference_;
  caffe2::TypeMeta dtype_;
};

class Run {
 public:
  Run(const Program& program, const RunOptions& options)
      : program_(program),
        options_(options),
        slots_(program.values.size()),
        lives_(program.values.size(), Life{&program.nodes, -1}) {
    for (size_t i = 0; i < program.weights.size(); ++i) {
      weights_[program.weights[i].value.index] = i;
    }
    find_lives(program.nodes);
    for (const aten::Output& output : program.outputs) keep(output.value);
    env_.float64 = options.float64;
    env_.symbols = &symbols_;
    env_.value = [this](ValueId id) { return lookup(id); };
  }

  Result<std::vector<Tensor>> outputs(const std::vector<Tensor>& inputs) {
    TRY(bind(inputs));
    TRY(run(program_.nodes));
    std::vector<Tensor> out;
    for (const aten::Output& output : program_.outputs) {
      TRY_ASSIGN(c10::IValue v, lookup(output.value));
      if (v.isScalar()) v = as_tensor(v, at::kFloat);
      TRY_ASSIGN(Tensor tensor, from_torch(v.toTensor()));
      out.push_back(std::move(tensor));
    }
    return out;
  }

 private:
  using Nodes = std::vector<aten::Node>;
  static constexpr int kForever = INT32_MAX;

  // A value lives from its definition to its last use by a node of the list that defines it; what a
  // block uses from outside lives on for the next trip.
  struct Life {
    const Nodes* list;
    int last_use;
  };
  Life& life(ValueId id) { return lives_[static_cast<size_t>(id.index)]; }
  void keep(ValueId id) {
    if (id.valid()) life(id).last_use = kForever;
  }

  void find_lives(const Nodes& nodes) {
    for (size_t i = 0; i < nodes.size(); ++i) {
      for (const aten::Block& block : nodes[i].blocks) {
        for (ValueId id : block.inputs) life(id) = {&block.nodes, -1};
        find_lives(block.nodes);
        for (const aten::Arg& output : block.outputs) {
          aten::for_each_value(output, [&](ValueId id) {
            if (id.valid() && life(id).list == &block.nodes) keep(id);
          });
        }
      }
      for (ValueId id : nodes[i].outputs) {
        if (id.valid()) life(id) = {&nodes, static_cast<int>(i)};
      }
      aten::for_each_use(nodes[i], [&](ValueId id) {
        if (id.valid() && life(id).list == &nodes) life(id).last_use = static_cast<int>(i);
      });
    }
  }

  Status run(const Nodes& nodes) {
    for (size_t i = 0; i < nodes.size(); ++i) {
      TRY(check_cancelled(options_.cancel));
      Status status = nodes[i].op == "prim::If"     ? branch(nodes[i])
                      : nodes[i].op == "prim::Loop" ? loop(nodes[i])
                                                    : call(nodes[i]);
      // An error inside a block has its own place already.
      if (!status.ok()) {
        if (!nodes[i].blocks.empty()) return status;
        return std::move(status).error().at(place(program_, nodes[i]));
      }
      drop_dead(nodes, static_cast<int>(i));
    }
    return {};
  }

  // --- blocks -------------------------------------------------------------------------------
  Result<c10::IValue> read(const aten::Arg& arg) {
    if (const auto* id = arg.as<ValueId>()) return lookup(*id);
    if (const auto* flag = arg.as<bool>()) return c10::IValue(*flag);
    if (const auto* number = arg.as<double>()) return c10::IValue(*number);
    if (const auto* size = arg.as<Expr>()) {
      if (auto x = size->eval(symbols_)) return c10::IValue(*x);
      return Error{"the size " + size->str() + " has no value here", ""};
    }
    if (arg.is_none()) return c10::IValue();
    return Error{"`" + aten::to_string(arg) + "` cannot go in or out of a block", ""};
  }

  Result<bool> truth(const aten::Arg& arg) {
    TRY_ASSIGN(c10::IValue v, read(arg));
    if (v.isTensor()) return v.toTensor().item().toBool();
    if (v.isBool()) return v.toBool();
    if (v.isInt()) return v.toInt() != 0;
    return Error{"a condition is neither true nor false", ""};
  }

  Result<std::vector<c10::IValue>> read_outputs(const aten::Block& block, size_t first) {
    std::vector<c10::IValue> out;
    for (size_t i = first; i < block.outputs.size(); ++i) {
      TRY_ASSIGN(c10::IValue v, read(block.outputs[i]));
      out.push_back(std::move(v));
    }
    return out;
  }

  Status branch(const aten::Node& node) {
    TRY_ASSIGN(bool condition, truth(*node.arg("condition")));
    const aten::Block& block = node.blocks[condition ? 0 : 1];
    TRY(run(block.nodes));
    TRY_ASSIGN(std::vector<c10::IValue> out, read_outputs(block, 0));
    for (size_t i = 0; i < out.size(); ++i) TRY(store(node.outputs[i], std::move(out[i])));
    return {};
  }

  Status loop(const aten::Node& node) {
    const aten::Block& body = node.blocks[0];
    int64_t limit = INT64_MAX;
    if (const aten::Arg* given = node.arg("max_trip_count"); !given->is_none()) {
      TRY_ASSIGN(c10::IValue v, read(*given));
      limit = v.isTensor() ? v.toTensor().item().toLong() : v.toInt();
    }
    TRY_ASSIGN(bool going, truth(*node.arg("condition")));
    std::vector<c10::IValue> carried;
    for (const aten::Arg& arg : *node.arg("carried")->as<aten::ArgList>()) {
      TRY_ASSIGN(c10::IValue v, read(arg));
      carried.push_back(std::move(v));
    }
    std::vector<std::vector<at::Tensor>> collected(node.outputs.size() - carried.size());
    for (int64_t trip = 0; trip < limit && going; ++trip) {
      TRY(store(body.inputs[0], c10::IValue(trip)));
      for (size_t i = 0; i < carried.size(); ++i) {
        TRY(store(body.inputs[i + 1], std::move(carried[i])));
      }
      TRY(run(body.nodes));
      TRY_ASSIGN(going, truth(body.outputs[0]));
      TRY_ASSIGN(std::vector<c10::IValue> out, read_outputs(body, 1));
      for (size_t i = 0; i < collected.size(); ++i) {
        c10::IValue& v = out[carried.size() + i];
        collected[i].push_back(v.isTensor() ? v.toTensor() : as_tensor(v, at::kFloat));
      }
      out.resize(carried.size());
      carried = std::move(out);
    }
    for (size_t i = 0; i < carried.size(); ++i) {
      TRY(store(node.outputs[i], std::move(carried[i])));
    }
    for (size_t i = 0; i < collected.size(); ++i) {
      TRY_ASSIGN(at::Tensor all, stacked(node.outputs[carried.size() + i], collected[i]));
      TRY(store(node.outputs[carried.size() + i], std::move(all)));
    }
    return {};
  }

  // Without a trip, only what the program says of the sizes is known.
  Result<at::Tensor> stacked(ValueId id, const std::vector<at::Tensor>& parts) {
    if (!parts.empty()) return at::stack(parts);
    std::vector<int64_t> sizes = {0};
    const aten::Value& value = program_.value(id);
    for (size_t axis = 1; value.shape && axis < value.shape->size(); ++axis) {
      sizes.push_back((*value.shape)[axis].eval(symbols_).value_or(0));
    }
    TRY_ASSIGN(at::ScalarType type, scalar_type(value.dtype));
    return at::empty(sizes, at::TensorOptions().dtype(type));
  }

  static at::Tensor as_tensor(const c10::IValue& number, at::ScalarType floating) {
    auto type = number.isInt() ? at::kLong : number.isBool() ? at::kBool : floating;
    return at::scalar_tensor(number.toScalar(), at::TensorOptions().dtype(type));
  }

  Status bind(const std::vector<Tensor>& inputs) {
    std::vector<std::vector<int64_t>> dims;
    for (const Tensor& t : inputs) dims.push_back(t.dims);
    TRY_ASSIGN(symbols_, aten::bind_sizes(program_, dims));
    for (const auto& [symbol, size] : symbols_) fixed_symbols_.insert(symbol);
    for (size_t i = 0; i < inputs.size(); ++i) {
      auto tensor = to_torch(inputs[i], options_.float64);
      if (!tensor.ok()) {
        return std::move(tensor).error().at("input `" + program_.inputs[i].name + "`");
      }
      slot(program_.inputs[i].value) = std::move(tensor).value();
    }
    return {};
  }

  c10::IValue& slot(ValueId id) { return slots_[static_cast<size_t>(id.index)]; }

  Result<c10::IValue> lookup(ValueId id) {
    if (!id.valid()) return c10::IValue();
    c10::IValue& found = slot(id);
    if (!found.isNone()) return found;
    const aten::Value& value = program_.value(id);
    if (auto weight = weights_.find(id.index); weight != weights_.end()) {
      auto tensor = to_torch(program_.weights[weight->second].tensor, options_.float64);
      if (!tensor.ok()) return std::move(tensor).error().at("weight `" + value.name + "`");
      found = std::move(tensor).value();
      return found;
    }
    if (value.scalar) {
      if (auto x = value.scalar->eval(symbols_)) return c10::IValue(*x);
    }
    return Error{"value `" + value.name + "` is used before it is computed", ""};
  }

  // One value per parameter of libtorch's schema: by name, else by position, else its default.
  Result<torch::jit::Stack> arguments(const aten::Node& node, const c10::FunctionSchema& schema) {
    const auto& parameters = schema.arguments();
    for (size_t i = 0; i < node.args.size(); ++i) {
      const std::string& name = node.args[i].name;
      bool known =
          name.empty() ? i < parameters.size() : schema.argumentIndexWithName(name).has_value();
      if (!known)
        return Error{"libtorch " TORCH_VERSION " has no parameter for argument `" + name + "`", ""};
    }
    torch::jit::Stack stack;
    stack.reserve(parameters.size());
    for (size_t i = 0; i < parameters.size(); ++i) {
      const c10::Argument& parameter = parameters[i];
      const aten::Arg* arg = node.arg(parameter.name());
      if (arg == nullptr && i < node.args.size() && node.args[i].name.empty()) {
        arg = &node.args[i].arg;
      }
      if (arg == nullptr) {
        if (!parameter.default_value())
          return Error{"no argument for `" + parameter.name() + "`", ""};
        stack.push_back(*parameter.default_value());
        continue;
      }
      auto v = to_ivalue(*arg, *parameter.type(), parameter.N().value_or(1), env_);
      if (!v.ok()) return std::move(v).error().at("argument `" + parameter.name() + "`");
      stack.push_back(std::move(v).value());
    }
    return stack;
  }

  Status call(const aten::Node& node) {
    TRY_ASSIGN(c10::OperatorHandle op, find_operator(node.op, node.overload));
    TRY_ASSIGN(torch::jit::Stack stack, arguments(node, op.schema()));
    try {
      op.callBoxed(&stack);
    } catch (const c10::Error& e) {
      return Error{std::string("libtorch: ") + e.what_without_backtrace(), ""};
    } catch (const std::exception& e) {
      return Error{std::string("libtorch: ") + e.what(), ""};
    }
    return store(node, std::move(stack));
  }

  // Results in order, lists flattened, into the slots of the node's outputs.
  Status store(const aten::Node& node, torch::jit::Stack results) {
    std::vector<c10::IValue> flat;
    for (c10::IValue& result : results) {
      if (result.isTensorList()) {
        for (const at::Tensor& t : result.toTensorVector()) flat.emplace_back(t);
      } else {
        flat.push_back(std::move(result));
      }
    }
    if (flat.size() < node.outputs.size()) {
      return Error{"libtorch returned " + std::to_string(flat.size()) +
                       " values, the program has " + std::to_string(node.outputs.size()),
                   ""};
    }
    for (size_t i = 0; i < node.outputs.size(); ++i)
      TRY(store(node.outputs[i], std::move(flat[i])));
    return {};
  }

  Status store(ValueId id, c10::IValue v) {
    if (!id.valid()) return {};
    const aten::Value& value = program_.value(id);
    if (value.kind == aten::Value::Kind::kTensor && v.isScalar()) v = as_tensor(v, at::kFloat);
    if (value.scalar && value.scalar->is_symbol() && (v.isInt() || v.isBool())) {
      symbols_[value.scalar->symbol_name()] =
          v.isInt() ? v.toInt() : static_cast<int64_t>(v.toBool());
    }
    if (v.isTensor() && v.toTensor().defined()) learn_sizes(value, v.toTensor());
    if (options_.watch && v.isTensor() && v.toTensor().defined()) {
      TRY_ASSIGN(Tensor tensor, from_torch(v.toTensor()));
      options_.watch(id, tensor);
    }
    slot(id) = std::move(v);
    return {};
  }

  // A size that only the data tells, or that changes from trip to trip: later arguments may name
  // it.
  void learn_sizes(const aten::Value& value, const at::Tensor& tensor) {
    if (!value.shape || static_cast<int64_t>(value.shape->size()) != tensor.dim()) return;
    for (size_t axis = 0; axis < value.shape->size(); ++axis) {
      const Expr& size = (*value.shape)[axis];
      if (size.is_const() || !size.is_symbol()) continue;
      std::string symbol = size.symbol_name();
      if (!fixed_symbols_.contains(symbol)) {
        symbols_[std::move(symbol)] = tensor.size(static_cast<int64_t>(axis));
      }
    }
  }

  void drop_dead(const Nodes& nodes, int index) {
    auto drop = [&](ValueId id) {
      if (!id.valid() || life(id).list != &nodes || life(id).last_use > index) return;
      slot(id) = c10::IValue();
    };
    aten::for_each_use(nodes[static_cast<size_t>(index)], drop);
    for (ValueId id : nodes[static_cast<size_t>(index)].outputs) drop(id);
  }

  const Program& program_;
  const RunOptions& options_;
  std::vector<c10::IValue> slots_;
  std::vector<Life> lives_;
  std::unordered_map<int32_t, size_t> weights_;
  std::map<std::string, int64_t> symbols_;
  std::set<std::string> fixed_symbols_;  // that the inputs give
  Environment env_;
};

}  // namespace

Result<std::vector<Tensor>> run(const Program& program, const std::vector<Tensor>& inputs,
                                const RunOptions& options) {
  try {
    Setting setting(options);
    return Run(program, options).outputs(inputs);
  } catch (const c10::Error& e) {
    return Error{std::string("libtorch: ") + e.what_without_backtrace(), program.source_file};
  } catch (const std::exception& e) {
    return Error{std::string("libtorch: ") + e.what(), program.source_file};
  }
}

Result<std::string> schema_text(const std::string& full_name) {
  auto dot = full_name.find('.');
  TRY_ASSIGN(c10::OperatorHandle op,
             find_operator(full_name.substr(0, dot),
                           dot == std::string::npos ? "" : full_name.substr(dot + 1)));
  std::ostringstream out;
  out << op.schema();
  return out.str();
}

}  // namespace onnxport::torch_plugin
