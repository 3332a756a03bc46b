// What is asked of libtorch: to run an aten::Program (the reference of every proof), to read a
// TorchScript file, and to run that file itself. libtorch is behind a plugin (dlopen, RTLD_LOCAL),
// so nothing of it, its protobuf included, meets ours.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "aten/program.h"
#include "base/result.h"
#include "base/tensor.h"

namespace onnxport::libtorch {

struct RunOptions {
  bool float64 = false;  // everything that is float32 computed in float64
  // Called for each tensor value as it is computed (outputs of every node), when given.
  std::function<void(aten::ValueId, const Tensor&)> watch = {};
  std::stop_token cancel = {};  // ends a run between two calls, with an Error
};

// What a TorchScript file does not say of its inputs. An input is named as forward() names it; when
// the model takes one tensor, "input" is that one too.
struct ScriptOptions {
  using Sizes = std::vector<int64_t>;
  using Number = std::variant<bool, int64_t, double, std::string>;
  std::vector<Sizes> sizes;                  // of the tensor inputs, in order
  std::map<std::string, Sizes> named_sizes;  // the same, by input name
  // Input name -> axis -> name of the dimension. Unset: axis 0 of every input is "batch_size".
  // The sizes given for dynamic axes are examples.
  std::optional<std::map<std::string, std::map<int, std::string>>> dynamic_axes;
  bool static_shapes = false;            // no dynamic axis
  std::map<std::string, Number> values;  // of inputs that are no tensors; they become constants
  std::map<std::string, DType> dtypes;   // where the default (float32) is wrong
  // For load_script: attributes that a run reads and sets ("decoder.state"). They are inputs after
  // those of forward() and outputs after its results, as read_script made them the program's.
  std::vector<std::string> states;
};

// A TorchScript archive that has been looked through (read/script_check.h). Nothing below opens a
// file: what libtorch reads of it, it reads from `archive`.
struct ScriptFile {
  std::string path;                        // for messages
  std::shared_ptr<const Storage> archive;  // made of what was looked at (formats/repack.h)
  // What libtorch must find in it: names below the archive's folder, and sizes.
  std::vector<std::pair<std::string, size_t>> records;
};

// A model with a forward() of its own.
class Module {
 public:
  virtual ~Module() = default;
  // Outputs flattened as the program's are; what is no tensor is left out. `watch` has no effect.
  virtual Result<std::vector<Tensor>> forward(const std::vector<Tensor>& inputs,
                                              const RunOptions& options) = 0;
};

class Plugin {
 public:
  virtual ~Plugin() = default;
  // Outputs in the program's order. Values are freed at their last use.
  virtual Result<std::vector<Tensor>> run(const aten::Program& program,
                                          const std::vector<Tensor>& inputs,
                                          const RunOptions& options) = 0;
  virtual std::string version() const = 0;  // "2.13.0"
  // Has libtorch look at the machine, which it does once and could not do behind the sandbox's
  // wall. Starts no thread. `threads`: of all that follows; 0: libtorch's default.
  virtual void warm_up(int threads) = 0;
  // Something was computed in this process.
  virtual bool has_computed() const = 0;
  // libtorch's own text of an operator's schema; an Error when it has none.
  virtual Result<std::string> schema(const std::string& full_name) const = 0;
  virtual std::vector<std::string> all_schemas() const = 0;

  // A TorchScript archive as a program: loaded, put in eval mode, inlined, its control flow and
  // lists resolved as far as the sizes allow.
  virtual Result<aten::Program> read_script(const ScriptFile& file,
                                            const ScriptOptions& options) = 0;
  // The same archive, to be run by libtorch's own interpreter: what read_script is measured by.
  virtual Result<std::unique_ptr<Module>> load_script(const ScriptFile& file,
                                                      const ScriptOptions& options) = 0;
};

// Makes a module with a forward() of its own.
using MakeModule = std::function<Result<std::unique_ptr<Module>>(Plugin&)>;

// For warm_up() in a fork of this process: 1 where threads of libtorch, or of another library with
// the same pool of threads (OpenMP), have run in this process: a fork waits for them for ever. Else
// 0.
int threads_in_fork(const Plugin& plugin);

// Loads the plugin: ONNXPORT_TORCH_PLUGIN, beside the executable, or the build/installed path.
Result<std::unique_ptr<Plugin>> load_plugin();

// The plugin that would be loaded and the libtorch it was built with, read from its file: a program
// that has another libtorch must not load it. Empty when there is none, or it does not say.
struct PluginFile {
  std::string path;
  std::string version;  // "2.13.0"
};
PluginFile find_plugin();
// What stands before the version in that file.
#define ONNXPORT_PLUGIN_MARK "onnxport plugin, built with libtorch "

}  // namespace onnxport::libtorch
