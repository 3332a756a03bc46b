#include "pipeline/facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "onnx/read.h"
#include "pipeline/source.h"

namespace onnxport::facts {
namespace {

constexpr const char* kScript = "TorchScript archive";

std::string port_text(const std::string& name, DType dtype, const std::optional<Shape>& shape) {
  return fmt::format("{}: {}{}", name, onnxport::name(dtype), shape ? to_string(*shape) : "[?]");
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
      for (const auto& [name, attribute] : node->attributes) {
        if (auto* body = std::get_if<onnx::Attribute::GraphRef>(&attribute.v)) {
          todo.push_back(body->get());
        }
      }
    }
  }
}

Facts of_program(const aten::Program& program, bool is_script) {
  Facts facts;
  facts.kind = is_script ? kScript : "PyTorch exported program";
  facts.producer = program.producer;
  facts.notes = program.notes;
  auto port = [&](const std::string& name, aten::ValueId id) {
    if (!id.valid()) return name + ": None";
    const aten::Value& value = program.value(id);
    return port_text(name.empty() ? value.name : name, value.dtype, value.shape);
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
  char magic[2] = {};
  std::ifstream(path, std::ios::binary).read(magic, 2);
  return magic[0] == 'P' && magic[1] == 'K';
}

std::string thousands(uint64_t n) {
  std::string digits = std::to_string(n);
  for (size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
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
    if (!v->initializer) facts.inputs.push_back(port_text(v->name, v->dtype, v->shape));
  }
  for (const onnx::Value* v : model.graph->outputs()) {
    facts.outputs.push_back(port_text(v->name, v->dtype, v->shape));
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
  if (is_zip(path)) {
    TRY_ASSIGN(Source source, Source::read(path, config));
    facts = of_program(source.program(), source.is_script());
  } else {
    TRY_ASSIGN(onnx::Model model, onnx::read_model(path));
    facts = of_model(model);
  }
  facts.file_bytes = size_on_disk(path);
  return facts;
}

std::string text(const Facts& facts, const std::string& path) {
  std::string out = fmt::format("{}\n  {}", path, facts.kind);
  const bool script = facts.kind == kScript;  // which does not say what wrote it
  if (!facts.producer.empty()) out += (script ? ", read by " : " by ") + facts.producer;
  if (facts.opset > 0)
    out += fmt::format(", opset {}, IR version {}", facts.opset, facts.ir_version);
  out += fmt::format("\n  size        {:.1f} MB\n  parameters  {} ({:.1f} MB)\n  nodes       {}\n",
                     static_cast<double>(facts.file_bytes) / 1e6, thousands(facts.parameters),
                     static_cast<double>(facts.parameter_bytes) / 1e6, facts.nodes);
  for (const std::string& line : facts.inputs) out += "  input       " + line + "\n";
  for (const std::string& line : facts.outputs) out += "  output      " + line + "\n";
  std::vector<std::pair<std::string, int>> operators(facts.operators.begin(),
                                                     facts.operators.end());
  std::stable_sort(operators.begin(), operators.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  if (!operators.empty()) out += "  operators\n";
  for (const auto& [op, count] : operators) out += fmt::format("    {:>6}  {}\n", count, op);
  for (const std::string& note : facts.notes) out += "  note        " + note + "\n";
  return out;
}

std::string json(const Facts& facts, const std::string& path) {
  nlohmann::ordered_json j;
  j["path"] = path;
  j["kind"] = facts.kind;
  j["producer"] = facts.producer;
  if (facts.opset > 0) {
    j["opset"] = facts.opset;
    j["ir_version"] = facts.ir_version;
  }
  j["file_bytes"] = facts.file_bytes;
  j["parameters"] = facts.parameters;
  j["parameter_bytes"] = facts.parameter_bytes;
  j["nodes"] = facts.nodes;
  j["inputs"] = facts.inputs;
  j["outputs"] = facts.outputs;
  j["operators"] = facts.operators;
  j["notes"] = facts.notes;
  return j.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace onnxport::facts
