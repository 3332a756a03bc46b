#include "verify/runtime.h"

#define ORT_API_MANUAL_INIT
#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <utility>

#include "base/library.h"

#ifndef ONNXPORT_BUILT_ORT
#define ONNXPORT_BUILT_ORT ""
#endif

namespace onnxport::verify {
namespace {

// The two enumerations have the same numbers (both follow TensorProto.DataType).
static_assert(static_cast<int>(DType::kBFloat16) == ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16);
static_assert(static_cast<int>(DType::kUint64) == ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64);
static_assert(static_cast<int>(DType::kInt4) == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT4);

struct Library {
  std::string version;
  std::unique_ptr<Ort::Env> env;
};

Result<Library> load() {
  std::string root = environment("ONNXRUNTIME_ROOT");
  std::string named = environment("ONNXPORT_ONNXRUNTIME");
  std::error_code error;
  if (std::filesystem::is_directory(named, error)) named += "/libonnxruntime.so";
  TRY_ASSIGN(
      void* library,
      load_library({named, ONNXPORT_BUILT_ORT, root.empty() ? "" : root + "/lib/libonnxruntime.so",
                    "libonnxruntime.so", "libonnxruntime.so.1"},
                   "ONNX Runtime",
                   "run scripts/setup, install libonnxruntime, or name the library in "
                   "ONNXPORT_ONNXRUNTIME; --no-verify exports without the proof"));
  TRY_ASSIGN(void* function, find_function(library, "OrtGetApiBase"));
  const OrtApiBase* base = reinterpret_cast<const OrtApiBase* (*)()>(function)();
  Library out;
  out.version = base->GetVersionString();
  // "1.32.0": API 32. The API only ever grows, so an older library serves with its own version.
  auto dot = out.version.find('.');
  int library_api = dot == std::string::npos ? 0 : std::atoi(out.version.c_str() + dot + 1);
  constexpr int kOldest = 18;
  const OrtApi* api = nullptr;
  if (library_api >= kOldest) {
    api = base->GetApi(static_cast<uint32_t>(std::min(library_api, ORT_API_VERSION)));
  }
  if (api == nullptr) {
    return Error{"ONNX Runtime " + out.version +
                     " is too old: 1.18 or newer is needed; name one in "
                     "ONNXPORT_ONNXRUNTIME",
                 ""};
  }
  Ort::InitApi(api);
  out.env = std::make_unique<Ort::Env>(ORT_LOGGING_LEVEL_FATAL, "onnxport");
  return out;
}

// Loaded once. Kept to the end of the process: sessions and tensors may outlive every caller.
const Result<Library>& runtime() {
  static const auto* loaded = new Result<Library>([] {
    try {
      return load();
    } catch (const Ort::Exception& e) {
      return Result<Library>(Error{std::string("ONNX Runtime: ") + e.what(), ""});
    }
  }());
  return *loaded;
}

// A tensor that ONNX Runtime made; its bytes stay where they are.
class OrtStorage final : public Storage {
 public:
  OrtStorage(Ort::Value value, size_t size) : value_(std::move(value)), size_(size) {}
  size_t size() const override { return size_; }
  std::span<const std::byte> view() const override {
    return {static_cast<const std::byte*>(value_.GetTensorRawData()), size_};
  }
  void read(size_t offset, std::span<std::byte> out) const override {
    if (!out.empty()) std::memcpy(out.data(), view().data() + offset, out.size());
  }

 private:
  Ort::Value value_;
  size_t size_;
};

Result<Tensor> tensor_from_ort(Ort::Value value) {
  auto info = value.GetTensorTypeAndShapeInfo();
  Tensor out;
  out.dtype = static_cast<DType>(info.GetElementType());
  out.dims = info.GetShape();
  if (out.dtype == DType::kString) {
    for (size_t i = 0; i < info.GetElementCount(); ++i) {
      out.strings.push_back(value.GetStringTensorElement(i));
    }
    return out;
  }
  if (bit_size(out.dtype) == 0) {
    return Error{std::string("dtype ") + name(out.dtype) + " cannot be compared", ""};
  }
  TRY_ASSIGN(size_t bytes, checked_nbytes(out.dtype, out.dims));
  out.storage = std::make_shared<OrtStorage>(std::move(value), bytes);
  return out;
}

// Sequences, maps and optionals lie in one another only a few levels deep: what the type system of
// ONNX Runtime itself allows.
Status add_parts(Ort::Value value, std::vector<Tensor>& parts) {
  if (!value.HasValue()) return {};
  if (value.IsTensor()) {
    TRY_ASSIGN(Tensor tensor, tensor_from_ort(std::move(value)));
    parts.push_back(std::move(tensor));
    return {};
  }
  const ONNXType type = value.GetTypeInfo().GetONNXType();
  if (type != ONNX_TYPE_SEQUENCE && type != ONNX_TYPE_MAP) {
    return Error{"is neither a tensor, a sequence nor a map", ""};
  }
  Ort::AllocatorWithDefaultOptions allocator;
  for (size_t i = 0; i < value.GetCount(); ++i) {
    TRY(add_parts(value.GetValue(static_cast<int>(i), allocator), parts));
  }
  return {};
}

Ort::Value strings_to_ort(const Tensor& t) {
  Ort::AllocatorWithDefaultOptions allocator;
  Ort::Value value = Ort::Value::CreateTensor(allocator, t.dims.data(), t.dims.size(),
                                              ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING);
  std::vector<const char*> texts;
  for (const std::string& s : t.strings) texts.push_back(s.c_str());
  value.FillStringTensor(texts.data(), texts.size());
  return value;
}

Port port_of(std::string name, const Ort::TypeInfo& type) {
  Port port;
  port.name = std::move(name);
  if (type.GetONNXType() != ONNX_TYPE_TENSOR) {
    port.dtype = DType::kUndefined;  // a sequence or map: run() says so when it matters
    return port;
  }
  auto info = type.GetTensorTypeAndShapeInfo();
  port.dtype = static_cast<DType>(info.GetElementType());
  port.dims = info.GetShape();
  for (const char* symbol : info.GetSymbolicDimensions()) {
    port.dim_names.emplace_back(symbol != nullptr ? symbol : "");
  }
  return port;
}

class OrtSession final : public Session {
 public:
  OrtSession(Ort::Session session, std::stop_token cancel)
      : session_(std::move(session)),
        cancel_(std::move(cancel)),
        memory_(Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault)) {
    Ort::AllocatorWithDefaultOptions allocator;
    for (size_t i = 0; i < session_.GetInputCount(); ++i) {
      inputs_.push_back(port_of(session_.GetInputNameAllocated(i, allocator).get(),
                                session_.GetInputTypeInfo(i)));
    }
    for (size_t i = 0; i < session_.GetOutputCount(); ++i) {
      outputs_.push_back(port_of(session_.GetOutputNameAllocated(i, allocator).get(),
                                 session_.GetOutputTypeInfo(i)));
    }
  }
  const std::vector<Port>& inputs() const override { return inputs_; }
  const std::vector<Port>& outputs() const override { return outputs_; }

  Result<std::vector<Tensor>> run(const std::vector<Tensor>& inputs) override {
    TRY_ASSIGN(std::vector<Parts> outputs, run_parts(inputs));
    std::vector<Tensor> tensors;
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (outputs_[i].dtype == DType::kUndefined || outputs[i].size() != 1) {
        return Error{"is not a tensor", "output `" + outputs_[i].name + "`"};
      }
      tensors.push_back(std::move(outputs[i][0]));
    }
    return tensors;
  }

  Result<std::vector<Parts>> run_parts(const std::vector<Tensor>& inputs) override {
    if (inputs.size() != inputs_.size()) {
      return Error{"the model has " + std::to_string(inputs_.size()) + " inputs, " +
                       std::to_string(inputs.size()) + " were given",
                   ""};
    }
    try {
      return run_or_throw(inputs);
    } catch (const Ort::Exception& e) {
      return Error{std::string("ONNX Runtime: ") + e.what(), ""};
    }
  }

 private:
  Result<std::vector<Parts>> run_or_throw(const std::vector<Tensor>& inputs) {
    std::vector<std::vector<std::byte>> computed;  // of lazy tensors, until the run is over
    std::vector<Ort::Value> values;
    std::vector<const char*> input_names, output_names;
    for (size_t i = 0; i < inputs.size(); ++i) {
      const Tensor& t = inputs[i];
      input_names.push_back(inputs_[i].name.c_str());
      if (t.dtype == DType::kString) {
        values.push_back(strings_to_ort(t));
        continue;
      }
      std::span<const std::byte> bytes = t.storage->view();
      if (bytes.empty() && t.nbytes() > 0) bytes = computed.emplace_back(t.bytes());
      values.push_back(Ort::Value::CreateTensor(memory_, const_cast<std::byte*>(bytes.data()),
                                                t.nbytes(), t.dims.data(), t.dims.size(),
                                                static_cast<ONNXTensorElementDataType>(t.dtype)));
    }
    for (const Port& port : outputs_) output_names.push_back(port.name.c_str());
    Ort::RunOptions options;
    const std::stop_callback terminate(cancel_, [&options] { options.SetTerminate(); });
    auto results = session_.Run(options, input_names.data(), values.data(), values.size(),
                                output_names.data(), output_names.size());
    std::vector<Parts> out;
    for (size_t i = 0; i < results.size(); ++i) {
      if (auto status = add_parts(std::move(results[i]), out.emplace_back()); !status.ok()) {
        return std::move(status).error().at("output `" + outputs_[i].name + "`");
      }
    }
    return out;
  }

  Ort::Session session_;
  std::stop_token cancel_;
  Ort::MemoryInfo memory_;
  std::vector<Port> inputs_, outputs_;
};

// A file with external data, by the location that the model gives it.
struct Data {
  std::string location;
  std::string_view bytes;
};

Result<std::unique_ptr<Session>> open_session(const SessionOptions& options, std::string_view model,
                                              const std::vector<Data>& data) {
  if (!runtime().ok()) return runtime().error();
  try {
    Ort::SessionOptions session_options;
    session_options.SetLogSeverityLevel(ORT_LOGGING_LEVEL_FATAL);
    session_options.SetGraphOptimizationLevel(options.optimize ? ORT_ENABLE_ALL : ORT_DISABLE_ALL);
    if (options.threads > 0) session_options.SetIntraOpNumThreads(options.threads);
    std::vector<std::basic_string<ORTCHAR_T>> names;
    std::vector<char*> buffers;
    std::vector<size_t> sizes;
    for (const Data& part : data) {
      if (part.bytes.empty()) continue;
      names.push_back(part.location);
      buffers.push_back(const_cast<char*>(part.bytes.data()));  // which it only reads
      sizes.push_back(part.bytes.size());
    }
    if (!names.empty()) {
      session_options.AddExternalInitializersFromFilesInMemory(names, buffers, sizes);
    }
    return std::unique_ptr<Session>(std::make_unique<OrtSession>(
        Ort::Session(*runtime()->env, model.data(), model.size(), session_options),
        options.cancel));
  } catch (const Ort::Exception& e) {
    return Error{std::string("ONNX Runtime does not accept the model: ") + e.what(), ""};
  }
}

// The runtime looks at the machine when it first runs something, and could not behind the sandbox's
// wall. Starts no thread that lives on.
void warm_up() {
  onnx::Model model;
  model.opset_imports[""] = 17;
  onnx::Value* input = model.graph->add_input("x", DType::kFloat, Shape{1});
  onnx::Value* output = model.graph->add_node("Relu", {input})->outputs[0];
  output->dtype = DType::kFloat;
  output->shape = Shape{1};
  model.graph->add_output(output);
  const auto bytes = onnx::serialize(model);
  if (!bytes.ok()) return;
  auto session = Session::open(*bytes, {.threads = 1});
  if (session.ok()) (void)(*session)->run({Tensor::filled(DType::kFloat, {1}, 1)});
}

}  // namespace

Result<std::unique_ptr<Session>> Session::open(const onnx::ModelFiles& files,
                                               const SessionOptions& options) {
  std::vector<Data> data;
  for (const auto& [location, file] : files.external) data.push_back({location, file->text()});
  auto session = open_session(options, files.model->text(), data);
  if (!session.ok()) return std::move(session).error().at(files.path());
  return session;
}

Result<std::unique_ptr<Session>> Session::open(const onnx::Serialized& model,
                                               const SessionOptions& options) {
  return open_session(options, model.model, {{onnx::Serialized::kDataLocation, model.data}});
}

Result<std::string> runtime_version() {
  if (!runtime().ok()) return runtime().error();
  static std::once_flag warm;
  std::call_once(warm, warm_up);
  return runtime()->version;
}

}  // namespace onnxport::verify
