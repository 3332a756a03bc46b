#include "read/functionalize.h"

namespace onnxport::read {

Status functionalize(aten::Program& program) {
  for (const aten::Node& node : program.nodes) {
    if (node.op.ends_with("_") && !node.op.ends_with("__")) {
      return Error{"in-place call " + node.full_name() + " is not made functional yet", node.module_path};
    }
  }
  return {};
}

}  // namespace onnxport::read
