// What a report says, made fit for a screen or a page. Names, paths, reasons and notes may come
// from a file that a stranger made: text() and html() draw the report that shown() gives, and JSON
// is made of dumped() (report/json_parts.h).
#pragma once

#include "onnxport/report.h"
#include "pipeline/facts.h"

namespace onnxport::report {

// Every text as base/printable.h has it: a name in one line, an error or a note as a message.
Report shown(Report report);
SimplifyReport shown(SimplifyReport report);
facts::Facts shown(facts::Facts facts);

}  // namespace onnxport::report
