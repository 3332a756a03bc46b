// `onnxport simplify`.
#pragma once

#include "options/option.h"

namespace onnxport::cli {

int run_simplify(const options::Settings& settings);

}  // namespace onnxport::cli
