// A Report as text for a screen and as JSON for a script. html.cpp has the page.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/json_number.h"
#include "onnxport/export.h"
#include "pipeline/footer.h"

namespace onnxport {
namespace {

using Json = nlohmann::ordered_json;

const char* outcome_word(Outcome outcome) {
  switch (outcome) {
    case Outcome::kPassed:
      return "passed";
    case Outcome::kDiffers:
      return "differs";
    case Outcome::kRefused:
      return "refused";
  }
  return "";
}

std::string verdict_line(const Report& r) {
  if (r.outcome == Outcome::kRefused) return "Failed ✗  nothing was written";
  const char* verdict = r.outcome == Outcome::kDiffers ? "Failed ✗"
                        : r.verified                   ? "Passed ✓"
                                                       : "Written (not verified)";
  return fmt::format("{}  {}  {:.2f} MB, {} nodes, opset {}", verdict, r.output_path,
                     static_cast<double>(r.file_bytes) / 1e6, r.nodes, r.opset);
}

std::string output_line(const OutputReport& o) {
  std::string line =
      fmt::format("  {} {}  max abs {:.2e}, max rel {:.2e}, values to {:.3g}", o.passed ? "✓" : "✗",
                  o.name, o.max_abs_difference, o.max_rel_difference, o.scale);
  if (o.float32_difference) {
    line += fmt::format(" (float32 itself loses {:.2e})", *o.float32_difference);
  }
  if (!o.reason.empty()) line += "\n      " + o.reason;
  return line + "\n";
}

}  // namespace

std::string Report::text() const {
  std::string out = verdict_line(*this) + "\n";
  if (outcome == Outcome::kRefused) return out + "  " + error + "\n";
  if (!error.empty()) out += "  " + error + "\n";
  for (const std::string& line : inputs) out += "  in   " + line + "\n";
  for (const std::string& line : output_types) out += "  out  " + line + "\n";
  for (const OutputReport& o : outputs) out += output_line(o);
  if (!first_divergence.empty()) out += "  first difference: " + first_divergence + "\n";
  if (verified) {
    out += fmt::format("  verified in {} runs: ONNX Runtime {} against PyTorch {}\n", runs.size(),
                       onnxruntime_version, torch_version);
  }
  return out + footer(stages, notes);
}

std::string Report::json() const {
  Json j;
  j["outcome"] = outcome_word(outcome);
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
  j["inputs"] = inputs;
  j["outputs"] = output_types;
  j["comparison"] = Json::array();
  for (const OutputReport& o : outputs) {
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
  if (!first_divergence.empty()) j["first_divergence"] = first_divergence;
  j["runs"] = runs;
  j["seconds"] = Json::object();
  for (const Stage& stage : stages) j["seconds"][stage.name] = stage.seconds;
  j["operators"] = operators;
  j["rules_fired"] = rules_fired;
  j["notes"] = notes;
  j["versions"] = {{"onnxport", onnxport_version},
                   {"torch", torch_version},
                   {"onnxruntime", onnxruntime_version}};
  return j.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace onnxport
