// The model that is exported, whatever kind of file it is in. A kind of file is a file of its own
// here (source_pt2.cpp, source_torchscript.cpp), which registers itself; nobody else asks which one
// a source is.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aten/program.h"
#include "base/result.h"
#include "libtorch/plugin.h"
#include "onnx/graph.h"
#include "onnxport/export.h"

namespace onnxport::pipeline {

class Source;

struct SourceKind {
  const char* name;         // as messages call such a file: ".pt2", "TorchScript file"
  const char* description;  // as `inspect` calls it
  // The program's producer is what wrote the file, not only what read it.
  bool names_its_writer = true;
  // The settings InputSpec::value and type are for it: the file does not say them itself.
  bool takes_input_values = false;
  // By content. Of any file one kind at most says yes.
  bool (*recognise)(const std::string& path) = nullptr;
  Result<std::unique_ptr<Source>> (*read)(const std::string& path,
                                          const ExportConfig& config) = nullptr;
  // Of a file that no kind recognises: what it is and what to do. Null where it has nothing to say.
  std::optional<Error> (*advice)(const std::string& path) = nullptr;
};

class Source {
 public:
  Source(const SourceKind& kind, aten::Program program)
      : kind_(kind), program_(std::move(program)) {}
  virtual ~Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  const SourceKind& kind() const { return kind_; }
  aten::Program& program() { return program_; }
  // What the file is proven against: a forward() of the model's own. Null: the program itself,
  // which libtorch runs call by call.
  virtual libtorch::MakeModule reference() { return {}; }
  // What to do about a fixed batch: "export it again with ...".
  virtual std::string advice_for_dynamic_batch() const = 0;

 protected:
  const aten::Program& program() const { return program_; }

 private:
  const SourceKind& kind_;
  aten::Program program_;
};

// At namespace scope in the file of the kind.
struct RegisterSource {
  explicit RegisterSource(const SourceKind& kind);
};
const std::vector<const SourceKind*>& source_kinds();  // sorted by name

// Null where no kind knows the file.
const SourceKind* recognise(const std::string& path);

// The model in a file of any kind. `config` says what the file itself may not: sizes, dynamic axes,
// values of inputs that are not tensors. Refuses settings that are not for this kind.
Result<std::unique_ptr<Source>> read_source(const std::string& path, const ExportConfig& config);

// `config` with the shapes and dynamic axes that an ONNX file has, where it gives none itself: what
// a TorchScript file must have been exported with.
ExportConfig with_shapes_of(const onnx::Model& model, ExportConfig config);

}  // namespace onnxport::pipeline
