#include "read/pt2_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "read/graph_scope.h"
#include "read/source_location.h"
#include "read/tree_spec.h"

namespace onnxport::read {

using aten::Arg;
using aten::Node;
using aten::ValueId;
using formats::JsonArray;
using formats::JsonObject;
using formats::JsonUnion;
using formats::JsonValue;
using OutputName = GraphScope::OutputName;
using Ref = aten::ProgramBuilder::Ref;

namespace {

// torch/_export/serde/schema.py SCHEMA_VERSION: 2.4 wrote 5 or 6, 2.5 7, 2.6 to 2.15 8. A major
// version changes when old readers would misunderstand the file.
constexpr int64_t kOldestSchema = 5;
constexpr int64_t kNewestSchema = 8;

// Calls that compute nothing: they stop a run whose data or sizes break an assumption.
bool only_asserts(const std::string& op) {
  static constexpr std::array<std::string_view, 10> kAsserts = {
      "aten::_assert_async",
      "aten::_assert_scalar",
      "aten::_assert_tensor_metadata",
      "aten::_functional_assert_async",
      "aten::_functional_assert_scalar",
      "aten::_functional_sym_constrain_range",
      "aten::_functional_sym_constrain_range_for_size",
      "aten::_make_dep_token",
      "aten::sym_constrain_range",
      "aten::sym_constrain_range_for_size"};
  return std::find(kAsserts.begin(), kAsserts.end(), op) != kAsserts.end();
}

// "torch.ops.aten.conv2d.default" -> aten::conv2d; "_operator.mul" -> _operator::mul.
void set_target(Node& node, std::string_view target) {
  constexpr std::string_view kOps = "torch.ops.";
  if (!target.starts_with(kOps)) {
    size_t dot = target.rfind('.');
    node.op = dot == std::string_view::npos
                  ? std::string(target)
                  : std::string(target.substr(0, dot)) + "::" + std::string(target.substr(dot + 1));
    return;
  }
  target.remove_prefix(kOps.size());
  size_t space_end = target.find('.');
  std::string_view space = target.substr(0, space_end);
  std::string_view rest = space_end == std::string_view::npos ? "" : target.substr(space_end + 1);
  size_t name_end = space == "higher_order" ? std::string_view::npos : rest.find('.');
  node.op = std::string(space) + "::" + std::string(rest.substr(0, name_end));
  if (name_end != std::string_view::npos) node.overload = std::string(rest.substr(name_end + 1));
  if (node.overload == "default") node.overload.clear();
}

class GraphReader {
 public:
  GraphReader(JsonObject root, Pt2Archive& archive, const Limits& limits)
      : root_(root), archive_(archive), limits_(limits) {}

  Result<aten::Program> run() {
    TRY(check_version());
    TRY(ranges());
    TRY_ASSIGN(JsonObject module, formats::object_field(root_, "graph_module"));
    TRY_ASSIGN(JsonObject graph, formats::object_field(module, "graph"));
    TRY_ASSIGN(JsonObject signature, formats::object_field(module, "signature"));
    TRY_ASSIGN(GraphScope scope, GraphScope::open(graph, shared_));
    if (Status s = inputs(scope, signature); !s.ok()) return std::move(s).error().at("input_specs");
    TRY(nodes(scope, 0));
    if (Status s = outputs(scope, signature, module); !s.ok()) {
      return std::move(s).error().at("output_specs");
    }
    for (std::string& note : archive_.notes) program().notes.push_back(std::move(note));
    return std::move(program());
  }

 private:
  aten::Program& program() { return shared_.builder.program(); }
  void note(std::string text) { program().notes.push_back(std::move(text)); }

  Status check_version() {
    std::string_view torch = "torch 2.4 or earlier";
    if (auto version = formats::json_optional(root_, "torch_version")) {
      TRY_ASSIGN(torch, formats::json_string(*version, "torch_version"));
    }
    program().producer = (torch.starts_with("torch") ? "" : "torch ") + std::string(torch);
    TRY_ASSIGN(JsonObject schema, formats::object_field(root_, "schema_version"));
    TRY_ASSIGN(int64_t major, formats::int_field(schema, "major"));
    TRY_ASSIGN(int64_t minor, formats::int_field(schema, "minor"));
    if (major >= kOldestSchema && major <= kNewestSchema) return {};
    return Error{
        fmt::format("has schema version {}.{} (saved by {}); versions {} to {} can be read, which "
                    "torch 2.4 to 2.15 write. Save it again with one of those",
                    major, minor, program().producer, kOldestSchema, kNewestSchema),
        ""};
  }

  Status ranges() {
    auto value = formats::json_optional(root_, "range_constraints");
    if (!value) return {};
    TRY_ASSIGN(JsonObject ranges, formats::json_object(*value, "range_constraints"));
    for (simdjson::dom::key_value_pair field : ranges) {
      auto symbol = Expr::parse(field.key);
      if (!symbol.ok() || !symbol->is_symbol()) continue;  // a relation between symbols, not one
      TRY_ASSIGN(JsonObject range, formats::json_object(field.value, field.key));
      Range out;
      out.min = std::max<int64_t>(0, bound(range, "min_val", 0));
      out.max = bound(range, "max_val", INT64_MAX);
      program().ranges[std::string(field.key)] = out;
    }
    return {};
  }

  // sympy's infinity has been written as null, and as numbers near 2^63.
  static int64_t bound(JsonObject range, std::string_view name, int64_t otherwise) {
    auto value = formats::json_optional(range, name);
    int64_t n = 0;
    if (!value || value->get(n) != simdjson::SUCCESS) return otherwise;
    return n >= INT64_MAX - 1 ? INT64_MAX : n;
  }

  // --- inputs
  // -------------------------------------------------------------------------------------
  Status inputs(GraphScope& scope, JsonObject signature) {
    TRY_ASSIGN(JsonArray specs, formats::array_field(signature, "input_specs"));
    for (JsonValue value : specs) {
      TRY_ASSIGN(JsonUnion spec, formats::json_union(value, "input spec"));
      TRY_ASSIGN(JsonObject body, formats::json_object(spec.value, spec.tag));
      TRY(input(scope, spec.tag, body));
    }
    return {};
  }

  Status input(GraphScope& scope, std::string_view kind, JsonObject spec) {
    if (kind == "user_input") return user_input(scope, spec);
    if (kind == "parameter") return weight(scope, spec, "parameter_name", archive_.state);
    if (kind == "tensor_constant")
      return weight(scope, spec, "tensor_constant_name", archive_.constants);
    if (kind == "buffer") {
      bool persistent = true;
      if (auto value = formats::json_optional(spec, "persistent")) {
        TRY_ASSIGN(persistent, formats::json_bool(*value, "persistent"));
      }
      return weight(scope, spec, "buffer_name", persistent ? archive_.state : archive_.constants);
    }
    if (kind == "constant_input") {
      TRY_ASSIGN(std::string_view name, formats::string_field(spec, "name"));
      TRY_ASSIGN(JsonValue value, formats::json_field(spec, "value"));
      note(
          fmt::format("input `{}` is not a tensor: it was fixed when the program was exported ({})",
                      name, std::string(simdjson::minify(value))));
      return {};
    }
    if (kind == "token") return {};
    if (kind == "custom_obj")
      return Error{"the program uses a torchbind object, which cannot be read", ""};
    return Error{fmt::format("an input has the unknown kind `{}`", kind), ""};
  }

  Status weight(GraphScope& scope, JsonObject spec, std::string_view name_field,
                std::unordered_map<std::string, Tensor>& tensors) {
    TRY_ASSIGN(JsonObject arg, formats::object_field(spec, "arg"));
    TRY_ASSIGN(std::string_view name, formats::string_field(arg, "name"));
    TRY_ASSIGN(std::string_view fqn_view, formats::string_field(spec, name_field));
    std::string fqn(fqn_view);
    auto it = tensors.find(fqn);
    if (it == tensors.end()) {  // versions differ in where a non-persistent buffer is kept
      auto& other = &tensors == &archive_.state ? archive_.constants : archive_.state;
      it = other.find(fqn);
      if (it == other.end()) {
        return Error{
            fmt::format("the archive has no data for `{}`; was the program saved without its "
                        "weights? Save it again with torch.export.save",
                        fqn),
            ""};
      }
    }
    TRY_ASSIGN(const Ref defined, scope.define_tensor(name));
    const Tensor& tensor = it->second;
    const aten::Value& value = program().value(defined.id());
    Shape stored(tensor.dims.begin(), tensor.dims.end());
    if (value.dtype != tensor.dtype || value.shape != stored) {
      return Error{fmt::format("the program says `{}` is {} {}, but the archive has {} {}", fqn,
                               onnxport::name(value.dtype), to_string(*value.shape),
                               onnxport::name(tensor.dtype), to_string(stored)),
                   ""};
    }
    shared_.builder.add_weight(defined, std::move(fqn), tensor);
    return {};
  }

  Status user_input(GraphScope& scope, JsonObject spec) {
    TRY_ASSIGN(JsonValue arg, formats::json_field(spec, "arg"));
    TRY_ASSIGN(JsonUnion u, formats::json_union(arg, "arg"));
    if (u.tag == "as_tensor") {
      TRY_ASSIGN(JsonObject tensor, formats::json_object(u.value, u.tag));
      TRY_ASSIGN(std::string_view name, formats::string_field(tensor, "name"));
      TRY_ASSIGN(const Ref defined, scope.define_tensor(name));
      shared_.builder.add_input(defined, std::string(name));
      return {};
    }
    if (u.tag == "as_sym_int") {
      TRY_ASSIGN(JsonUnion inner, formats::json_union(u.value, u.tag));
      TRY_ASSIGN(std::string_view name, formats::json_string(inner.value, inner.tag));
      auto size = scope.size(name);
      if (size) {  // the symbol may be a tensor's size too: then it can be had from there
        for (std::string& symbol : size->symbols()) shared_.known_symbols.insert(std::move(symbol));
      }
      note(fmt::format("input `{}` is a Python integer ({}), not a tensor: it is left out", name,
                       size ? size->str() : "unknown"));
      return {};
    }
    note(fmt::format("input {} is not a tensor ({}): it was fixed when the program was exported",
                     program().inputs.size(), std::string(simdjson::minify(arg))));
    return {};
  }

  // --- nodes
  // --------------------------------------------------------------------------------------
  Status nodes(GraphScope& scope, int depth) {
    TRY_ASSIGN(JsonArray list, formats::array_field(scope.graph(), "nodes"));
    size_t index = 0;
    for (JsonValue value : list) {
      if (Status s = node(scope, value, depth); !s.ok()) {
        return std::move(s).error().at(fmt::format("node {}{}", index, describe(value)));
      }
      if (program().nodes.size() > limits_.max_nodes) {
        return Error{fmt::format("has more than {} nodes", limits_.max_nodes), ""};
      }
      ++index;
    }
    return {};
  }

  static std::string describe(JsonValue value) {
    std::string_view target;
    if (value["target"].get(target) != simdjson::SUCCESS) return "";
    std::string out = fmt::format(" ({})", target);
    std::string_view stack;
    if (value["metadata"]["nn_module_stack"].get(stack) == simdjson::SUCCESS) {
      if (std::string path = innermost_module(stack).path; !path.empty()) out += " in " + path;
    }
    if (value["metadata"]["stack_trace"].get(stack) == simdjson::SUCCESS) {
      if (std::string line = source_line(stack); !line.empty()) out += " at " + line;
    }
    return out;
  }

  Status node(GraphScope& scope, JsonValue value, int depth) {
    TRY_ASSIGN(JsonObject json, formats::json_object(value, "node"));
    TRY_ASSIGN(std::string_view target, formats::string_field(json, "target"));
    Node out;
    set_target(out, target);
    if (only_asserts(out.op)) return {};
    TRY_ASSIGN(JsonArray output_list, formats::array_field(json, "outputs"));
    TRY_ASSIGN(std::vector<OutputName> names, GraphScope::output_names(output_list));
    if (is_size_only(scope, names)) return {};
    TRY_ASSIGN(JsonArray inputs, formats::array_field(json, "inputs"));
    TRY_ASSIGN(bool inlined, inline_wrapper(scope, out.op, inputs, names, depth));
    if (inlined) return {};
    for (JsonValue input : inputs) {
      TRY_ASSIGN(JsonObject named, formats::json_object(input, "input"));
      TRY_ASSIGN(std::string_view name, formats::string_field(named, "name"));
      TRY_ASSIGN(JsonValue arg_json, formats::json_field(named, "arg"));
      auto arg = scope.argument(arg_json);
      if (!arg.ok()) return std::move(arg).error().at(fmt::format("argument `{}`", name));
      out.args.push_back({std::string(name), std::move(arg).value()});
    }
    set_location(out, json);
    for (const OutputName& name : names) {
      Ref defined;  // of None: no value
      if (name.kind == OutputName::Kind::kTensor) {
        TRY_ASSIGN(defined, scope.define_tensor(name.name));
      } else if (name.kind != OutputName::Kind::kNone) {
        TRY_ASSIGN(defined, scope.define_scalar(name.name));
      }
      out.outputs.push_back(defined.id());
    }
    shared_.builder.add(std::move(out));
    return {};
  }

  // True when every output is an integer made of symbols that tensors' sizes, or scalars that are
  // computed already, give. What is computed from data (aten::item) brings a new symbol.
  bool is_size_only(GraphScope& scope, const std::vector<OutputName>& names) const {
    if (names.empty()) return false;
    for (const OutputName& name : names) {
      if (name.kind != OutputName::Kind::kSymInt) return false;
      auto size = scope.size(name.name);
      if (!size) return false;
      if (size->is_const()) continue;
      for (const std::string& symbol : size->symbols()) {
        if (!shared_.known_symbols.contains(symbol)) return false;
      }
    }
    return true;
  }

  static void set_location(Node& node, JsonObject json) {
    JsonObject metadata;
    if (json["metadata"].get(metadata) != simdjson::SUCCESS) return;
    std::string_view text;
    if (metadata["stack_trace"].get(text) == simdjson::SUCCESS) node.source = source_line(text);
    if (metadata["nn_module_stack"].get(text) == simdjson::SUCCESS) {
      Module module = innermost_module(text);
      node.module_path = std::move(module.path);
      node.module_type = std::move(module.type);
    }
  }

  // --- wrappers
  // ----------------------------------------------------------------------------------- Operand
  // `graph_at` is the wrapped graph, those from `first` on are its inputs.
  struct Wrapper {
    size_t graph_at;
    size_t first;
  };
  static std::optional<Wrapper> wrapper(const std::string& op,
                                        const std::vector<JsonUnion>& operands) {
    if (op == "higher_order::wrap_with_set_grad_enabled") return Wrapper{1, 2};
    if (op == "higher_order::tag_activation_checkpoint" || op == "higher_order::wrap" ||
        op == "higher_order::strict_mode") {
      return Wrapper{0, 1};
    }
    if (op == "higher_order::invoke_subgraph") return Wrapper{0, 2};
    if (op == "higher_order::wrap_with_autocast" && operands.size() > 4) {
      bool enabled = true;  // (device_type, dtype, enabled, cache_enabled, graph, ...)
      if (operands[2].value.get(enabled) == simdjson::SUCCESS && !enabled) return Wrapper{4, 5};
    }
    return std::nullopt;
  }

  // True if the call only wraps a graph, whose nodes were then read in its place.
  Result<bool> inline_wrapper(GraphScope& scope, const std::string& op, JsonArray inputs,
                              const std::vector<OutputName>& names, int depth) {
    if (!op.starts_with("higher_order::")) return false;
    std::vector<JsonUnion> operands;
    for (JsonValue input : inputs) {
      TRY_ASSIGN(JsonObject named, formats::json_object(input, "input"));
      TRY_ASSIGN(JsonValue arg, formats::json_field(named, "arg"));
      TRY_ASSIGN(JsonUnion u, formats::json_union(arg, "arg"));
      operands.push_back(u);
    }
    auto shape = wrapper(op, operands);
    if (!shape || operands.size() <= shape->graph_at ||
        operands[shape->graph_at].tag != "as_graph") {
      return false;
    }
    if (depth >= limits_.max_json_depth) return Error{"graphs are nested too deep", ""};
    TRY_ASSIGN(JsonObject named_graph,
               formats::json_object(operands[shape->graph_at].value, "as_graph"));
    TRY_ASSIGN(JsonObject graph, formats::object_field(named_graph, "graph"));
    TRY_ASSIGN(GraphScope inner, GraphScope::open(graph, shared_));
    TRY_ASSIGN(JsonArray parameters, formats::array_field(graph, "inputs"));
    std::vector<JsonValue> given;
    size_t at = 0;
    for (JsonValue input : inputs) {
      TRY_ASSIGN(JsonValue arg, formats::json_field(JsonObject(input), "arg"));
      if (at++ >= shape->first) given.push_back(arg);
    }
    TRY(bind_parameters(scope, given, inner, parameters));
    TRY(nodes(inner, depth + 1));
    TRY_ASSIGN(JsonArray results, formats::array_field(graph, "outputs"));
    TRY(bind_results(scope, names, inner, results));
    return true;
  }

  static Status bind_parameters(const GraphScope& outer, const std::vector<JsonValue>& given,
                                GraphScope& inner, JsonArray parameters) {
    TRY_ASSIGN(std::vector<OutputName> names, GraphScope::output_names(parameters));
    if (names.size() != given.size()) {
      return Error{fmt::format("the wrapped graph takes {} inputs, {} are given", names.size(),
                               given.size()),
                   ""};
    }
    for (size_t i = 0; i < names.size(); ++i) {
      if (names[i].kind == OutputName::Kind::kNone) continue;
      TRY_ASSIGN(Arg arg, outer.argument(given[i]));
      inner.bind(names[i].name, std::move(arg));
    }
    return {};
  }

  static Status bind_results(GraphScope& outer, const std::vector<OutputName>& names,
                             const GraphScope& inner, JsonArray results) {
    std::vector<Arg> args;
    for (JsonValue result : results) {
      TRY_ASSIGN(Arg arg, inner.argument(result));
      args.push_back(std::move(arg));
    }
    if (names.size() != args.size()) {
      return Error{fmt::format("the wrapped graph returns {} values, {} are taken", args.size(),
                               names.size()),
                   ""};
    }
    for (size_t i = 0; i < names.size(); ++i) {
      if (names[i].kind != OutputName::Kind::kNone) outer.bind(names[i].name, std::move(args[i]));
    }
    return {};
  }

  // --- outputs
  // ------------------------------------------------------------------------------------
  Status outputs(const GraphScope& scope, JsonObject signature, JsonObject module) {
    TRY_ASSIGN(JsonArray specs, formats::array_field(signature, "output_specs"));
    std::vector<std::string> names = output_names(module);
    size_t user_index = 0;
    for (JsonValue value : specs) {
      TRY_ASSIGN(JsonUnion spec, formats::json_union(value, "output spec"));
      TRY_ASSIGN(JsonObject body, formats::json_object(spec.value, spec.tag));
      if (spec.tag == "user_output" || spec.tag == "loss_output") {
        std::string name = user_index < names.size() ? names[user_index] : "";
        TRY(user_output(scope, body, spec.tag, user_index, std::move(name)));
        ++user_index;
      } else if (spec.tag == "buffer_mutation" || spec.tag == "parameter_mutation") {
        TRY_ASSIGN(std::string_view target,
                   formats::string_field(
                       body, spec.tag == "buffer_mutation" ? "buffer_name" : "parameter_name"));
        note(
            fmt::format("the model changes `{}` when it runs; an ONNX model keeps no state, so the "
                        "change is left out",
                        target));
      } else if (spec.tag == "user_input_mutation") {
        TRY_ASSIGN(std::string_view target, formats::string_field(body, "user_input_name"));
        note(fmt::format("the model changes its input `{}` in place; the change is left out",
                         target));
      } else if (spec.tag != "token") {
        return Error{
            fmt::format("an output has the kind `{}`: only inference programs can be exported",
                        spec.tag),
            ""};
      }
    }
    return {};
  }

  Status user_output(const GraphScope& scope, JsonObject body, std::string_view kind, size_t index,
                     std::string name) {
    TRY_ASSIGN(JsonValue arg, formats::json_field(body, "arg"));
    if (kind == "loss_output") {
      TRY_ASSIGN(std::string_view tensor, formats::string_field(JsonObject(arg), "name"));
      TRY_ASSIGN(ValueId id, scope.tensor(tensor));
      program().outputs.push_back({id, std::move(name)});
      return {};
    }
    TRY_ASSIGN(JsonUnion u, formats::json_union(arg, "arg"));
    std::string label = name.empty() ? fmt::format("output {}", index) : "output `" + name + "`";
    if (u.tag == "as_tensor") {
      TRY_ASSIGN(Arg value, scope.argument(arg));
      program().outputs.push_back({*value.as<ValueId>(), std::move(name)});
    } else if (u.tag == "as_none") {
      note(label + " is None: it is left out");
    } else if (u.tag.starts_with("as_sym")) {
      auto value = scope.argument(arg);
      note(fmt::format(
          "{} is a number that depends on sizes or data ({}), not a tensor: it is left out", label,
          value.ok() ? aten::to_string(*value) : std::string(u.tag)));
    } else {
      note(fmt::format("{} is the constant {}, not a tensor: it is left out", label,
                       std::string(simdjson::minify(u.value))));
    }
    return {};
  }

  // Names are a nicety: a file whose treespec cannot be read has outputs without names.
  static std::vector<std::string> output_names(JsonObject module) {
    NamedTupleFields fields;
    JsonObject tuples;
    if (module["treespec_namedtuple_fields"].get(tuples) == simdjson::SUCCESS) {
      for (simdjson::dom::key_value_pair tuple : tuples) {
        JsonArray names;
        if (tuple.value["field_names"].get(names) != simdjson::SUCCESS) continue;
        for (JsonValue name : names) {
          std::string_view text;
          if (name.get(text) == simdjson::SUCCESS)
            fields[std::string(tuple.key)].emplace_back(text);
        }
      }
    }
    std::string_view spec;
    if (module.at_pointer("/module_call_graph/0/signature/out_spec").get(spec) !=
        simdjson::SUCCESS) {
      return {};
    }
    auto names = leaf_names(spec, fields);
    return names.ok() ? std::move(names).value() : std::vector<std::string>();
  }

  JsonObject root_;
  Pt2Archive& archive_;
  const Limits& limits_;
  Shared shared_;
};

}  // namespace

Result<aten::Program> read_graph(JsonValue root, Pt2Archive& archive, const Limits& limits) {
  TRY_ASSIGN(JsonObject object, formats::json_object(root, "document"));
  return GraphReader(object, archive, limits).run();
}

}  // namespace onnxport::read
