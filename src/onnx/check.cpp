#include "onnx/check.h"

#include <onnx/checker.h>
#include <onnx/shape_inference/implementation.h>

#include <filesystem>

#include "onnx/functions.h"
#include "onnx/open.h"
#include "onnx/tensor_proto.h"
#include "onnx/wire.h"

namespace onnxport::onnx {
namespace {

// Below this an initializer is given to the checker as it is: shape inference reads shapes from it.
constexpr size_t kMaxInline = 64 << 10;

struct CheckedFile {
  const MappedFile& file;
  std::string name;  // in its folder
  ExternalFiles external;
};

// An initializer for the checker: its length is checked here, and where its external data may be; a
// large one becomes a reference to this very file, since the checker follows no links, a small
// external one is brought in.
Status add_initializer(std::string_view bytes, CheckedFile& checked, ::onnx::GraphProto& graph) {
  TRY_ASSIGN(SplitTensor split, split_tensor(bytes));
  ::onnx::TensorProto& proto = *graph.add_initializer();
  auto tensor = from_proto(split.rest, split.raw, checked.file, checked.external);
  if (!tensor.ok()) return std::move(tensor).error().at("initializer " + split.rest.name());
  proto = std::move(split.rest);
  const bool external = proto.data_location() == ::onnx::TensorProto::EXTERNAL;
  if (!split.raw && !external) return {};

  const Storage* storage = tensor->storage.get();
  if (storage != nullptr && storage->size() <= kMaxInline) {
    proto.clear_external_data();
    proto.clear_data_location();
    proto.mutable_raw_data()->resize(storage->size());
    storage->read(0, std::as_writable_bytes(std::span(*proto.mutable_raw_data())));
  } else {
    auto put = [&](const char* key, const std::string& value) {
      auto* entry = proto.add_external_data();
      entry->set_key(key);
      entry->set_value(value);
    };
    proto.clear_external_data();
    proto.set_data_location(::onnx::TensorProto::EXTERNAL);
    put("location", checked.name);
    if (external) return {};
    put("offset", std::to_string(split.raw->data() - checked.file.text().data()));
    put("length", std::to_string(split.raw->size()));
  }
  return {};
}

Status add_graph(std::string_view bytes, CheckedFile& checked, ::onnx::GraphProto& graph) {
  constexpr uint32_t kInitializer = 5;
  std::string rest;
  std::vector<std::string_view> initializers;
  wire::Reader reader(bytes);
  for (;;) {
    TRY_ASSIGN(const std::optional<wire::Field> field, reader.next());
    if (!field) break;
    if (field->is_bytes(kInitializer)) {
      initializers.push_back(field->bytes);
    } else {
      rest += field->whole;
    }
  }
  if (!graph.ParseFromString(rest)) return Error{"the graph does not parse", ""};
  for (const std::string_view initializer : initializers) {
    TRY(add_initializer(initializer, checked, graph));
  }
  return {};
}

// The file as a message, without its weights.
Status read_skeleton(CheckedFile& checked, ::onnx::ModelProto& model) {
  constexpr uint32_t kGraph = 7;
  std::string rest;
  std::optional<std::string_view> graph;
  wire::Reader reader(checked.file.text());
  for (;;) {
    TRY_ASSIGN(const std::optional<wire::Field> field, reader.next());
    if (!field) break;
    if (field->is_bytes(kGraph)) {
      graph = field->bytes;
    } else {
      rest += field->whole;
    }
  }
  if (!graph || !model.ParseFromString(rest)) return Error{"it is not an ONNX model", ""};
  TRY(add_graph(*graph, checked, *model.mutable_graph()));
  return check_functions(model.functions(), model.graph());
}

// What checker::check_model(path, full_check=true) does, on a message and a folder.
void check_model(::onnx::ModelProto& model, const std::string& folder) {
  ::onnx::checker::CheckerContext context;
  context.set_model_dir(folder);
  context.set_ir_version(static_cast<int>(model.ir_version()));
  std::unordered_map<std::string, int> imports;
  for (const auto& import : model.opset_import()) {
    imports[import.domain()] = static_cast<int>(import.version());
  }
  context.set_opset_imports(imports);

  // The model's own fields: the library checks them only together with a graph, so it gets a copy
  // of the model with an empty one.
  ::onnx::ModelProto shell;
  shell.set_ir_version(model.ir_version());
  *shell.mutable_opset_import() = model.opset_import();
  *shell.mutable_metadata_props() = model.metadata_props();
  shell.mutable_graph()->set_name("shell");
  ::onnx::checker::check_model(shell);

  const ::onnx::checker::LexicalScopeContext scope;
  ::onnx::checker::check_graph(model.graph(), context, scope);
  if (model.ir_version() >= 8) {
    ::onnx::checker::check_model_local_functions(model, context, scope);
  }
  const ::onnx::ShapeInferenceOptions strict{/*check_type=*/true, /*strict_mode=*/1,
                                             /*data_prop=*/false};
  ::onnx::shape_inference::InferShapes(model, context.get_schema_registry(), strict);
}

}  // namespace

Status check_file(const std::string& path) {
  TRY_ASSIGN(const auto file, open_model_file(path));
  // The checker does not follow symbolic links: give it the file behind them.
  std::error_code ignored;
  std::filesystem::path real = std::filesystem::canonical(path, ignored);
  if (ignored) real = path;

  CheckedFile checked{*file, real.filename().string(), ExternalFiles(path)};
  ::onnx::ModelProto model;
  try {
    if (auto status = read_skeleton(checked, model); !status.ok()) {
      return std::move(status).error().at(path);
    }
    check_model(model, real.parent_path().string());
  } catch (const std::exception& error) {
    return Error{std::string("onnx.checker refuses it: ") + error.what(), path};
  }
  return {};
}

}  // namespace onnxport::onnx
