// The sizes that a program's symbols stand for, found from the sizes of actual inputs.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "aten/program.h"
#include "base/result.h"

namespace onnxport::aten {

// One list of sizes per program input, in order. A dimension that is a symbol binds it; one that is
// linear in a single unbound symbol (`2*s0 + 1`) is solved; everything else is checked. Refuses
// inputs that no binding fits, by input name and axis.
Result<std::map<std::string, int64_t>> bind_sizes(const Program& program,
                                                  const std::vector<std::vector<int64_t>>& dims);

}  // namespace onnxport::aten
