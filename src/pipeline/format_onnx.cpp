// The built-in format.
#include "onnx/write.h"
#include "pipeline/format.h"

namespace onnxport::pipeline {
namespace {

class OnnxFormat final : public OutputFormat {
 public:
  std::string name() const override { return "onnx"; }
  std::string extension() const override { return ".onnx"; }
  std::string description() const override {
    return "an ONNX file, with a .data file beside it above protobuf's 2 GB";
  }
  Result<std::string> write(const onnx::Model& model, StagingFolder& staging,
                            const std::stop_token& cancel) const override {
    onnx::WriteOptions options;
    options.cancel = cancel;
    TRY_ASSIGN([[maybe_unused]] auto written, onnx::write_model(model, staging.file(), options));
    return staging.file();
  }
};

const RegisterOutputFormat kRegistered(std::make_shared<OnnxFormat>());

}  // namespace
}  // namespace onnxport::pipeline
