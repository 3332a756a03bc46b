// Exports a TorchScript module that a program has loaded, ready to be fed frame by frame.
//
//   script MODEL.pt OUT.onnx SIZE...        script vad.pt vad.onnx 1 512
#include <onnxport/torch.h>
#include <torch/script.h>

#include <cstdlib>
#include <iostream>

int main(int argc, char** argv) try {
  if (argc < 4) {
    std::cerr << "usage: script MODEL.pt OUT.onnx SIZE...\n";
    return 2;
  }
  std::vector<int64_t> sizes;
  for (int i = 3; i < argc; ++i) sizes.push_back(std::atoll(argv[i]));
  torch::jit::Module module = torch::jit::load(argv[1], torch::kCPU);
  const onnxport::Report report = onnxport::export_onnx(module, {torch::randn(sizes)}, argv[2]);
  // What the module keeps from run to run has become inputs and outputs; the notes say which.
  std::cout << report.text() << '\n';
  for (const auto& output : report.outputs) std::cout << "gives " << output.text() << '\n';
  return report.exit_code();
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
