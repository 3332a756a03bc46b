#include "pipeline/facts.h"

#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <set>

#include "base/file.h"
#include "onnx/read.h"
#include "pipeline/source.h"

namespace onnxport::facts {
namespace {

TensorReport tensor_report(const std::string& name, DType dtype,
                           const std::optional<Shape>& shape) {
  TensorReport out{name, onnxport::name(dtype), std::nullopt};
  if (!shape) return out;
  out.dims.emplace();
  for (const Expr& size : *shape) {
    out.dims->push_back(size.is_const() ? Dim(size.value()) : Dim(size.str()));
  }
  return out;
}

// Counts weights; tied ones share their storage and count once.
class Weights {
 public:
  explicit Weights(Facts& facts) : facts_(facts) {}
  void add(const Tensor& tensor) {
    auto view = tensor.storage ? tensor.storage->view() : std::span<const std::byte>();
    if (!view.empty() && !seen_.insert(view.data()).second) return;
    facts_.parameters += static_cast<uint64_t>(tensor.numel());
    facts_.parameter_bytes += tensor.nbytes();
  }

 private:
  Facts& facts_;
  std::set<const std::byte*> seen_;
};

void count_nodes(const onnx::Graph& graph, Facts& facts) {
  std::vector<const onnx::Graph*> todo = {&graph};
  while (!todo.empty()) {
    const onnx::Graph* g = todo.back();
    todo.pop_back();
    for (const onnx::Node* node = g->first(); node != nullptr; node = node->next) {
      ++facts.nodes;
      ++facts.operators[node->domain.empty() ? node->op_type : node->domain + "." + node->op_type];
      for (const onnx::Graph* body : onnx::subgraphs(*node)) todo.push_back(body);
    }
  }
}

Facts of_source(pipeline::Source& source) {
  const aten::Program& program = source.program();
  Facts facts;
  facts.kind = source.kind().description;
  facts.producer_wrote_it = source.kind().names_its_writer;
  facts.producer = program.producer;
  facts.notes = program.notes;
  auto port = [&](const std::string& name, aten::ValueId id) {
    if (!id.valid()) return TensorReport{name, "", std::nullopt};
    const aten::Value& value = program.value(id);
    return tensor_report(name.empty() ? value.name : name, value.dtype, value.shape);
  };
  for (const auto& input : program.inputs) facts.inputs.push_back(port(input.name, input.value));
  for (const auto& output : program.outputs)
    facts.outputs.push_back(port(output.name, output.value));
  aten::for_each_node(program.nodes, [&](const aten::Node& node) {
    ++facts.operators[node.full_name()];
    ++facts.nodes;
  });
  Weights weights(facts);
  for (const aten::Weight& weight : program.weights) weights.add(weight.tensor);
  for (const auto& [symbol, range] : program.ranges) {
    std::string most = range.max == INT64_MAX ? "any" : std::to_string(range.max);
    facts.notes.push_back(fmt::format("dimension {}: {} to {}", symbol, range.min, most));
  }
  return facts;
}

bool is_zip(const std::string& path) {
  const auto file = MappedFile::open(path);
  return file.ok() && (*file)->text().starts_with("PK");
}

}  // namespace

uint64_t size_on_disk(const std::string& path) {
  std::error_code error;
  uint64_t total = 0;
  for (const std::string& file : {path, path + ".data"}) {
    auto size = std::filesystem::file_size(file, error);
    if (!error) total += size;
  }
  return total;
}

Facts of_model(const onnx::Model& model) {
  Facts facts;
  facts.kind = "ONNX model";
  facts.producer = model.producer_name;
  if (!model.producer_version.empty()) facts.producer += " " + model.producer_version;
  facts.opset = model.opset();
  facts.ir_version = model.ir_version;
  for (const onnx::Value* v : model.graph->inputs) {
    if (!v->initializer) facts.inputs.push_back(tensor_report(v->name, v->dtype, v->shape));
  }
  for (const onnx::Value* v : model.graph->outputs()) {
    facts.outputs.push_back(tensor_report(v->name, v->dtype, v->shape));
  }
  count_nodes(*model.graph, facts);
  Weights weights(facts);
  for (const onnx::Value* v : model.graph->initializers()) weights.add(*v->initializer);
  for (const auto& [domain, version] : model.opset_imports) {
    if (!domain.empty()) facts.notes.push_back(fmt::format("uses {} {}", domain, version));
  }
  return facts;
}

Result<Facts> of_file(const std::string& path, const ExportConfig& config) {
  Facts facts;
  if (is_zip(path) || pipeline::recognise(path) != nullptr) {
    TRY_ASSIGN(const std::unique_ptr<pipeline::Source> source, pipeline::read_source(path, config));
    facts = of_source(*source);
  } else {
    TRY_ASSIGN(onnx::Model model, onnx::read_model(path));
    facts = of_model(model);
  }
  facts.file_bytes = size_on_disk(path);
  return facts;
}

}  // namespace onnxport::facts
