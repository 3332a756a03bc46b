// One page: no script, nothing loaded from elsewhere, readable in light and dark. Every function
// but html_document() gives a piece of its body; texts are escaped here.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "onnxport/export.h"

namespace onnxport::page {

using Rows = std::vector<std::pair<std::string, double>>;

std::string escape(const std::string& text);
// The verdict, and the paths below it.
std::string heading(bool good, const char* verdict, const std::string& source,
                    const std::string& output);
std::string fact(const char* name, const std::string& value);  // inside <dl class="facts">
std::string time_fact(const std::vector<Stage>& stages);       // of all stages together
std::string error_section(const std::string& error);           // nothing where there is none
// The last cell of an output's row.
std::string verdict_cell(bool passed, const std::string& reason);
std::string runs_list(const std::vector<std::string>& runs);
std::string ports_section(const std::vector<std::string>& inputs,
                          const std::vector<std::string>& outputs);
// Rows of a name, a number in `format` and a bar of that length; nothing where there are none.
std::string bars_section(const char* title, Rows rows, const char* format, bool by_value);
Rows rows_of(const std::map<std::string, int>& counts);
Rows rows_of(const std::vector<Stage>& stages);
std::string notes_section(const std::vector<std::string>& notes);
std::string html_document(const std::string& title, const std::string& body,
                          const std::string& footer);

}  // namespace onnxport::page
