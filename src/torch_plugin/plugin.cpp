// The plugin's one entry, and the reference: programs run through libtorch's dispatcher.
//
// Every node is a boxed call of the operator that its name says, with the arguments in the order
// and of the types of libtorch's own schema. Weights become libtorch tensors at their first use
// (sharing the mapped file's memory) and everything is dropped at its last use, so that a float64
// run needs the widest layer twice, not the model twice.
#include "libtorch/plugin.h"

#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/scalar_tensor.h>
#include <c10/core/DefaultDtype.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>
#include <torch/version.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <unordered_map>

#include "aten/bind_sizes.h"
#include "torch_plugin/convert.h"
#include "torch_plugin/script.h"
#include "torch_plugin/script_module.h"

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
  if (handle) return *handle;
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
  explicit Setting(const RunOptions& options)
      : dtype_(c10::get_default_dtype()), threads_(at::get_num_threads()) {
    if (options.float64) c10::set_default_dtype(caffe2::TypeMeta::Make<double>());
    if (options.threads > 0) at::set_num_threads(options.threads);
  }
  ~Setting() {
    c10::set_default_dtype(dtype_);
    at::set_num_threads(threads_);
  }

 private:
  c10::InferenceMode inference_;
  caffe2::TypeMeta dtype_;
  int threads_;
};

class Run {
 public:
  Run(const Program& program, const RunOptions& options)
      : program_(program),
        options_(options),
        slots_(program.values.size()),
        last_use_(program.values.size(), -1) {
    for (size_t i = 0; i < program.weights.size(); ++i) {
      weights_[program.weights[i].value.index] = i;
    }
    for (size_t i = 0; i < program.nodes.size(); ++i) {
      auto mark = [&](ValueId id) {
        last_use_[static_cast<size_t>(id.index)] = static_cast<int>(i);
      };
      for (const aten::NamedArg& given : program.nodes[i].args) {
        aten::for_each_value(given.arg, mark);
      }
      for (ValueId id : program.nodes[i].outputs) {
        if (id.valid()) mark(id);
      }
    }
    for (const aten::Output& output : program.outputs) {
      if (output.value.valid()) last_use_[static_cast<size_t>(output.value.index)] = kForever;
    }
    env_.float64 = options.float64;
    env_.symbols = &symbols_;
    env_.value = [this](ValueId id) { return lookup(id); };
  }

  Result<std::vector<Tensor>> outputs(const std::vector<Tensor>& inputs) {
    TRY(bind(inputs));
    for (size_t i = 0; i < program_.nodes.size(); ++i) {
      if (auto status = call(static_cast<int>(i)); !status.ok()) {
        return std::move(status).error().at(place(program_, program_.nodes[i]));
      }
    }
    std::vector<Tensor> out;
    for (const aten::Output& output : program_.outputs) {
      TRY_ASSIGN(c10::IValue v, lookup(output.value));
      if (v.isScalar()) v = at::scalar_tensor(v.toScalar(), scalar_options(v));
      TRY_ASSIGN(Tensor tensor, from_torch(v.toTensor()));
      out.push_back(std::move(tensor));
    }
    return out;
  }

 private:
  static constexpr int kForever = INT32_MAX;

  static at::TensorOptions scalar_options(const c10::IValue& v) {
    return at::TensorOptions().dtype(v.isInt() ? at::kLong : v.isBool() ? at::kBool : at::kFloat);
  }

  Status bind(const std::vector<Tensor>& inputs) {
    std::vector<std::vector<int64_t>> dims;
    for (const Tensor& t : inputs) dims.push_back(t.dims);
    TRY_ASSIGN(symbols_, aten::bind_sizes(program_, dims));
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

  Status call(int index) {
    const aten::Node& node = program_.nodes[static_cast<size_t>(index)];
    TRY_ASSIGN(c10::OperatorHandle op, find_operator(node.op, node.overload));
    TRY_ASSIGN(torch::jit::Stack stack, arguments(node, op.schema()));
    try {
      op.callBoxed(&stack);
    } catch (const c10::Error& e) {
      return Error{std::string("libtorch: ") + e.what_without_backtrace(), ""};
    } catch (const std::exception& e) {
      return Error{std::string("libtorch: ") + e.what(), ""};
    }
    TRY(store(node, std::move(stack)));
    return drop_dead(node, index);
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
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      ValueId id = node.outputs[i];
      if (!id.valid()) continue;
      const aten::Value& value = program_.value(id);
      if (value.scalar && value.scalar->is_symbol() && (flat[i].isInt() || flat[i].isBool())) {
        symbols_[value.scalar->symbol_name()] =
            flat[i].isInt() ? flat[i].toInt() : static_cast<int64_t>(flat[i].toBool());
      }
      if (options_.watch && flat[i].isTensor() && flat[i].toTensor().defined()) {
        TRY_ASSIGN(Tensor tensor, from_torch(flat[i].toTensor()));
        options_.watch(id, tensor);
      }
      slot(id) = std::move(flat[i]);
    }
    return {};
  }

  Status drop_dead(const aten::Node& node, int index) {
    auto drop = [&](ValueId id) {
      if (id.valid() && last_use_[static_cast<size_t>(id.index)] <= index) slot(id) = c10::IValue();
    };
    for (const aten::NamedArg& given : node.args) aten::for_each_value(given.arg, drop);
    for (ValueId id : node.outputs) drop(id);
    return {};
  }

  const Program& program_;
  const RunOptions& options_;
  std::vector<c10::IValue> slots_;
  std::vector<int> last_use_;
  std::unordered_map<int32_t, size_t> weights_;
  std::map<std::string, int64_t> symbols_;
  Environment env_;
};

class TorchPlugin final : public libtorch::Plugin {
 public:
  Result<std::vector<Tensor>> run(const Program& program, const std::vector<Tensor>& inputs,
                                  const RunOptions& options) override {
    try {
      Setting setting(options);
      return Run(program, options).outputs(inputs);
    } catch (const c10::Error& e) {
      return Error{std::string("libtorch: ") + e.what_without_backtrace(), program.source_file};
    } catch (const std::exception& e) {
      return Error{std::string("libtorch: ") + e.what(), program.source_file};
    }
  }

  std::string version() const override { return TORCH_VERSION; }

  Result<Program> read_script(const std::string& path,
                              const libtorch::ScriptOptions& options) override {
    try {
      return torch_plugin::read_script(path, options);
    } catch (const c10::Error& e) {
      return Error{std::string("libtorch: ") + e.what_without_backtrace(), path};
    } catch (const std::exception& e) {
      return Error{std::string("libtorch: ") + e.what(), path};
    }
  }

  Result<std::unique_ptr<libtorch::Module>> load_script(
      const std::string& path, const libtorch::ScriptOptions& options) override {
    return torch_plugin::load_script(path, options);
  }

  Result<std::string> schema(const std::string& full_name) const override {
    auto dot = full_name.find('.');
    TRY_ASSIGN(c10::OperatorHandle op,
               find_operator(full_name.substr(0, dot),
                             dot == std::string::npos ? "" : full_name.substr(dot + 1)));
    return text(op);
  }

  std::vector<std::string> all_schemas() const override {
    std::vector<std::string> out;
    for (const c10::OperatorName& name : c10::Dispatcher::singleton().getAllOpNames()) {
      if (auto op = c10::Dispatcher::singleton().findSchema(name)) out.push_back(text(*op));
    }
    std::sort(out.begin(), out.end());
    return out;
  }

 private:
  static std::string text(const c10::OperatorHandle& op) {
    std::ostringstream out;
    out << op.schema();
    return out.str();
  }
};

}  // namespace
}  // namespace onnxport::torch_plugin

extern "C" __attribute__((visibility("default"))) onnxport::libtorch::Plugin*
onnxport_open_plugin() {
  return new onnxport::torch_plugin::TorchPlugin();
}
