#include "options/table.h"

#include "lower/opset_need.h"
#include "options/input_forms.h"
#include "options/rule_names.h"

namespace onnxport {

// What libonnx 1.23 and ONNX Runtime 1.32 both know.
int64_t newest_opset() { return 28; }

namespace options {
namespace {

constexpr double kMany = std::numeric_limits<double>::infinity();
constexpr const char* kSandboxHelp =
    "where the file is run: auto, behind as much of a wall as the kernel has; require, behind all of "
    "it or not at all; off, without one, for files that you trust";
constexpr const char* kMemoryHelp =
    "memory for each process of the run, in bytes or as 512M or 4G: what would take more is not "
    "folded, or refused";
constexpr const char* kMemoryUnset = "three quarters of what the machine has free";
constexpr const char* kTimeLimitHelp = "seconds for the whole run; 0: no limit";

template <auto member>
auto& of_export(Settings& settings) {
  return settings.config.*member;
}
template <auto member>
auto& of_simplify(Settings& settings) {
  return settings.simplify.*member;
}
template <auto member>
auto& of_command(Settings& settings) {
  return settings.*member;
}

Status check_skip(const Settings& s) { return check_rule_names(s.config.skip); }
Status check_simplify_skip(const Settings& s) { return check_rule_names(s.simplify.skip); }

Status check_sandbox(const std::string& mode) {
  if (mode == "auto" || mode == "require" || mode == "off") return {};
  return Error{"is auto, require or off, not `" + mode + "`", ""};
}
Status check_export_sandbox(const Settings& s) { return check_sandbox(s.config.sandbox); }
Status check_simplify_sandbox(const Settings& s) { return check_sandbox(s.simplify.sandbox); }

Status check_report_path(const Settings& s) {
  const std::string& path = s.report_path;
  if (path.empty() || path.ends_with(".json") || path.ends_with(".html")) return {};
  return Error{"name a file that ends in .json or .html, not `" + path + "`", ""};
}

Status check_static(const Settings& s) {
  if (!s.config.static_shapes || !has_axes(s.config.inputs)) return {};
  return Error{"there are no dynamic axes in a static export: leave one of the two out", ""};
}

// --trace-rules, --trace-rules=NAME
Status trace_from_texts(const std::vector<std::string>& texts, Settings& s) {
  s.simplify.trace = true;
  if (texts.back() != "true") s.simplify.trace_only = texts.back();
  return {};
}

std::vector<Option> made() {
  return {
      // What a command works on.
      {.flag = "model",
       .commands = kExport | kVerify,
       .value = &of_command<&Settings::source>,
       .help = "the model: a .pt2 or a TorchScript file",
       .required = true},
      {.flag = "onnx",
       .commands = kVerify,
       .value = &of_command<&Settings::onnx_path>,
       .help = "the ONNX file",
       .required = true},
      {.flag = "file",
       .commands = kCheck,
       .value = &of_command<&Settings::source>,
       .help = "an ONNX file",
       .required = true},
      {.flag = "file",
       .commands = kInspect,
       .value = &of_command<&Settings::source>,
       .help = "an .onnx, .pt2 or TorchScript file",
       .required = true},
      {.flag = "model",
       .commands = kSimplify,
       .value = &of_command<&Settings::source>,
       .help = "an ONNX file"},
      {.flag = "-o,--output",
       .commands = kExport,
       .value = &of_command<&Settings::output>,
       .help = "the ONNX file to write",
       .required = true},
      {.flag = "-o,--output",
       .commands = kSimplify,
       .value = &of_command<&Settings::output>,
       .help = "the ONNX file to write; the default is MODEL.simplified.onnx beside it"},
      {.flag = "--overwrite",
       .commands = kSimplify,
       .value = &of_simplify<&SimplifyConfig::overwrite>,
       .help = "the output may replace the original; without -o it does"},

      // An export, and what is compared with it.
      {.flag = "--opset",
       .key = "opset_version",
       .commands = kExport,
       .value = &of_export<&ExportConfig::opset_version>,
       .help = "ONNX operator set",
       .example = "18",
       .limits = {lower::kLeastOpset, static_cast<double>(newest_opset())}},
      {.flag = "--input-shape",
       .key = "input_shape",
       .commands = kOfExport,
       .value = Form{shapes_from_texts, shapes_from_json, kShapesSchema, "as the model says"},
       .help = "1,3,224,224 (inputs in order) or name:1,3,224,224; repeat it for several inputs",
       .example = R"({"input": [1, 3, 224, 224]})",
       .check = check_shapes},
      {.flag = "--dynamic-axes",
       .key = "dynamic_axes",
       .commands = kOfExport,
       .value = Form{axes_from_texts, axes_from_json, kAxesSchema, "axis 0 is batch_size"},
       .help = "input:0=batch_size,2=height, or JSON; the default is axis 0 as batch_size",
       .example = R"({"input": {"0": "batch_size", "2": "height"}})"},
      {.flag = "--static",
       .key = "static",
       .commands = kOfExport,
       .value = &of_export<&ExportConfig::static_shapes>,
       .help = "no dynamic axis: sizes of --input-shape, batch 1 without it",
       .check = check_static},
      {.flag = "--input-value",
       .key = "input_values",
       .commands = kOfExport,
       .value = Form{values_from_texts, values_from_json, kValuesSchema, ""},
       .help = "name=16000: an input of a TorchScript file that is not a tensor; it becomes a "
               "constant",
       .example = R"({"sampling_rate": 16000, "reduction": "mean"})",
       .check = check_values},
      {.flag = "--input-type",
       .key = "input_types",
       .commands = kOfExport,
       .value = Form{types_from_texts, types_from_json, kTypesSchema, "float32"},
       .help = "name=int64: element type of an input of a TorchScript file; the default is float32",
       .example = R"({"input_ids": "int64"})",
       .check = check_types},
      {.flag = "--input-range",
       .key = "input_ranges",
       .commands = kExport | kVerify,
       .value = Form{ranges_from_texts, ranges_from_json, kRangesSchema,
                     "normal floats, integers from 0 to 9"},
       .help = "name=0..9: what the comparison draws an input's values from, both ends included",
       .example = R"({"input": [-1, 1]})",
       .check = check_ranges},
      {.flag = "--input-names",
       .key = "input_names",
       .commands = kExport,
       .value = Form{names_from_texts, names_from_json, kNamesSchema,
                     "input, or the names of forward()", false},
       .help = "names in the file, separated by commas",
       .example = R"(["input"])"},
      {.flag = "--output-names",
       .key = "output_names",
       .commands = kExport,
       .value = &of_export<&ExportConfig::output_names>,
       .help = "names in the file, separated by commas",
       .example = R"(["logits"])",
       .commas = true},
      {.flag = "--format",
       .key = "format",
       .commands = kExport,
       .value = &of_export<&ExportConfig::format>,
       .help = "what to write",
       .example = R"("onnx")"},
      {.flag = "--no-simplify",
       .key = "simplify",
       .commands = kExport,
       .value = &of_export<&ExportConfig::simplify>,
       .help = "write the graph as it was lowered"},
      {.flag = "--exact",
       .key = "exact",
       .commands = kExport,
       .value = &of_export<&ExportConfig::exact>,
       .help = "simplify without the rules that change the rounding of floats"},
      {.flag = "--skip",
       .key = "skip",
       .commands = kExport,
       .value = &of_export<&ExportConfig::skip>,
       .help =
           "a rule of the simplifier to leave out, see `onnxport simplify --list-rules`; repeat "
           "it for several",
       .example = R"(["fuse_batch_normalization"])",
       .check = check_skip},
      {.flag = "--no-check",
       .key = "check",
       .commands = kExport,
       .value = &of_export<&ExportConfig::check>,
       .help = "leave out ONNX's own checker"},
      {.flag = "--no-verify",
       .key = "verify",
       .commands = kExport,
       .value = &of_export<&ExportConfig::verify>,
       .help = "leave out the comparison with PyTorch"},
      {.flag = "--tolerance",
       .key = "tolerance",
       .commands = kExport | kVerify,
       .value = &of_export<&ExportConfig::tolerance>,
       .help = "largest difference allowed, relative to the output's scale where that is over 1",
       .example = "1e-3",
       .limits = {0, kMany}},
      {.flag = "--seeds",
       .key = "seeds",
       .commands = kExport | kVerify,
       .value = &of_export<&ExportConfig::seeds>,
       .help = "random inputs to compare on",
       .example = "5",
       .limits = {1, 1000}},
      {.flag = "--run-limit",
       .key = "run_limit",
       .commands = kExport | kVerify,
       .value = &of_export<&ExportConfig::run_limit>,
       .help = "seconds for one run of a model with a loop that may not end; 0: no limit",
       .example = "60",
       .limits = {0, kMany}},
      {.flag = "--sandbox",
       .key = "sandbox",
       .commands = kOfExport,
       .value = &of_export<&ExportConfig::sandbox>,
       .help = kSandboxHelp,
       .example = R"("require")",
       .check = check_export_sandbox},
      {.flag = "--allow-nan",
       .key = "allow_nan",
       .commands = kExport | kVerify,
       .value = &of_export<&ExportConfig::allow_nan>,
       .help = "accept NaN where PyTorch's own output has it"},
      {.flag = "--dump-program",
       .key = "dump_program",
       .commands = kExport,
       .value = &of_export<&ExportConfig::dump_program>,
       .help = "write the program as it was read to this file, as text",
       .example = R"("program.txt")"},
      {.flag = "--dump-graph",
       .key = "dump_graph",
       .commands = kExport,
       .value = &of_export<&ExportConfig::dump_graph>,
       .help = "write the graph of each stage as text: PREFIX.lowered.txt, PREFIX.simplified.txt",
       .example = R"("graph")"},

      {.flag = "--memory",
       .key = "memory",
       .commands = kOfExport,
       .value = Form{memory_from_texts, memory_from_json, kMemorySchema, kMemoryUnset, false},
       .help = kMemoryHelp,
       .example = R"("4G")",
       .check = check_memory},
      {.flag = "--time-limit",
       .key = "time_limit",
       .commands = kOfExport,
       .value = &of_export<&ExportConfig::time_limit>,
       .help = kTimeLimitHelp,
       .example = "600",
       .limits = {0, kMany}},

      // A simplification.
      {.flag = "--input-shape",
       .key = "input_shape",
       .commands = kSimplify,
       .value = Form{simplify_shapes_from_texts, simplify_shapes_from_json, kSimplifyShapesSchema,
                     "as the model says"},
       .help = "fix dynamic sizes: 1,3,224,224 (inputs in order) or name:1,3,224,224, -1 keeps a "
               "size; repeat it for several inputs",
       .example = R"({"input": [1, 3, 224, -1]})",
       .check = check_simplify_shapes},
      {.flag = "--skip",
       .key = "skip",
       .commands = kSimplify,
       .value = &of_simplify<&SimplifyConfig::skip>,
       .help = "a rule to leave out; repeat it for several",
       .example = R"(["fuse_batch_normalization"])",
       .check = check_simplify_skip},
      {.flag = "--exact",
       .key = "exact",
       .commands = kSimplify,
       .value = &of_simplify<&SimplifyConfig::exact>,
       .help = "leave out the rules that change the rounding of floats"},
      {.flag = "--max-growth",
       .key = "max_growth",
       .commands = kSimplify,
       .value = Form{growth_from_texts, growth_from_json, kGrowthSchema, "1%", false},
       .help = "how much larger folding may make the file: 65536, 64K, 1M or 2%; the default is 1%",
       .example = R"("64K")",
       .check = check_growth},
      {.flag = "--no-check",
       .key = "check",
       .commands = kSimplify,
       .value = &of_simplify<&SimplifyConfig::check>,
       .help = "leave out onnx.checker and the comparison with the original"},
      {.flag = "--tolerance",
       .key = "tolerance",
       .commands = kSimplify,
       .value = &of_simplify<&SimplifyConfig::tolerance>,
       .help = "largest difference allowed, relative to an output's largest value",
       .example = "1e-3",
       .limits = {0, kMany}},
      {.flag = "--threads",
       .key = "threads",
       .commands = kSimplify,
       .value = &of_simplify<&SimplifyConfig::threads>,
       .help = "threads of ONNX Runtime",
       .example = "4",
       .limits = {1, 1024}},
      {.flag = "--sandbox",
       .key = "sandbox",
       .commands = kSimplify,
       .value = &of_simplify<&SimplifyConfig::sandbox>,
       .help = kSandboxHelp,
       .example = R"("require")",
       .check = check_simplify_sandbox},
      {.flag = "--memory",
       .key = "memory",
       .commands = kSimplify,
       .value = Form{simplify_memory_from_texts, simplify_memory_from_json, kMemorySchema,
                     kMemoryUnset, false},
       .help = kMemoryHelp,
       .example = R"("4G")",
       .check = check_simplify_memory},
      {.flag = "--time-limit",
       .key = "time_limit",
       .commands = kSimplify,
       .value = &of_simplify<&SimplifyConfig::time_limit>,
       .help = kTimeLimitHelp,
       .example = "600",
       .limits = {0, kMany}},
      {.flag = "--trace-rules",
       .commands = kSimplify,
       .value = Form{trace_from_texts, nullptr, "", "", false, true},
       .help = "print each application of a rule, in order, and why rules leave the nodes that are "
               "left; --trace-rules=NAME only those of this rule or this node"},
      {.flag = "--list-rules",
       .commands = kSimplify,
       .value = &of_command<&Settings::list_rules>,
       .help = "print the names of all rules"},

      // Of the command itself.
      {.flag = "--config",
       .commands = kOfExport | kSimplify,
       .value = &of_command<&Settings::config_path>,
       .help = "settings as a JSON file; options win over it"},
      {.flag = "--report",
       .commands = kExport | kVerify | kSimplify,
       .value = &of_command<&Settings::report_path>,
       .help = "write a report: .json or .html",
       .check = check_report_path},
      {.flag = "--json",
       .commands = kExport | kVerify | kSimplify,
       .value = &of_command<&Settings::json>,
       .help = "print the report as JSON"},
      {.flag = "--json",
       .commands = kInspect,
       .value = &of_command<&Settings::json>,
       .help = "as JSON"},
      {.flag = "-q,--quiet",
       .commands = kExport | kVerify | kCheck | kSimplify,
       .value = &of_command<&Settings::quiet>,
       .help = "print only failures"},
  };
}

}  // namespace

const std::vector<Option>& table() {
  static const auto* rows = new std::vector<Option>(made());
  return *rows;
}

std::vector<const Option*> rows_of(unsigned commands) {
  std::vector<const Option*> out;
  for (const Option& option : table()) {
    if ((option.commands & commands) != 0) out.push_back(&option);
  }
  return out;
}

}  // namespace options
}  // namespace onnxport
