#include "report/shown.h"

#include "base/printable.h"

namespace onnxport::report {
namespace {

constexpr size_t kMostOfPath = 4096;

void line(std::string& text) { text = printable_line(text); }
void path(std::string& text) { text = printable_line(text, kMostOfPath); }
void message(std::string& text) { text = printable_message(text); }

void lines(std::vector<std::string>& texts) {
  for (std::string& text : texts) line(text);
}
void messages(std::vector<std::string>& texts) {
  for (std::string& text : texts) message(text);
}

void tensors(std::vector<TensorReport>& all) {
  for (TensorReport& tensor : all) {
    line(tensor.name);
    line(tensor.dtype);
    if (!tensor.dims) continue;
    for (Dim& dim : *tensor.dims) {
      if (auto* name = std::get_if<std::string>(&dim)) line(*name);
    }
  }
}

// Names that are cut to the same are counted together.
void names(std::map<std::string, int>& counts) {
  std::map<std::string, int> out;
  for (const auto& [name, count] : counts) out[printable_line(name)] += count;
  counts = std::move(out);
}

void base(ReportBase& report) {
  message(report.error);
  path(report.source_path);
  path(report.output_path);
  names(report.operators);
  tensors(report.inputs);
  tensors(report.outputs);
  for (RunReport& run : report.runs) {
    line(run.values);
    tensors(run.inputs);
  }
  messages(report.notes);
  line(report.onnxruntime_version);
}

template <typename Outputs>
void comparison(Outputs& outputs) {
  for (auto& output : outputs) {
    line(output.name);
    message(output.reason);
  }
}

}  // namespace

Report shown(Report report) {
  base(report);
  line(report.format);
  line(report.torch_version);
  comparison(report.comparison);
  if (report.first_divergence) {
    DivergenceReport& d = *report.first_divergence;
    for (std::string* text :
         {&d.value, &d.onnx_node, &d.op_type, &d.aten_op, &d.module_path, &d.source}) {
      line(*text);
    }
    message(d.reason);
  }
  return report;
}

SimplifyReport shown(SimplifyReport report) {
  base(report);
  names(report.operators_before);
  comparison(report.comparison);
  for (WrongRule& w : report.wrong_rules) {
    line(w.node);
    line(w.op_type);
    message(w.reason);
  }
  for (RuleApplication& a : report.trace) {
    line(a.node);
    line(a.op_type);
  }
  for (RuleRefusal& group : report.refusals) {
    message(group.reason);
    lines(group.nodes);
  }
  return report;
}

facts::Facts shown(facts::Facts facts) {
  line(facts.kind);
  line(facts.producer);
  tensors(facts.inputs);
  tensors(facts.outputs);
  names(facts.operators);
  messages(facts.notes);
  return facts;
}

}  // namespace onnxport::report
