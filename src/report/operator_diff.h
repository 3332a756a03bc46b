// What the text and the page of a SimplifyReport have in common.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "onnxport/report.h"

namespace onnxport {

struct OperatorDiff {
  std::string name;
  int before = 0;
  int after = 0;
};
// Operators of which there are not as many as before; those that lost most first.
std::vector<OperatorDiff> operator_diff(const SimplifyReport& report);

std::string size_text(uint64_t bytes);                           // "12.3 kB", "97.50 MB"
std::string trace_line(const RuleApplication& a, size_t width);  // rule names padded to width
// A line for each rule, and below it one for each reason: how many nodes, and which come first.
std::vector<std::string> refusal_lines(const SimplifyReport& report);
std::string wrong_line(const WrongRule& w);

}  // namespace onnxport
