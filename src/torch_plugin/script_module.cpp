// Nothing but the loading of the archive is shared with what reads it as a program (torchscript/):
// this is what that is measured by.
#include "torch_plugin/script_module.h"

#include <ATen/ScalarOps.h>
#include <ATen/ops/scalar_tensor.h>
#include <c10/core/DefaultDtype.h>
#include <c10/core/InferenceMode.h>
#undef CHECK  // c10's; ours follows

#include <algorithm>
#include <utility>
#include <vector>

#include "torch_plugin/convert.h"
#include "torch_plugin/process.h"
#include "torch_plugin/script_archive.h"

namespace onnxport::torch_plugin {
namespace {

using libtorch::ScriptOptions;

// A value as the type that forward() declares for it: 16000 for a float is 16000.0.
Result<c10::IValue> number_value(const ScriptOptions::Number& number, const c10::Type& type) {
  const c10::Type& plain =
      type.kind() == c10::TypeKind::OptionalType ? *type.containedType(0) : type;
  const c10::TypeKind kind = plain.kind();
  if (const auto* text = std::get_if<std::string>(&number)) {
    if (kind == c10::TypeKind::StringType || kind == c10::TypeKind::AnyType)
      return c10::IValue(*text);
    return Error{"`" + *text + "` was given for " + type.str(), ""};
  }
  if (const auto* flag = std::get_if<bool>(&number)) return c10::IValue(*flag);
  if (const auto* real = std::get_if<double>(&number)) return c10::IValue(*real);
  const int64_t whole = std::get<int64_t>(number);
  if (kind == c10::TypeKind::FloatType) return c10::IValue(static_cast<double>(whole));
  if (kind == c10::TypeKind::BoolType) return c10::IValue(whole != 0);
  return c10::IValue(whole);
}

// The tensors in what forward() returned, in order. Numbers count as tensors of no dimensions;
// strings and None do not count.
Status flatten(const c10::IValue& value, std::vector<Tensor>& out) {
  if (value.isTensor()) {
    TRY_ASSIGN(Tensor tensor, from_torch(value.toTensor()));
    out.push_back(std::move(tensor));
  } else if (value.isScalar()) {
    auto type = value.isInt() ? at::kLong : value.isBool() ? at::kBool : at::kFloat;
    TRY_ASSIGN(Tensor tensor, from_torch(at::scalar_tensor(value.toScalar(), type)));
    out.push_back(std::move(tensor));
  } else if (value.isTuple()) {
    for (const c10::IValue& element : value.toTupleRef().elements()) TRY(flatten(element, out));
  } else if (value.isList()) {
    for (const c10::IValue& element : value.toListRef()) TRY(flatten(element, out));
  } else if (value.isGenericDict()) {
    for (const auto& entry : value.toGenericDict()) TRY(flatten(entry.value(), out));
  } else if (!value.isNone() && !value.isString()) {
    return Error{"forward() returns a " + value.tagKind() + ", which has no ONNX equivalent", ""};
  }
  return {};
}

class ScriptModule final : public libtorch::Module {
 public:
  ScriptModule(torch::jit::Module module, libtorch::ScriptFile file, ScriptOptions options)
      : module_(std::move(module)), file_(std::move(file)), options_(std::move(options)) {}

  Result<std::vector<Tensor>> forward(const std::vector<Tensor>& inputs,
                                      const libtorch::RunOptions& options) override {
    if (options.float64) return Error{"a TorchScript module runs in its own precision", ""};
    set_computed();
    const uint64_t before = changes();
    auto results = run(inputs);
    if (writes_weights_ || changes() == before) return results;
    // It writes in place into what the runs share: again, from the file, with weights of its own.
    writes_weights_ = true;
    try {
      module_ = load_archive(file_, DebugFiles::kSkip);
    } catch (const std::exception& e) {
      return Error{std::string("libtorch: ") + e.what(), file_.path};
    }
    return run(inputs);
  }

 private:
  Result<std::vector<Tensor>> run(const std::vector<Tensor>& inputs) {
    try {
      c10::InferenceMode inference;
      size_t own = 0;
      TRY_ASSIGN(torch::jit::Stack stack, arguments(inputs, own));
      torch::jit::Module module = fresh();
      if (own < inputs.size()) {
        module.forward(stack);  // what else it keeps is then as a run leaves it
        for (size_t i = own; i < inputs.size(); ++i) {
          TRY_ASSIGN(at::Tensor tensor, to_torch(inputs[i], false));
          TRY(set_state(module, options_.states[i - own], tensor));
        }
      }
      c10::IValue result = module.forward(std::move(stack));
      std::vector<Tensor> out;
      TRY(flatten(result, out));
      for (const std::string& state : options_.states) {
        auto [holder, name] = find_state(module, state);
        TRY(flatten(holder.attr(name), out));
      }
      return out;
    } catch (const c10::Error& e) {
      return Error{std::string("libtorch: ") + e.what_without_backtrace(), ""};
    } catch (const std::exception& e) {
      return Error{std::string("libtorch: ") + e.what(), ""};
    }
  }

  // A module may keep state between calls: every run starts from what the file says. Its attributes
  // are copied; its weights, which can be most of the memory there is, are not as long as no run
  // writes into them.
  torch::jit::Module fresh() const {
    if (writes_weights_) return module_.deepcopy();
    c10::IValue::HashIdentityIValueMap copied;
    for (const c10::IValue& value : module_.attributes()) {
      if (value.isTensor()) copied.emplace(value, value);
    }
    return torch::jit::Module(module_._ivalue()->deepcopy(copied));
  }

  // How often anything has written into the weights.
  uint64_t changes() const {
    uint64_t count = 0;
    for (const c10::IValue& value : module_.attributes()) {
      if (value.isTensor() && value.toTensor().defined()) count += value.toTensor()._version();
    }
    return count;
  }

  // The module that has the attribute, and the attribute's name: "decoder.state".
  static std::pair<torch::jit::Module, std::string> find_state(torch::jit::Module module,
                                                               const std::string& path) {
    size_t begin = 0;
    for (size_t dot = path.find('.'); dot != std::string::npos; dot = path.find('.', begin)) {
      module = module.attr(path.substr(begin, dot - begin)).toModule();
      begin = dot + 1;
    }
    return {module, path.substr(begin)};
  }

  static Status set_state(const torch::jit::Module& module, const std::string& path,
                          const at::Tensor& tensor) {
    auto [holder, name] = find_state(module, path);
    if (!holder.hasattr(name)) return Error{"the module has no attribute `" + path + "`", ""};
    holder.setattr(name, tensor);
    return {};
  }

  // `next`: how many inputs they take.
  Result<torch::jit::Stack> arguments(const std::vector<Tensor>& inputs, size_t& next) {
    const c10::FunctionSchema& schema = module_.get_method("forward").function().getSchema();
    torch::jit::Stack stack;
    for (size_t i = 1; i < schema.arguments().size(); ++i) {
      const c10::Argument& argument = schema.arguments()[i];
      auto given = options_.values.find(argument.name());
      if (given != options_.values.end()) {
        auto value = number_value(given->second, *argument.type());
        if (!value.ok()) return std::move(value).error().at("input `" + argument.name() + "`");
        stack.push_back(std::move(value).value());
      } else {
        TRY_ASSIGN(c10::IValue value, tensors(*argument.type(), argument, inputs, next));
        stack.push_back(std::move(value));
      }
    }
    if (next + options_.states.size() == inputs.size()) return stack;
    return Error{"forward() takes " + std::to_string(next) + " tensors, " +
                     std::to_string(inputs.size()) + " were given",
                 ""};
  }

  // The next inputs, in the form of the argument's type: a tensor, or a tuple of them.
  Result<c10::IValue> tensors(const c10::Type& type, const c10::Argument& argument,
                              const std::vector<Tensor>& inputs, size_t& next) {
    if (type.kind() == c10::TypeKind::TupleType) {
      std::vector<c10::IValue> elements;
      for (const c10::TypePtr& element : type.containedTypes()) {
        TRY_ASSIGN(c10::IValue value, tensors(*element, argument, inputs, next));
        elements.push_back(std::move(value));
      }
      return c10::IValue(c10::ivalue::Tuple::create(std::move(elements)));
    }
    if (type.kind() == c10::TypeKind::ListType &&
        type.containedType(0)->kind() == c10::TypeKind::TensorType && !argument.default_value()) {
      std::vector<at::Tensor> elements;  // the last argument takes all that is left
      while (next + options_.states.size() < inputs.size()) {
        TRY_ASSIGN(at::Tensor tensor, to_torch(inputs[next++], false));
        elements.push_back(std::move(tensor));
      }
      return c10::IValue(std::move(elements));
    }
    const bool sized = options_.named_sizes.contains(argument.name());
    if (argument.default_value() && !sized) return *argument.default_value();
    if (type.kind() == c10::TypeKind::OptionalType && sized) {
      return tensors(*type.containedType(0), argument, inputs, next);
    }
    const bool is_tensor = type.kind() == c10::TypeKind::TensorType;
    if (is_tensor && next < inputs.size()) {
      TRY_ASSIGN(at::Tensor tensor, to_torch(inputs[next++], false));
      return c10::IValue(std::move(tensor));
    }
    if (argument.default_value()) return *argument.default_value();
    if (type.kind() == c10::TypeKind::OptionalType) return c10::IValue();
    return Error{"input `" + argument.name() + "` (" + type.str() +
                     ") has no value: give it with --input-value " + argument.name() + "=...",
                 ""};
  }

  torch::jit::Module module_;
  libtorch::ScriptFile file_;
  ScriptOptions options_;
  bool writes_weights_ = false;
};

}  // namespace

Result<std::unique_ptr<libtorch::Module>> load_script(const libtorch::ScriptFile& file,
                                                      const ScriptOptions& options) {
  try {
    return std::unique_ptr<libtorch::Module>(
        new ScriptModule(load_archive(file, DebugFiles::kSkip), file, options));
  } catch (const c10::Error& e) {
    return Error{std::string("libtorch: ") + e.what_without_backtrace(), file.path};
  } catch (const std::exception& e) {
    return Error{std::string("libtorch: ") + e.what(), file.path};
  }
}

}  // namespace onnxport::torch_plugin
