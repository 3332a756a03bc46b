// Which dimensions of the exported model are dynamic, and their names.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "aten/program.h"
#include "base/expr.h"
#include "base/result.h"
#include "libtorch/plugin.h"
#include "onnxport/config.h"
#include "verify/verify.h"

namespace onnxport::shapes {

// What a source with a fixed size was asked to be dynamic in. See export_pipeline.cpp: a fixed
// batch can become dynamic where that is proven; any other axis stays as the source has it.
struct Shaped {
  int64_t fixed_batch = 0;       // > 0: every input has this size in axis 0, and dynamic is wanted
  std::string batch_name;        // the name that it would get
  bool batch_was_asked = false;  // by the user; a default may stay fixed with a note
  std::vector<std::string> notes;
  std::vector<std::string> input_names;  // in the file; empty where none is asked for
};

// The names that the inputs will have in the file: those asked, "input" for a single one, or the
// forward()'s own.
Result<std::vector<std::string>> input_names(const aten::Program& program,
                                             const ExportConfig& config);

// Renames the program's symbols as `config` asks, puts sizes in their place where it asks for a
// static shape, and checks the input shapes that it gives. Refuses what the source contradicts, by
// input and axis, with what to do.
Result<Shaped> apply(aten::Program& program, const ExportConfig& config);

// What the proof draws each input's values from, where `config` says so. Refuses what an input's
// type cannot hold.
Result<std::vector<std::optional<verify::ValueRange>>> drawn_ranges(const aten::Program& program,
                                                                    const ExportConfig& config);

// What `config` says of a TorchScript file's inputs. Refuses what a file of that kind needs a name
// for.
Result<libtorch::ScriptOptions> script_options(const ExportConfig& config);

// Every occurrence of these symbols, in shapes, arguments, scalars and ranges.
void substitute(aten::Program& program, const std::map<std::string, Expr>& values);

}  // namespace onnxport::shapes
