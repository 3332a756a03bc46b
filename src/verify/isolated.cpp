#include "verify/isolated.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/json_number.h"

namespace onnxport::verify {
namespace {

using Json = nlohmann::json;

Json number(double x) { return json_number<Json>(x); }

Json to_json(const Verdict& v) {
  Json j = {{"passed", v.passed},       {"reason", v.reason},    {"notes", v.notes},
            {"outputs", Json::array()}, {"runs", Json::array()}, {"first", nullptr}};
  for (const OutputVerdict& o : v.outputs) {
    j["outputs"].push_back({{"name", o.name},
                            {"passed", o.passed},
                            {"max_abs", number(o.max_abs)},
                            {"max_rel", number(o.max_rel)},
                            {"scale", number(o.scale)},
                            {"float32", o.float32_abs ? number(*o.float32_abs) : Json()},
                            {"reason", o.reason}});
  }
  for (const Run& r : v.runs) {
    j["runs"].push_back({{"seed", r.seed},
                         {"dims", r.input_dims},
                         {"max_abs", number(r.max_abs)},
                         {"passed", r.passed}});
  }
  if (v.first) {
    const Divergence& d = *v.first;
    j["first"] = {{"node", d.onnx_node},
                  {"type", d.op_type},
                  {"aten", d.aten_op},
                  {"value", d.value},
                  {"module", d.module_path},
                  {"source", d.source},
                  {"max_abs", number(d.max_abs)},
                  {"reason", d.reason}};
  }
  return j;
}

Verdict verdict_from(const Json& j) {
  Verdict v;
  v.passed = j["passed"];
  v.reason = j["reason"];
  v.notes = j["notes"].get<std::vector<std::string>>();
  for (const Json& from : j["outputs"]) {
    OutputVerdict& o = v.outputs.emplace_back();
    o.name = from["name"];
    o.passed = from["passed"];
    o.max_abs = number_from(from["max_abs"]);
    o.max_rel = number_from(from["max_rel"]);
    o.scale = number_from(from["scale"]);
    if (!from["float32"].is_null()) o.float32_abs = number_from(from["float32"]);
    o.reason = from["reason"];
  }
  for (const Json& from : j["runs"]) {
    v.runs.push_back({from["seed"].get<int>(),
                      from["dims"].get<std::vector<std::vector<int64_t>>>(),
                      number_from(from["max_abs"]), from["passed"].get<bool>()});
  }
  if (const Json& from = j["first"]; !from.is_null()) {
    Divergence& d = v.first.emplace();
    d.onnx_node = from["node"];
    d.op_type = from["type"];
    d.aten_op = from["aten"];
    d.value = from["value"];
    d.module_path = from["module"];
    d.source = from["source"];
    d.max_abs = number_from(from["max_abs"]);
    d.reason = from["reason"];
  }
  return v;
}

// What the child sent, line by line; a last line that is not whole is left out.
struct Received {
  std::string step;  // the last one begun
  std::optional<Verdict> verdict;
  std::optional<Error> error;
};

Received received_lines(const std::string& text) {
  Received received;
  for (size_t from = 0, end; (end = text.find('\n', from)) != std::string::npos; from = end + 1) {
    const Json line =
        Json::parse(text.substr(from, end - from), nullptr, /*allow_exceptions=*/false);
    if (!line.is_object()) continue;
    if (line.contains("step")) received.step = line["step"];
    if (line.contains("verdict")) received.verdict = verdict_from(line["verdict"]);
    if (line.contains("error"))
      received.error = Error{line["error"].get<std::string>(), line["where"].get<std::string>()};
  }
  return received;
}

// Whoever took the process over may have written anything.
Result<Received> received_from(const std::string& text) {
  try {
    return received_lines(text);
  } catch (const Json::exception& e) {
    return Error{std::string("the process of the proof sent what is not a verdict: ") + e.what(),
                 ""};
  }
}

}  // namespace

std::string unbounded_loop(const aten::Program& program) {
  std::string found;
  aten::for_each_node(program.nodes, [&](const aten::Node& node) {
    if (!found.empty() || node.op != "prim::Loop") return;
    const aten::Arg* limit = node.arg("max_trip_count");
    if (limit != nullptr && !limit->is_none()) return;
    found = node.source.empty() ? "a loop of its code" : node.source;
  });
  return found;
}

Result<Verdict> verify_isolated(const std::function<Result<Verdict>(const Steps&)>& prove,
                                const Isolation& isolation) {
  auto work = [&](const sandbox::Send& send) {
    auto tell = [&](const Json& line) {
      send(line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
    };
    const Steps steps{[&](const std::string& what) {
                        tell({{"step", what}});
                      },
                      [&](const Verdict& verdict) {
                        tell({{"verdict", to_json(verdict)}});
                      }};
    auto verdict = prove(steps);
    if (verdict.ok()) {
      steps.verdict(*verdict);
    } else {
      tell({{"error", verdict.error().message}, {"where", verdict.error().where}});
    }
  };
  sandbox::ChildOptions options = isolation.child;
  if (!isolation.loop.empty()) options.silence = isolation.limit;
  TRY_ASSIGN(const sandbox::ChildEnd end, sandbox::in_child(work, options));
  TRY(check_cancelled(options.cancel));
  TRY_ASSIGN(Received received, received_from(end.text));
  if (received.error) return *std::move(received.error);
  const std::string why =
      end.late
          ? fmt::format(
                "has not ended after {:g} s; whether it does depends on the data ({}). Give the loop "
                "a bound (`and steps < 1000`), or more time with --run-limit, or leave out the proof "
                "with --no-verify",
                isolation.limit, isolation.loop)
          : fmt::format("ended its process: {}", end.how);
  if (!received.verdict) return Error{received.step + " " + why, ""};
  if (end.late || end.crashed) {
    received.verdict->first.emplace().reason =
        fmt::format("the first node that differs could not be found: {} {}", received.step, why);
  }
  return *std::move(received.verdict);
}

}  // namespace onnxport::verify
