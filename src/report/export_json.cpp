// A Report as JSON for a script.
#include "base/json_number.h"
#include "onnxport/report.h"
#include "report/describe.h"
#include "report/json_parts.h"

namespace onnxport {
namespace {

using report::Json;
using report::runs_json;
using report::seconds_json;
using report::tensors_json;

Json divergence_json(const DivergenceReport& d) {
  return {{"value", d.value},
          {"onnx_node", d.onnx_node},
          {"op_type", d.op_type},
          {"aten_op", d.aten_op},
          {"module_path", d.module_path},
          {"source", d.source},
          {"max_abs_difference", json_number<Json>(d.max_abs_difference)},
          {"reason", d.reason}};
}

}  // namespace

std::string Report::json() const {
  Json j;
  j["outcome"] = report::outcome_word(outcome);
  j["verified"] = verified;
  if (!error.empty()) j["error"] = error;
  j["source"] = source_path;
  j["output"] = output_path;
  j["format"] = format;
  j["opset"] = opset;
  j["file_bytes"] = file_bytes;
  j["parameters"] = parameters;
  j["nodes"] = nodes;
  j["nodes_before_simplify"] = nodes_before_simplify;
  j["inputs"] = tensors_json(inputs);
  j["outputs"] = tensors_json(outputs);
  j["comparison"] = Json::array();
  for (const OutputReport& o : comparison) {
    Json item = {{"name", o.name},
                 {"passed", o.passed},
                 {"max_abs_difference", json_number<Json>(o.max_abs_difference)},
                 {"max_rel_difference", json_number<Json>(o.max_rel_difference)},
                 {"scale", json_number<Json>(o.scale)}};
    if (o.float32_difference) {
      item["float32_difference"] = json_number<Json>(*o.float32_difference);
    }
    if (!o.reason.empty()) item["reason"] = o.reason;
    j["comparison"].push_back(std::move(item));
  }
  if (first_divergence) j["first_divergence"] = divergence_json(*first_divergence);
  j["runs"] = runs_json(runs);
  j["seconds"] = seconds_json(stages);
  j["operators"] = report::counts_json(operators);
  j["rules_fired"] = rules_fired;
  j["notes"] = notes;
  j["sandbox"] = sandbox;
  j["versions"] = {{"onnxport", onnxport_version},
                   {"torch", torch_version},
                   {"onnxruntime", onnxruntime_version}};
  return report::dumped(j);
}

}  // namespace onnxport
