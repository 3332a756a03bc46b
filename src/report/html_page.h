// One page: no script, nothing loaded from elsewhere, readable in light and dark. Every function
// but html_document() gives a piece of its body; texts are escaped here.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "onnxport/report.h"

namespace onnxport::page {

using Rows = std::vector<std::pair<std::string, double>>;

std::string escape(const std::string& text);
// The verdict, and the paths below it.
std::string heading(const ReportBase& report, const std::string& verdict);
// "Failed ✗ — nothing was written": of a run that was refused or cancelled; empty of any other.
std::string stopped_verdict(const ReportBase& report, const char* nothing_was = "written");
// The numbers on top; the time of all stages together comes last. Nothing of a run that was
// stopped.
using Facts = std::vector<std::pair<const char*, std::string>>;
std::string facts_section(const ReportBase& report, const Facts& facts);
std::string error_section(const std::string& error);  // nothing where there is none
// The last cell of an output's row.
std::string verdict_cell(bool passed, const std::string& reason);
std::string runs_list(const std::vector<RunReport>& runs, std::string (*text)(const RunReport&));
std::string ports_section(const ReportBase& report);
// Rows of a name, a number in `format` and a bar of that length; nothing where there are none.
std::string bars_section(const char* title, Rows rows, const char* format, bool by_value);
Rows rows_of(const std::map<std::string, int>& counts);
Rows rows_of(const std::vector<Stage>& stages);
std::string notes_section(const std::vector<std::string>& notes);
std::string html_document(const ReportBase& report, const std::string& body,
                          const std::string& footer);

}  // namespace onnxport::page
