// The last lines of a report's text, of an export and of a simplification alike.
#pragma once

#include <string>
#include <vector>

#include "onnxport/report.h"

namespace onnxport {

// The line of the stages' times, and a line a note.
std::string footer(const std::vector<Stage>& stages, const std::vector<std::string>& notes);

}  // namespace onnxport
