// A .pt2 file: torch.export.save's, which libtorch runs call by call for the proof.
#include <fmt/format.h>

#include "pipeline/source.h"
#include "read/pt2.h"

namespace onnxport::pipeline {
namespace {

extern const SourceKind kPt2;

class Pt2Source final : public Source {
 public:
  explicit Pt2Source(aten::Program program) : Source(kPt2, std::move(program)) {}

  std::string advice_for_dynamic_batch() const override {
    return fmt::format(
        "export it again with dynamic_shapes={{\"{}\": {{0: torch.export.Dim(\"batch\")}}}}",
        program().inputs[0].name);
  }
};

Result<std::unique_ptr<Source>> read(const std::string& path, const ExportConfig& config) {
  read::Limits limits;
  if (config.memory) limits.max_expanded = static_cast<uint64_t>(*config.memory);
  TRY_ASSIGN(aten::Program program, read::read_pt2(path, limits));
  return std::unique_ptr<Source>(std::make_unique<Pt2Source>(std::move(program)));
}

// Its reader says of a file what it is instead, and how to make a .pt2 of the model.
std::optional<Error> advice(const std::string& path) {
  auto program = read::read_pt2(path);
  if (program.ok()) return std::nullopt;
  return std::move(program).error();
}

const SourceKind kPt2 = {.name = ".pt2",
                         .description = "PyTorch exported program",
                         .recognise = read::is_pt2,
                         .read = read,
                         .advice = advice};
const RegisterSource kRegistered(kPt2);

}  // namespace
}  // namespace onnxport::pipeline
