// The reference: the aten::Program run by libtorch, call by call through its dispatcher. libtorch
// is behind a plugin (dlopen, RTLD_LOCAL), so nothing of it, its protobuf included, meets ours.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "aten/program.h"
#include "base/result.h"
#include "base/tensor.h"

namespace onnxport::verify {

class Reference {
 public:
  virtual ~Reference() = default;
  // Called for each tensor value as it is computed (outputs of every node), when given.
  using Watch = std::function<void(aten::ValueId, const Tensor&)>;
  struct RunOptions {
    bool float64 = false;  // everything that is float32 computed in float64
    int threads = 0;       // 0: libtorch's default
    Watch watch = {};
  };
  // Outputs in the program's order. Values are freed at their last use.
  virtual Result<std::vector<Tensor>> run(const aten::Program& program,
                                          const std::vector<Tensor>& inputs,
                                          const RunOptions& options) = 0;
  virtual std::string version() const = 0;  // "2.13.0"
  // libtorch's own text of an operator's schema; an Error when it has none.
  virtual Result<std::string> schema(const std::string& full_name) const = 0;
  virtual std::vector<std::string> all_schemas() const = 0;
};

// Loads the plugin: ONNXPORT_TORCH_PLUGIN, beside the executable, or the build/installed path.
Result<std::unique_ptr<Reference>> load_reference();

}  // namespace onnxport::verify
