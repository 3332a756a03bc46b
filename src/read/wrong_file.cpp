#include "read/wrong_file.h"

#include <string>
#include <string_view>

#include "formats/magic.h"

namespace onnxport::read {

namespace {

using formats::Magic;

// The two lines that make a .pt2 of whatever `model` is.
constexpr const char* kSave =
    "In Python:\n"
    "  program = torch.export.export(model.eval(), (torch.randn(2, 3, 224, 224),),"
    " dynamic_shapes=({0: torch.export.Dim.AUTO},))\n"
    "  torch.export.save(program, \"model.pt2\")\n"
    "or a TorchScript file: torch.jit.trace(model.eval(), torch.randn(2, 3, 224, 224))"
    ".save(\"model.pt\")";

Error what_it_is(const std::string& what) {
  return Error{what + " A .pt2 is needed, which holds the graph too. " + kSave, ""};
}

}  // namespace

std::optional<Error> wrong_file(std::span<const std::byte> bytes) {
  switch (formats::magic_of(bytes)) {
    case Magic::kZip:
      return std::nullopt;
    case Magic::kEmpty:
      return Error{"is empty", ""};
    case Magic::kHdf5:
      return what_it_is("is an HDF5 file (.h5, as Keras writes it), not a PyTorch program.");
    case Magic::kSafetensors:
      return what_it_is(
          "is a safetensors file: weights without a graph. Load them into their model first.");
    case Magic::kOnnx:
      return Error{
          "is an ONNX file already. `onnxport check` and `onnxport inspect` read it; to make "
          "one, give the .pt2 that it came from",
          ""};
    case Magic::kPickle:
      return what_it_is(
          "is a Python pickle (a checkpoint of torch 1.5 or earlier, or another object). "
          "Load it in Python first.");
    case Magic::kGitLfs:
      return Error{"is a Git LFS pointer, not the file itself. Fetch it with `git lfs pull`", ""};
    case Magic::kTfLite:
      return what_it_is("is a TensorFlow Lite model.");
    case Magic::kWebPage:
      return Error{"is a web page, not the file itself: download it again", ""};
    case Magic::kUnknown:
      break;
  }
  return Error{"is not a .pt2: a .pt2 is a zip archive, and this file does not begin like one", ""};
}

Error wrong_zip(const formats::Zip& zip) {
  bool code = false;
  bool pickle = false;
  bool keras = false;
  bool package = false;
  for (const formats::ZipEntry& entry : zip.entries()) {
    std::string_view name = entry.name;
    code =
        code || name.find("/code/") != std::string_view::npos || name.ends_with("/constants.pkl");
    pickle = pickle || name == "data.pkl" || name.ends_with("/data.pkl");
    keras = keras || name == "model.weights.h5";
    package = package || name.ends_with("/.data/extern_modules");
  }
  if (package) {
    return Error{
        "is a torch.package archive, which carries Python code of its own. Load its object in "
        "Python, torch.package.PackageImporter(path).load_pickle(package, resource), and save the "
        "module in it: module.save(\"model.pt\") where it is TorchScript; else " +
            std::string(kSave),
        ""};
  }
  if (code) {
    return Error{
        "is a TorchScript archive (torch.jit.save), not a .pt2. Save the original module: " +
            std::string(kSave),
        ""};
  }
  if (pickle) {
    return what_it_is(
        "is a torch.save file (a state dict, checkpoint or whole module). Load it into its "
        "model first.");
  }
  if (keras) return what_it_is("is a Keras archive, not a PyTorch program.");
  return Error{
      "is a zip archive without an exported program (`models/<name>.json` or "
      "`serialized_exported_program.json`). " +
          std::string(kSave),
      ""};
}

}  // namespace onnxport::read
