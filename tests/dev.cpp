// For the tests in Python: what only the program's inside can show.
//
//   onnxport_dev schemas                    every rule's schema line
//   onnxport_dev types FILE                 what shape inference finds in an ONNX file
//   onnxport_dev wrong-rule NAME IN OUT     exports with the rule NAME made wrong: prints the
//   report
//   onnxport_dev wrong-simplify-rule KIND IN OUT
//                                           simplifies with a rule more that is wrong: `values`
//                                           makes a Sigmoid a Tanh, `invalid` an operator that
//                                           there is not
//   onnxport_dev options-schema             docs/config.schema.json
//   onnxport_dev options-page               docs/options.md
//   onnxport_dev options-keys               every key of a configuration file: command and example
#include <cstdio>
#include <string>
#include <utility>

#include "lower/rule.h"
#include "onnx/infer.h"
#include "onnx/read.h"
#include "onnxport/export.h"
#include "onnxport/simplify.h"
#include "options/document.h"
#include "options/table.h"
#include "simplify/rule.h"

namespace {

using onnxport::lower::Builder;
using onnxport::lower::Rule;
using onnxport::lower::Values;

int print_schemas() {
  for (const Rule* rule : onnxport::lower::all_rules()) std::puts(rule->schema_text);
  return 0;
}

// The rule's first output is negated: a mistake that no checker of the file can see.
int export_with_wrong_rule(const std::string& name, const char* source, const char* output) {
  auto* rule = const_cast<Rule*>(onnxport::lower::find_rule(name));
  if (rule == nullptr) {
    std::fprintf(stderr, "no rule %s\n", name.c_str());
    return 2;
  }
  rule->apply = [right = rule->apply](Builder& g, const auto& args) {
    Values values = right(g, args);
    values.front() = g.op("Neg", {values.front()});
    return values;
  };
  const onnxport::Report report = onnxport::export_model(source, output);
  std::puts(report.text().c_str());
  return report.exit_code();
}

// A mistake that the comparison has to find, or one that onnx.checker finds.
int simplify_with_wrong_rule(const std::string& kind, const char* source, const char* output) {
  using onnxport::simplify::done;
  using onnxport::simplify::Node;
  using onnxport::simplify::Rewriter;
  auto values = [](Rewriter& r, Node& node) {
    r.change_op(node, "Tanh", {});
    return done();
  };
  auto invalid = [](Rewriter& r, Node& node) {
    r.change_op(node, "NoSuchOperator", {});
    return done();
  };
  if (kind == "values") {
    onnxport::simplify::register_rule({"make_sigmoid_wrong", {"Sigmoid"}, false, values});
  } else if (kind == "invalid") {
    onnxport::simplify::register_rule({"make_sigmoid_invalid", {"Sigmoid"}, false, invalid});
  } else {
    std::fprintf(stderr, "no kind %s\n", kind.c_str());
    return 2;
  }
  const onnxport::SimplifyReport report = onnxport::simplify_model(source, output);
  std::puts(report.json().c_str());
  return report.exit_code();
}

std::string joined(const std::vector<onnxport::Expr>& sizes) {
  std::string text;
  for (const onnxport::Expr& size : sizes) {
    text += (&size != sizes.data() ? "\x1f" : "");
    text += onnxport::onnx::is_unknown_dim(size) ? "?" : size.str();
  }
  return text;
}

// What shape inference finds of every value between: a line each, with tabs between name, type,
// sizes and content; "-" where nothing is known.
int print_types(const char* source) {
  auto model = onnxport::onnx::read_model(source);
  if (!model.ok()) {
    std::fprintf(stderr, "%s\n", model.error().str().c_str());
    return 1;
  }
  std::vector<onnxport::Error> problems;
  if (!onnxport::onnx::infer(*model, &problems).ok()) return 1;
  for (const onnxport::Error& problem : problems) {
    std::fprintf(stderr, "%s\n", problem.str().c_str());
  }
  for (const auto& value : model->graph->values()) {
    if (value->producer == nullptr) continue;
    std::printf("%s\t%d\t%s\t%s\n", value->name.c_str(), static_cast<int>(value->dtype),
                value->shape ? ("[" + joined(*value->shape)).c_str() : "-",
                value->ints ? ("[" + joined(*value->ints)).c_str() : "-");
  }
  return 0;
}

// Key, kind of file and a value that is not the default, with tabs between.
int print_option_keys() {
  namespace options = onnxport::options;
  for (const auto& option : options::table()) {
    if (*option.key == '\0') continue;
    const std::string example = *option.example != '\0'      ? option.example
                                : options::turns_off(option) ? "false"
                                                             : "true";
    std::printf("%s\t%s\t%s\n", option.key,
                (option.commands & options::kSimplify) != 0 ? "simplify" : "export",
                example.c_str());
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  if (command == "types" && argc == 3) return print_types(argv[2]);
  if (command == "schemas" && argc == 2) return print_schemas();
  if (command == "options-keys" && argc == 2) return print_option_keys();
  if (command == "options-schema" && argc == 2) {
    return std::fputs(onnxport::options::schema().c_str(), stdout) < 0 ? 1 : 0;
  }
  if (command == "options-page" && argc == 2) {
    return std::fputs(onnxport::options::page().c_str(), stdout) < 0 ? 1 : 0;
  }
  if (command == "wrong-rule" && argc == 5) {
    return export_with_wrong_rule(argv[2], argv[3], argv[4]);
  }
  if (command == "wrong-simplify-rule" && argc == 5) {
    return simplify_with_wrong_rule(argv[2], argv[3], argv[4]);
  }
  std::fputs(
      "usage: onnxport_dev schemas | wrong-rule NAME IN OUT | wrong-simplify-rule KIND IN OUT\n",
      stderr);
  return 2;
}
