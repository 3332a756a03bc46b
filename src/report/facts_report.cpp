#include "report/facts_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"
#include "report/json_parts.h"
#include "report/shown.h"

namespace onnxport::report {
namespace {

std::string thousands(uint64_t n) {
  std::string digits = std::to_string(n);
  for (size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

}  // namespace

std::string facts_text(const facts::Facts& as_read, const std::string& path) {
  const facts::Facts facts = shown(as_read);
  std::string out = fmt::format("{}\n  {}", printable_line(path), facts.kind);
  if (!facts.producer.empty()) {
    out += (facts.producer_wrote_it ? " by " : ", read by ") + facts.producer;
  }
  if (facts.opset > 0)
    out += fmt::format(", opset {}, IR version {}", facts.opset, facts.ir_version);
  out += fmt::format("\n  size        {:.1f} MB\n  parameters  {} ({:.1f} MB)\n  nodes       {}\n",
                     static_cast<double>(facts.file_bytes) / 1e6, thousands(facts.parameters),
                     static_cast<double>(facts.parameter_bytes) / 1e6, facts.nodes);
  for (const TensorReport& input : facts.inputs) out += "  input       " + input.text() + "\n";
  for (const TensorReport& output : facts.outputs) out += "  output      " + output.text() + "\n";
  std::vector<std::pair<std::string, int>> operators(facts.operators.begin(),
                                                     facts.operators.end());
  std::stable_sort(operators.begin(), operators.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  if (!operators.empty()) out += "  operators\n";
  for (const auto& [op, count] : operators) out += fmt::format("    {:>6}  {}\n", count, op);
  for (const std::string& note : facts.notes) out += "  note        " + note + "\n";
  return out;
}

std::string facts_json(const facts::Facts& facts, const std::string& path) {
  Json j;
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
  j["inputs"] = tensors_json(facts.inputs);
  j["outputs"] = tensors_json(facts.outputs);
  j["operators"] = counts_json(facts.operators);
  j["notes"] = facts.notes;
  return dumped(j);
}

}  // namespace onnxport::report
