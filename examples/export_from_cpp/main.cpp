// Exports a .pt2 from a C++ program, prints the report, and shows the registry of formats.
//
//   export_from_cpp IN.pt2 OUT.onnx
#include <onnxport/export.h>

#include <iostream>

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: export_from_cpp IN.pt2 OUT.onnx\n";
    return 2;
  }

  // A format of one's own: the export of "onnx" with settings of its own. Any function of this type
  // will do.
  onnxport::register_format(
      "onnx-opset13", [](const std::string& source, const std::string& output,
                         const onnxport::ExportConfig& config, const onnxport::Progress& progress) {
        onnxport::ExportConfig own = config;
        own.format = "onnx";
        own.opset_version = 13;
        return onnxport::export_model(source, output, own, progress);
      });

  onnxport::ExportConfig config;
  config.format = "onnx-opset13";
  const auto progress = [](const std::string& stage, bool finished, double seconds) {
    if (finished) std::cout << stage << ": " << seconds << " s\n";
  };
  const onnxport::Report report = onnxport::export_model(argv[1], argv[2], config, progress);
  std::cout << report.text() << '\n';
  return report.exit_code();
}
