// The graph side of a .pt2: the exported program's JSON as an aten::Program, with the calls as they
// stand in the file: in-place calls and aliases are still there (functionalize.h takes them out).
#pragma once

#include "aten/program.h"
#include "base/result.h"
#include "formats/json.h"
#include "read/pt2_archive.h"

namespace onnxport::read {

// Left out: calls that only compute sizes (they are Exprs), calls that only assert, inputs and
// outputs that are not tensors (with a note). Wrappers that only set a mode are inlined.
Result<aten::Program> read_graph(formats::JsonValue root, Pt2Archive& archive,
                                 const Limits& limits);

}  // namespace onnxport::read
