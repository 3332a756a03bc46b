// A Report as one page: no script, nothing loaded from elsewhere, readable in light and dark.
#include <fmt/format.h>

#include <algorithm>

#include "onnxport/export.h"

namespace onnxport {
namespace {

constexpr const char* kStyle = R"(
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --line: #d8dee4; --paper: #fff;
  --card: #f6f8fa; --good: #1a7f37; --bad: #cf222e; --bar: #54aeff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9198a1; --line: #30363d;
  --paper: #0d1117; --card: #161b22; --good: #3fb950; --bad: #f85149; --bar: #388bfd; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
.path { color: var(--soft); overflow-wrap: anywhere; margin: 0; }
.good { color: var(--good); } .bad { color: var(--bad); }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .75rem;
  margin: 1.5rem 0 0; }
.facts div { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: .6rem .8rem; }
.facts dt { color: var(--soft); font-size: .85rem; } .facts dd { margin: 0; font-size: 1.15rem;
  font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th { color: var(--soft); font-weight: 500; font-size: .85rem; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
code, pre { font: .9em/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .8rem;
  white-space: pre-wrap; overflow-wrap: anywhere; margin: .5rem 0; }
.bar { display: block; height: .6rem; border-radius: 3px; background: var(--bar); min-width: 2px; }
footer { color: var(--soft); font-size: .85rem; margin-top: 3rem; }
)";

std::string escape(const std::string& text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string fact(const char* name, const std::string& value) {
  return fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", name, escape(value));
}

std::string heading(const Report& r) {
  const char* text = r.outcome == Outcome::kRefused   ? "Failed ✗ — nothing was written"
                     : r.outcome == Outcome::kDiffers ? "Failed ✗ — differs from PyTorch"
                     : r.verified                     ? "Passed ✓"
                                                      : "Written, not verified";
  return fmt::format("<h1 class=\"{}\">{}</h1>\n<p class=\"path\">{} → {}</p>\n",
                     r.passed() ? "good" : "bad", text, escape(r.source_path),
                     escape(r.output_path.empty() ? "nothing" : r.output_path));
}

std::string facts_section(const Report& r) {
  if (r.outcome == Outcome::kRefused) return "";
  double seconds = 0;
  for (const Stage& stage : r.stages) seconds += stage.seconds;
  std::string nodes = std::to_string(r.nodes);
  if (r.nodes_before_simplify > r.nodes) nodes += fmt::format(" (of {})", r.nodes_before_simplify);
  return "<dl class=\"facts\">\n" + fact("Opset", std::to_string(r.opset)) +
         fact("Size", fmt::format("{:.2f} MB", static_cast<double>(r.file_bytes) / 1e6)) +
         fact("Nodes", nodes) +
         fact("Parameters", fmt::format("{:.2f} M", static_cast<double>(r.parameters) / 1e6)) +
         fact("Time", fmt::format("{:.2f} s", seconds)) +
         fact("Runs compared", std::to_string(r.runs.size())) + "</dl>\n";
}

std::string problem_section(const Report& r) {
  std::string out;
  if (!r.error.empty()) out += "<h2>What went wrong</h2>\n<pre>" + escape(r.error) + "</pre>\n";
  if (!r.first_divergence.empty()) {
    out += "<h2>Where it starts to differ</h2>\n<pre>" + escape(r.first_divergence) + "</pre>\n";
  }
  return out;
}

std::string comparison_section(const Report& r) {
  if (r.outputs.empty()) return "";
  std::string out =
      "<h2>Against PyTorch</h2>\n<div class=\"scroll\"><table>\n<tr><th>Output</th>"
      "<th class=\"n\">Max absolute</th><th class=\"n\">Max relative</th>"
      "<th class=\"n\">Values to</th><th class=\"n\">float32 itself</th><th></th></tr>\n";
  for (const OutputReport& o : r.outputs) {
    out += fmt::format(
        "<tr><td><code>{}</code></td><td class=\"n\">{:.2e}</td><td class=\"n\">{:.2e}"
        "</td><td class=\"n\">{:.3g}</td><td class=\"n\">{}</td>"
        "<td class=\"{}\">{} {}</td></tr>\n",
        escape(o.name), o.max_abs_difference, o.max_rel_difference, o.scale,
        o.float32_difference ? fmt::format("{:.2e}", *o.float32_difference) : "",
        o.passed ? "good" : "bad", o.passed ? "✓" : "✗", escape(o.reason));
  }
  out += "</table></div>\n<details><summary>Runs</summary><pre>";
  for (const std::string& run : r.runs) out += escape(run) + "\n";
  return out + "</pre></details>\n";
}

std::string ports_section(const Report& r) {
  if (r.inputs.empty() && r.output_types.empty()) return "";
  std::string out = "<h2>Inputs and outputs</h2>\n<div class=\"scroll\"><table>\n";
  for (const std::string& line : r.inputs) {
    out += "<tr><th>in</th><td><code>" + escape(line) + "</code></td></tr>\n";
  }
  for (const std::string& line : r.output_types) {
    out += "<tr><th>out</th><td><code>" + escape(line) + "</code></td></tr>\n";
  }
  return out + "</table></div>\n";
}

// Rows of a name, a number and a bar of that length.
std::string bars(const std::vector<std::pair<std::string, double>>& rows, const char* format) {
  double most = 0;
  for (const auto& [name, value] : rows) most = std::max(most, value);
  std::string out = "<div class=\"scroll\"><table>\n";
  for (const auto& [name, value] : rows) {
    out += fmt::format(
        "<tr><td><code>{}</code></td><td class=\"n\">{}</td><td style=\"width:60%\">"
        "<span class=\"bar\" style=\"width:{:.1f}%\"></span></td></tr>\n",
        escape(name), fmt::format(fmt::runtime(format), value), most > 0 ? 100 * value / most : 0);
  }
  return out + "</table></div>\n";
}

std::string bars_section(const char* title, std::vector<std::pair<std::string, double>> rows,
                         const char* format, bool by_value) {
  if (rows.empty()) return "";
  if (by_value) {
    std::stable_sort(rows.begin(), rows.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
  }
  return fmt::format("<h2>{}</h2>\n{}", title, bars(rows, format));
}

std::vector<std::pair<std::string, double>> rows_of(const std::map<std::string, int>& counts) {
  return {counts.begin(), counts.end()};
}

std::string notes_section(const Report& r) {
  if (r.notes.empty()) return "";
  std::string out = "<h2>Notes</h2>\n<ul>\n";
  for (const std::string& note : r.notes) out += "<li>" + escape(note) + "</li>\n";
  return out + "</ul>\n";
}

}  // namespace

std::string Report::html() const {
  std::vector<std::pair<std::string, double>> times;
  for (const Stage& stage : stages) times.emplace_back(stage.name, stage.seconds);
  std::string versions = "onnxport " + onnxport_version;
  if (!torch_version.empty()) versions += ", PyTorch " + torch_version;
  if (!onnxruntime_version.empty()) versions += ", ONNX Runtime " + onnxruntime_version;
  return fmt::format(
             "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
             "<title>{} · onnxport</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n",
             escape(output_path.empty() ? source_path : output_path), kStyle) +
         heading(*this) + facts_section(*this) + problem_section(*this) +
         comparison_section(*this) + ports_section(*this) +
         bars_section("Time", times, "{:.2f} s", false) +
         bars_section("Operators", rows_of(operators), "{:.0f}", true) +
         bars_section("Simplifications", rows_of(rules_fired), "{:.0f}", true) +
         notes_section(*this) + "<footer>" + escape(versions) +
         "</footer>\n</main>\n</body>\n</html>\n";
}

}  // namespace onnxport
