// A SimplifyReport as JSON for a script.
#include "base/json_number.h"
#include "onnxport/report.h"
#include "report/describe.h"
#include "report/json_parts.h"

namespace onnxport {

using report::Json;

std::string SimplifyReport::json() const {
  Json j;
  j["outcome"] = report::outcome_word(outcome);
  if (!error.empty()) j["error"] = error;
  j["source"] = source_path;
  j["output"] = output_path;
  j["opset"] = opset;
  j["file_bytes"] = file_bytes;
  j["file_bytes_before"] = file_bytes_before;
  j["parameters"] = parameters;
  j["parameters_before"] = parameters_before;
  j["nodes"] = nodes;
  j["nodes_before"] = nodes_before;
  j["operators"] = report::counts_json(operators);
  j["operators_before"] = report::counts_json(operators_before);
  j["inputs"] = report::tensors_json(inputs);
  j["outputs"] = report::tensors_json(outputs);
  j["checked"] = checked;
  j["compared"] = compared;
  j["identical"] = identical;
  j["comparison"] = Json::array();
  for (const OutputMatch& o : comparison) {
    Json item = {{"name", o.name},
                 {"passed", o.passed},
                 {"identical", o.identical},
                 {"max_abs_difference", json_number<Json>(o.max_abs_difference)},
                 {"max_rel_difference", json_number<Json>(o.max_rel_difference)},
                 {"scale", json_number<Json>(o.scale)}};
    if (!o.reason.empty()) item["reason"] = o.reason;
    j["comparison"].push_back(std::move(item));
  }
  j["runs"] = report::runs_json(runs);
  j["rules_fired"] = rules_fired;
  j["wrong_rules"] = Json::array();
  for (const WrongRule& w : wrong_rules) {
    j["wrong_rules"].push_back(
        {{"rule", w.rule}, {"node", w.node}, {"op_type", w.op_type}, {"reason", w.reason}});
  }
  if (!trace.empty()) {
    j["trace"] = Json::array();
    for (const RuleApplication& a : trace) {
      j["trace"].push_back({{"rule", a.rule},
                            {"node", a.node},
                            {"op_type", a.op_type},
                            {"removed", a.removed},
                            {"made", a.made}});
    }
  }
  if (!refusals.empty()) {
    j["refusals"] = Json::array();
    for (const RuleRefusal& group : refusals) {
      j["refusals"].push_back(
          {{"rule", group.rule}, {"reason", group.reason}, {"nodes", group.nodes}});
    }
  }
  j["seconds"] = report::seconds_json(stages);
  j["notes"] = notes;
  j["sandbox"] = sandbox;
  j["versions"] = {{"onnxport", onnxport_version}, {"onnxruntime", onnxruntime_version}};
  return report::dumped(j);
}

}  // namespace onnxport
