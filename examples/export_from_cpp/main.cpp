// Exports a .pt2 from a C++ program, prints the report, and shows the registry of formats.
//
//   export_from_cpp IN.pt2 OUT.onnx
#include <onnxport/export.h>

#include <filesystem>
#include <fstream>
#include <iostream>

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: export_from_cpp IN.pt2 OUT.onnx\n";
    return 2;
  }

  // A format of one's own: made from the ONNX file once that is checked and proven. This one writes
  // the file itself, and a text beside it that says what it takes and gives.
  onnxport::Format format;
  format.name = "onnx-and-text";
  format.extension = ".onnx";
  format.description = "an ONNX file and a text that says what it takes and gives";
  format.write = [](const onnxport::StagedModel& staged) -> std::string {
    std::error_code error;
    std::filesystem::copy_file(staged.onnx_path, staged.output_path, error);
    if (error) return error.message();
    std::ofstream text(staged.output_path + ".txt");
    for (const auto& input : staged.report.inputs) text << "takes " << input.text() << '\n';
    for (const auto& output : staged.report.outputs) text << "gives " << output.text() << '\n';
    return text.good() ? "" : "the text could not be written";
  };
  onnxport::register_format(format);

  onnxport::ExportConfig config;
  config.format = "onnx-and-text";
  config.opset_version = 13;
  const auto progress = [](const std::string& stage, bool finished, double seconds) {
    if (finished) std::cout << stage << ": " << seconds << " s\n";
  };
  const onnxport::Report report = onnxport::export_model(argv[1], argv[2], config, progress);
  std::cout << report.text() << '\n';
  return report.exit_code();
}
