// What there is to tell about a model or a file: for reports and `inspect`. report/facts_report.h
// draws it.
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
  bool producer_wrote_it = true;  // false: it is what read the file
  int64_t opset = 0;              // 0 for what is not ONNX
  int64_t ir_version = 0;
  uint64_t file_bytes = 0;  // external data included
  std::vector<TensorReport> inputs;
  std::vector<TensorReport> outputs;
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
  report.outputs = std::move(facts.outputs);
}

// An ONNX file or a source of any kind, told apart by content. `config` is for sources that do not
// say everything themselves: see pipeline/source.h.
Result<Facts> of_file(const std::string& path, const ExportConfig& config = {});

// The file, and the .data file beside it if there is one.
uint64_t size_on_disk(const std::string& path);

}  // namespace onnxport::facts
