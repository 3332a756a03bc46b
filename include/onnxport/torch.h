// onnxport for programs that use libtorch: a module that was trained in C++, or a TorchScript
// module, becomes a verified ONNX file in one call.
//
//   Net net;                                           // torch::nn::Module, or a holder of one
//   ...                                                // trained
//   onnxport::Report report = onnxport::export_onnx(net, {torch::randn({1, 1, 8, 8})}, "net.onnx");
//   if (!report.passed()) std::cerr << report.text();
//
// A torch::nn::Module is traced with the inputs given, in eval mode, so a branch on data is
// followed as it falls out for them. Sizes that forward() takes from its inputs are numbers in the
// trace; the batch is made dynamic again where verification proves it.
// Parameters keep their names. The module is left as it was, and needs no cloning.
//
// In CMake: find_package(onnxport REQUIRED COMPONENTS torch), and link onnxport::torch. No function
// here throws.
#pragma once

#include <torch/csrc/jit/api/compilation_unit.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/container/any.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>
#include <torch/version.h>
#include <unistd.h>

#include <cctype>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "onnxport/export.h"

namespace onnxport {
namespace torch_detail {

// The module in a holder (torch::nn::Sequential, TORCH_MODULE), in a shared_ptr, or itself.
template <typename M>
auto& module_of(M& module) {
  if constexpr (std::is_base_of_v<::torch::nn::Module, M>) {
    return module;
  } else {
    return *module.operator->();
  }
}

using Tensors = std::vector<::torch::Tensor>;

template <typename F, size_t... I>
::torch::jit::IValue call(F& forward, const Tensors& inputs, std::index_sequence<I...>) {
  return ::torch::jit::IValue(forward(inputs[I]...));
}

template <size_t N, typename F>
constexpr bool takes_tensors() {
  return []<size_t... I>(std::index_sequence<I...>) {
    return std::is_invocable_v<F&, decltype((static_cast<void>(I),
                                             std::declval<const ::torch::Tensor&>()))...>;
  }
  (std::make_index_sequence<N>());
}

// forward() with as many tensors as there are inputs.
template <size_t N, typename F>
::torch::jit::IValue forward_any(F& forward, const Tensors& inputs) {
  if constexpr (N > 8) {
    TORCH_CHECK(false, "forward() does not take ", inputs.size(), " tensors");
  } else {
    if (inputs.size() == N) {
      if constexpr (takes_tensors<N, F>()) {
        return call(forward, inputs, std::make_index_sequence<N>());
      }
    }
    return forward_any<N + 1>(forward, inputs);
  }
}

// The same parameters, buffers and submodules under the same names, as TorchScript has them. The
// tensors are the module's own, by which the tracer knows them.
inline ::torch::jit::Module mirror(const ::torch::nn::Module& module, const std::string& type,
                                   std::shared_ptr<::torch::jit::CompilationUnit> unit) {
  ::torch::jit::Module out(c10::QualifiedName("__torch__." + type), std::move(unit));
  for (const auto& item : module.named_parameters(/*recurse=*/false)) {
    out.register_parameter(item.key(), item.value(), /*is_buffer=*/false);
  }
  for (const auto& item : module.named_buffers(/*recurse=*/false)) {
    out.register_buffer(item.key(), item.value());
  }
  for (const auto& child : module.named_children()) {
    out.register_module(child.key(), mirror(*child.value(), type + "_" + child.key(),
                                            out._ivalue()->compilation_unit()));
  }
  return out;
}

// A file of its own, gone with the object.
class TemporaryFile {
 public:
  TemporaryFile() {
    const char* folder = std::getenv("TMPDIR");
    path_ =
        std::string(folder != nullptr && *folder != '\0' ? folder : "/tmp") + "/onnxport_XXXXXX.pt";
    const int file = mkstemps(path_.data(), 3);
    TORCH_CHECK(file >= 0, "no temporary file can be made at ", path_);
    close(file);
  }
  ~TemporaryFile() { unlink(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Puts a module's modes back, each submodule's own.
class EvalMode {
 public:
  explicit EvalMode(::torch::nn::Module& module) {
    for (const auto& part : module.modules(/*include_self=*/true)) {
      if (part->is_training()) training_.push_back(part.get());
    }
    module.eval();
  }
  ~EvalMode() {
    // Not train(): that would change the parts too.
    for (auto* part : training_) set_training(*part);
  }
  EvalMode(const EvalMode&) = delete;
  EvalMode& operator=(const EvalMode&) = delete;

 private:
  static void set_training(::torch::nn::Module& module) {
    std::vector<::torch::nn::Module*> eval;
    for (const auto& part : module.modules(/*include_self=*/false)) {
      if (!part->is_training()) eval.push_back(part.get());
    }
    module.train();
    for (auto* part : eval) part->eval();
  }
  std::vector<::torch::nn::Module*> training_;
};

inline void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

// A C++ class as TorchScript can name it: "NetImpl" of "(anonymous namespace)::NetImpl".
inline std::string type_name(const ::torch::nn::Module& module) {
  std::string name = module.name();
  name.erase(0, name.rfind(':') + 1);
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name.empty() || std::isdigit(static_cast<unsigned char>(name[0])) != 0 ? "Module" : name;
}

inline Report refused(const std::string& name, const std::string& why) {
  Report report;
  report.source_path = name;
  report.onnxport_version = version();
  report.error = name + ": " + why;
  return report;
}

// Where the configuration has no sizes, those of the inputs, in order.
inline void take_sizes(ExportConfig& config, const Tensors& inputs) {
  for (InputSpec& spec : config.inputs) {
    if (spec.sizes) return;
  }
  size_t known = 0;
  for (const InputSpec& spec : config.inputs) known += spec.name.empty() ? 1 : 0;
  if (known < inputs.size()) config.inputs.resize(config.inputs.size() + inputs.size() - known);
  size_t next = 0;
  for (InputSpec& spec : config.inputs) {
    if (spec.name.empty() && next < inputs.size()) spec.sizes = inputs[next++].sizes().vec();
  }
}

// The whole pipeline, from a TorchScript file that only lives as long. Reports speak of the module
// instead.
inline Report export_saved(const ::torch::jit::Module& module, const std::string& name,
                           const Tensors& inputs, const ExportConfig& config,
                           const std::string& path, const Progress& progress,
                           const std::stop_token& cancel) {
  // The plugin and the program share one libtorch: of another version nothing good would come.
  if (std::string why = check_torch(TORCH_VERSION); !why.empty()) return refused(name, why);
  ExportConfig own = config;
  take_sizes(own, inputs);
  TemporaryFile file;
  module.save(file.path());
  Report report = export_model(file.path(), path, own, progress, cancel);
  for (std::string* text : {&report.source_path, &report.error}) {
    replace_all(*text, file.path(), name);
  }
  if (report.first_divergence) {
    replace_all(report.first_divergence->source, file.path(), name);
    replace_all(report.first_divergence->reason, file.path(), name);
  }
  for (std::string& note : report.notes) replace_all(note, file.path(), name);
  return report;
}

// Sizes as the configuration gives them; one picture where it gives none.
inline Tensors example_inputs(const ExportConfig& config) {
  Tensors inputs;
  for (const InputSpec& spec : config.inputs) {
    if (spec.name.empty() && spec.sizes) inputs.push_back(::torch::randn(*spec.sizes));
  }
  if (inputs.empty()) inputs.push_back(::torch::randn({1, 3, 224, 224}));
  return inputs;
}

template <typename F>
::torch::jit::Module traced(::torch::nn::Module& module, F forward, const Tensors& inputs) {
  ::torch::NoGradGuard no_grad;
  EvalMode eval(module);
  auto unit = std::make_shared<::torch::jit::CompilationUnit>();
  ::torch::jit::Module out = mirror(module, type_name(module), unit);
  ::torch::jit::Stack stack(inputs.begin(), inputs.end());
  auto run = [&](::torch::jit::Stack given) {
    Tensors tensors;
    for (const auto& value : given) tensors.push_back(value.toTensor());
    return ::torch::jit::Stack{forward_any<0>(forward, tensors)};
  };
  auto no_names = [](const ::torch::Tensor&) { return std::string(); };
  auto result = ::torch::jit::tracer::trace(std::move(stack), run, no_names, /*strict=*/false,
                                            /*force_outplace=*/false, &out);
  auto* function = out._ivalue()->compilation_unit()->create_function(
      c10::QualifiedName(*out.type()->name(), "forward"), result.first->graph);
  out.type()->addMethod(function);
  out.eval();
  return out;
}

}  // namespace torch_detail

// A TorchScript module, with the sizes of these inputs.
inline Report export_onnx(const ::torch::jit::Module& module,
                          const std::vector<::torch::Tensor>& inputs, const std::string& path,
                          const ExportConfig& config = {}, const Progress& progress = {},
                          const std::stop_token& cancel = {}) {
  const std::string name = "the TorchScript module";
  try {
    return torch_detail::export_saved(module, name, inputs, config, path, progress, cancel);
  } catch (const c10::Error& e) {
    return torch_detail::refused(name, e.what_without_backtrace());
  } catch (const std::exception& e) {
    return torch_detail::refused(name, e.what());
  }
}

// A module written in C++: a torch::nn::Module with a forward() of tensors, a holder of one
// (torch::nn::Sequential, what TORCH_MODULE makes), a std::shared_ptr to one, or a
// torch::nn::AnyModule.
template <typename M>
requires(!std::is_base_of_v<::torch::jit::Module, std::remove_cvref_t<M>>) Report
    export_onnx(M&& module, const std::vector<::torch::Tensor>& inputs, const std::string& path,
                const ExportConfig& config = {}, const Progress& progress = {},
                const std::stop_token& cancel = {}) {
  std::string name = "the module";
  try {
    if constexpr (std::is_same_v<std::remove_cvref_t<M>, ::torch::nn::AnyModule>) {
      auto forward = [&](auto&&... tensors) { return module.forward(tensors...); };
      return torch_detail::export_saved(torch_detail::traced(*module.ptr(), forward, inputs), name,
                                        inputs, config, path, progress, cancel);
    } else {
      auto& inner = torch_detail::module_of(module);
      name = inner.name();
      auto forward = [&](auto&&... tensors) -> decltype(inner.forward(tensors...)) {
        return inner.forward(tensors...);
      };
      return torch_detail::export_saved(torch_detail::traced(inner, forward, inputs), name, inputs,
                                        config, path, progress, cancel);
    }
  } catch (const c10::Error& e) {
    return torch_detail::refused(name, e.what_without_backtrace());
  } catch (const std::exception& e) {
    return torch_detail::refused(name, e.what());
  }
}

// The same with random inputs of the sizes that the configuration has for inputs without a name, in
// order; without any, one picture of 3x224x224.
template <typename M>
Report export_onnx(M&& module, const ExportConfig& config, const std::string& path,
                   const Progress& progress = {}, const std::stop_token& cancel = {}) {
  return export_onnx(std::forward<M>(module), torch_detail::example_inputs(config), path, config,
                     progress, cancel);
}

}  // namespace onnxport
