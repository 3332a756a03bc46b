#include "onnx/open.h"

#include "formats/magic.h"

namespace onnxport::onnx {
namespace {

// "" for what may be an ONNX file.
std::string problem_with(formats::Magic magic) {
  using formats::Magic;
  switch (magic) {
    case Magic::kUnknown:
    case Magic::kOnnx:
      return "";
    case Magic::kEmpty:
      return "is empty";
    case Magic::kZip:
      return "is a zip archive, as PyTorch's files are, and no ONNX file. `onnxport export` makes one "
             "of a .pt2 or a TorchScript file";
    case Magic::kPickle:
      return "is a Python pickle, and no ONNX file";
    case Magic::kHdf5:
      return "is an HDF5 file (.h5, as Keras writes it), and no ONNX file";
    case Magic::kSafetensors:
      return "is a safetensors file: weights without a graph, and no ONNX file";
    case Magic::kTfLite:
      return "is a TensorFlow Lite model, and no ONNX file";
    case Magic::kGitLfs:
      return "is a Git LFS pointer, not the file itself. Fetch it with `git lfs pull`";
    case Magic::kWebPage:
      return "is a web page, not the file itself: download it again";
  }
  return "";
}

}  // namespace

Result<std::shared_ptr<const MappedFile>> open_model_file(const std::string& path) {
  TRY_ASSIGN(std::shared_ptr<const MappedFile> file, MappedFile::open(path));
  const std::string problem = problem_with(formats::magic_of(file->bytes()));
  if (!problem.empty()) return Error{problem, path};
  return file;
}

}  // namespace onnxport::onnx
