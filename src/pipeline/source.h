// The model that is exported, whatever kind of file it is in.
#pragma once

#include <memory>
#include <string>

#include "aten/program.h"
#include "base/result.h"
#include "libtorch/plugin.h"
#include "onnx/graph.h"
#include "onnxport/export.h"

namespace onnxport {

class Source {
 public:
  // A .pt2 or a TorchScript archive, told apart by content. `config` says what a TorchScript file
  // does not: sizes, dynamic axes, values of inputs that are not tensors.
  static Result<Source> read(const std::string& path, const ExportConfig& config);

  aten::Program& program() { return program_; }
  bool is_script() const { return plugin_ != nullptr; }
  // What the program is measured by beside itself: a TorchScript file's own forward(), loaded when
  // first asked for. Null for a .pt2.
  Result<libtorch::Module*> module();
  // The model takes a list of tensors, of which none has the batch as its axis 0: a detector's
  // pictures are [channels, height, width].
  Result<bool> takes_list();

 private:
  std::string path_;
  aten::Program program_;
  libtorch::ScriptOptions options_;
  std::unique_ptr<libtorch::Plugin> plugin_;
  std::unique_ptr<libtorch::Module> module_;
};

// `config` with the shapes and dynamic axes that an ONNX file has, where it gives none itself: what
// a TorchScript file must have been exported with.
ExportConfig with_shapes_of(const onnx::Model& model, ExportConfig config);

}  // namespace onnxport
