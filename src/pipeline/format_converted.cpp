// A format of a program's own: made from the ONNX file that was checked and proven.
#include <filesystem>
#include <utility>

#include "onnx/write.h"
#include "pipeline/format.h"

namespace onnxport::pipeline {
namespace {

class ConvertedFormat final : public OutputFormat {
 public:
  explicit ConvertedFormat(Format format) : format_(std::move(format)) {}

  std::string name() const override { return format_.name; }
  std::string extension() const override { return format_.extension; }
  std::string description() const override { return format_.description; }

  Result<std::string> write(const onnx::Model& model, StagingFolder& staging,
                            const std::stop_token& cancel) const override {
    TRY(staging.make_scratch());
    const std::string path = staging.scratch_file();
    onnx::WriteOptions options;
    options.cancel = cancel;
    TRY_ASSIGN([[maybe_unused]] auto written, onnx::write_model(model, path, options));
    return path;
  }

  bool converts() const override { return true; }
  Status convert(const std::string& onnx_path, StagingFolder& staging, const Report& so_far,
                 const ExportConfig& config, const std::stop_token& cancel) const override {
    const StagedModel staged{onnx_path, staging.file(), so_far, config, cancel};
    if (std::string problem = format_.write(staged); !problem.empty()) {
      return Error{std::move(problem), "format `" + format_.name + "`"};
    }
    std::error_code error;
    if (!std::filesystem::exists(staging.file(), error)) {
      return Error{"has written nothing at the path that it was given",
                   "format `" + format_.name + "`"};
    }
    if (!format_.check) return {};
    std::string problem = format_.check(staging.file());
    if (problem.empty()) return {};
    return Error{std::move(problem), "format `" + format_.name + "`"};
  }

 private:
  Format format_;
};

}  // namespace

std::shared_ptr<const OutputFormat> converted_format(Format format) {
  return std::make_shared<ConvertedFormat>(std::move(format));
}

}  // namespace onnxport::pipeline
