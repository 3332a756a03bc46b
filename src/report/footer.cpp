#include "report/footer.h"

#include <fmt/format.h>

namespace onnxport {

std::string footer(const std::vector<Stage>& stages, const std::vector<std::string>& notes) {
  std::string out = "  ";
  const char* between = "";
  for (const Stage& stage : stages) {
    out += fmt::format("{}{} {:.2f} s", between, stage.name, stage.seconds);
    between = ", ";
  }
  out += "\n";
  for (const std::string& note : notes) out += "  note: " + note + "\n";
  return out;
}

}  // namespace onnxport
