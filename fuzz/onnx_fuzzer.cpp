// Any bytes as an .onnx give an Error or a model.
#include "fuzz/fuzz.h"
#include "onnx/read.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  onnxport::fuzz::with_file(bytes, size, [](const std::string& path) {
    auto model = onnxport::onnx::read_model(path);
    static_cast<void>(model.ok());
  });
  return 0;
}
