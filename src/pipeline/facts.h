// What there is to tell about a model or a file: for reports and `inspect`.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "onnx/graph.h"
#include "onnxport/export.h"

namespace onnxport::facts {

struct Facts {
  std::string kind;  // "ONNX model", "PyTorch exported program"
  std::string producer;
  int64_t opset = 0;  // 0 for a .pt2
  int64_t ir_version = 0;
  uint64_t file_bytes = 0;          // external data included
  std::vector<std::string> inputs;  // "input: float32[batch_size, 3, 224, 224]"
  std::vector<std::string> outputs;
  std::map<std::string, int> operators;
  size_t nodes = 0;
  uint64_t parameters = 0;  // elements of weights, shared ones once
  uint64_t parameter_bytes = 0;
  std::vector<std::string> notes;
};

Facts of_model(const onnx::Model& model);

// What a Report and a SimplifyReport tell of the model alike.
template <typename AnyReport>
void fill_summary(const onnx::Model& model, AnyReport& report) {
  Facts facts = of_model(model);
  report.opset = facts.opset;
  report.nodes = facts.nodes;
  report.operators = std::move(facts.operators);
  report.parameters = facts.parameters;
  report.inputs = std::move(facts.inputs);
  report.output_types = std::move(facts.outputs);
}

// A .onnx, .pt2 or TorchScript file, told apart by content. `config` is for the last: see
// pipeline/source.h.
Result<Facts> of_file(const std::string& path, const ExportConfig& config = {});

std::string text(const Facts& facts, const std::string& path);
std::string json(const Facts& facts, const std::string& path);

// The file, and the .data file beside it if there is one.
uint64_t size_on_disk(const std::string& path);

}  // namespace onnxport::facts
