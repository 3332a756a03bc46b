// What the pages of both reports are made of.
#include "report/html_page.h"

#include <fmt/format.h>

#include <algorithm>

namespace onnxport::page {
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
.bar.before { background: var(--soft); opacity: .4; margin-bottom: 2px; }
td.wide { width: 45%; vertical-align: middle; } tr.sum td { font-weight: 600; }
footer { color: var(--soft); font-size: .85rem; margin-top: 3rem; }
)";

// Rows of a name, a number and a bar of that length.
std::string bars(const Rows& rows, const char* format) {
  double most = 0;
  for (const auto& [name, value] : rows) most = std::max(most, value);
  std::string out = "<div class=\"scroll\"><table>\n";
  for (const auto& [name, value] : rows) {
    out += fmt::format(
        "<tr><td><code>{}</code></td><td class=\"n\">{}</td><td class=\"wide\">"
        "<span class=\"bar\" style=\"width:{:.1f}%\"></span></td></tr>\n",
        escape(name), fmt::format(fmt::runtime(format), value), most > 0 ? 100 * value / most : 0);
  }
  return out + "</table></div>\n";
}

}  // namespace

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

std::string heading(const ReportBase& report, const std::string& verdict) {
  return fmt::format("<h1 class=\"{}\">{}</h1>\n<p class=\"path\">{} → {}</p>\n",
                     report.passed() ? "good" : "bad", verdict, escape(report.source_path),
                     escape(report.output_path.empty() ? "nothing" : report.output_path));
}

std::string stopped_verdict(const ReportBase& report, const char* nothing_was) {
  const char* word = report.outcome == Outcome::kRefused     ? "Failed"
                     : report.outcome == Outcome::kCancelled ? "Cancelled"
                                                             : nullptr;
  return word == nullptr ? "" : fmt::format("{} ✗ — nothing was {}", word, nothing_was);
}

std::string facts_section(const ReportBase& report, const Facts& facts) {
  if (!stopped_verdict(report).empty()) return "";
  std::string out = "<dl class=\"facts\">\n";
  auto add = [&](const char* name, const std::string& value) {
    out += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", name, escape(value));
  };
  for (const auto& [name, value] : facts) add(name, value);
  double seconds = 0;
  for (const Stage& stage : report.stages) seconds += stage.seconds;
  add("Time", fmt::format("{:.2f} s", seconds));
  return out + "</dl>\n";
}

std::string error_section(const std::string& error) {
  return error.empty() ? "" : "<h2>What went wrong</h2>\n<pre>" + escape(error) + "</pre>\n";
}

std::string verdict_cell(bool passed, const std::string& reason) {
  return fmt::format("<td class=\"{}\">{} {}</td>", passed ? "good" : "bad", passed ? "✓" : "✗",
                     escape(reason));
}

std::string runs_list(const std::vector<RunReport>& runs, std::string (*text)(const RunReport&)) {
  std::string out = "<details><summary>Runs</summary><pre>";
  for (const RunReport& run : runs) out += escape(text(run)) + "\n";
  return out + "</pre></details>\n";
}

std::string ports_section(const ReportBase& report) {
  if (report.inputs.empty() && report.outputs.empty()) return "";
  std::string out = "<h2>Inputs and outputs</h2>\n<div class=\"scroll\"><table>\n";
  auto add = [&](const char* kind, const TensorReport& tensor) {
    out +=
        fmt::format("<tr><th>{}</th><td><code>{}</code></td></tr>\n", kind, escape(tensor.text()));
  };
  for (const TensorReport& input : report.inputs) add("in", input);
  for (const TensorReport& output : report.outputs) add("out", output);
  return out + "</table></div>\n";
}

std::string bars_section(const char* title, Rows rows, const char* format, bool by_value) {
  if (rows.empty()) return "";
  if (by_value) {
    std::stable_sort(rows.begin(), rows.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
  }
  return fmt::format("<h2>{}</h2>\n{}", title, bars(rows, format));
}

Rows rows_of(const std::map<std::string, int>& counts) { return {counts.begin(), counts.end()}; }

Rows rows_of(const std::vector<Stage>& stages) {
  Rows rows;
  for (const Stage& stage : stages) rows.emplace_back(stage.name, stage.seconds);
  return rows;
}

std::string notes_section(const std::vector<std::string>& notes) {
  if (notes.empty()) return "";
  std::string out = "<h2>Notes</h2>\n<ul>\n";
  for (const std::string& note : notes) out += "<li>" + escape(note) + "</li>\n";
  return out + "</ul>\n";
}

std::string html_document(const ReportBase& report, const std::string& body,
                          const std::string& footer) {
  return fmt::format(
             "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
             "<title>{} · onnxport</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n",
             escape(report.output_path.empty() ? report.source_path : report.output_path), kStyle) +
         body + "<footer>" + escape(footer) + "</footer>\n</main>\n</body>\n</html>\n";
}

}  // namespace onnxport::page
